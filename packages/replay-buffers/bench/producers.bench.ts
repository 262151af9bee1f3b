// Two worker threads that add to one shared buffer against one: rows a second. Below 1.7 the producers wait for each
// other (a shared cache line, a lock), and collecting with more actors would not pay.
//   node --conditions=@tradewright/source --import tsx packages/replay-buffers/bench/producers.bench.ts
import { Worker } from 'node:worker_threads'
import { createReplayBuffer, shared } from '../src/index.ts'

const ROWS = 4_000_000
const CAPACITY = 262_144

async function rowsPerSecond(workers: number, chunkRows: number): Promise<number> {
  const columns = {
    obs: { dtype: 'int32', shape: [16] },
    action: { dtype: 'int32' },
    reward: { dtype: 'float64' },
  } as const
  const buffer = createReplayBuffer({ capacity: CAPACITY, columns, storage: shared({ chunkRows }) })
  const threads = Array.from(
    { length: workers },
    (_, who) =>
      new Worker(new URL('../test/shared-worker.mjs', import.meta.url), {
        workerData: { handle: buffer.handle(), count: ROWS / workers, who, episode: 1000 },
      }),
  )
  const message = (thread: Worker) => new Promise<number>((resolve) => thread.once('message', resolve))
  await Promise.all(threads.map(message))
  const start = performance.now()
  const done = threads.map(message)
  for (const thread of threads) thread.postMessage('go')
  await Promise.all(done)
  const seconds = (performance.now() - start) / 1000
  await Promise.all(threads.map((thread) => thread.terminate()))
  return ROWS / seconds
}

for (const chunkRows of [256, 8]) {
  const ratios: number[] = []
  const one: number[] = []
  const two: number[] = []
  for (let round = 0; round < 5; round++) {
    one.push(await rowsPerSecond(1, chunkRows))
    two.push(await rowsPerSecond(2, chunkRows))
    ratios.push(two[round] / one[round])
  }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]
  console.log(
    `chunks of ${chunkRows}: one ${(median(one) / 1e6).toFixed(2)} M rows/s, two ${(median(two) / 1e6).toFixed(2)} M rows/s, ratio ${median(ratios).toFixed(2)} (best ${Math.max(...ratios).toFixed(2)})`,
  )
}
