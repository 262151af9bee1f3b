// Two worker threads that add to one shared buffer against one: rows a second. Below 1.7 the producers wait for each
// other (a shared cache line, a lock), and collecting with more actors would not pay.
//   node --conditions=@tradewright/source --import tsx packages/replay-buffers/bench/producers.bench.ts
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createReplayBuffer, shared } from '../src/index.ts'

const ROWS = 4_000_000
const CAPACITY = 262_144

/** Rows a second by the clock, and microseconds of processor time a row: the latter also tells on a busy machine. */
async function run(workers: number, chunkRows: number): Promise<{ readonly perSecond: number; readonly cpu: number }> {
  const columns = {
    obs: { dtype: 'int32', shape: [16] },
    action: { dtype: 'int32' },
    reward: { dtype: 'float64' },
  } as const
  const buffer = createReplayBuffer({ capacity: CAPACITY, columns, storage: shared({ chunkRows }) })
  const threads = Array.from(
    { length: workers },
    (_, who) =>
      new Worker(join(process.env.REPLAY_PACKAGE ?? join(import.meta.dirname, '..'), 'test/shared-worker.mjs'), {
        workerData: { handle: buffer.handle(), count: ROWS / workers, who, episode: 1000 },
      }),
  )
  const message = (thread: Worker) => new Promise<number>((resolve) => thread.once('message', resolve))
  await Promise.all(threads.map(message))
  const used = process.cpuUsage()
  const start = performance.now()
  const done = threads.map(message)
  for (const thread of threads) thread.postMessage('go')
  await Promise.all(done)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(used)
  await Promise.all(threads.map((thread) => thread.terminate()))
  return { perSecond: ROWS / seconds, cpu: (user + system) / ROWS }
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]

for (const chunkRows of [256, 8]) {
  const one: Awaited<ReturnType<typeof run>>[] = []
  const two: Awaited<ReturnType<typeof run>>[] = []
  for (let round = 0; round < 7; round++) {
    one.push(await run(1, chunkRows))
    two.push(await run(2, chunkRows))
  }
  const clock = two.map((t, i) => t.perSecond / one[i].perSecond)
  const cpu = two.map((t, i) => (2 * one[i].cpu) / t.cpu)
  const millions = (runs: typeof one): string => (median(runs.map((r) => r.perSecond)) / 1e6).toFixed(2)
  console.log(
    `chunks of ${chunkRows}: one ${millions(one)} M rows/s, two ${millions(two)} M rows/s: ${median(clock).toFixed(2)} times by the clock (best ${Math.max(...clock).toFixed(2)}), ${median(cpu).toFixed(2)} times by processor time a row`,
  )
}
