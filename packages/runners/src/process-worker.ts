import { runTask, type TaskMessage } from './task-protocol.ts'
import { workerTasks } from './worker-tasks.ts'

const tasks = workerTasks(process.pid)

process.on('message', (message: { readonly id: number; readonly task: TaskMessage }) => {
  void runTask(message.task, tasks).then((answer) => process.send?.({ id: message.id, answer }))
})
// The host is gone: so is the reason to be.
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })
