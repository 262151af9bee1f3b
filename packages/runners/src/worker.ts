import { threadId } from 'node:worker_threads'
import { runTask, type TaskAnswer, type TaskMessage } from './task-protocol.ts'
import { workerTasks } from './worker-tasks.ts'

const tasks = workerTasks(threadId)

/** What a worker thread runs: called by the pool by this name. */
export function run(message: TaskMessage): Promise<TaskAnswer> {
  return runTask(message, tasks)
}
