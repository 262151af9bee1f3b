// What a batch costs on its way to a worker and back, what two workers give over one, and what too many cost.
// Start from the built packages' speed: workers start from source here, so starting is not measured.
// A regression in the first figure makes small batches run in line that need not; in the second it is lost cores.
import { sweep } from '@tradewright/backtest'
import { poolSize, sweepParallel, workerPool } from '../src/index.ts'
import { cross, points, walk } from '../test/market.ts'

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1]

async function timed(rounds: number, run: () => unknown): Promise<number> {
  const times: number[] = []
  for (let r = 0; r < rounds; r++) {
    const begun = performance.now()
    await run()
    times.push(performance.now() - begun)
  }
  return median(times)
}

/** CPU time of all threads of this process, in ms: what two idle cores would share. */
async function cpu(run: () => unknown): Promise<number> {
  const begun = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1000
}

const ping = { module: 'tradewright:', export: 'ping', data: undefined }
console.log(`cores allowed: ${poolSize()}`)
{
  const pool = workerPool({ maxWorkers: 2 })
  await pool.start()
  const alone = await timed(9, async () => {
    for (let i = 0; i < 500; i++) await pool.run(ping)
  })
  const many = await timed(9, () => Promise.all(Array.from({ length: 500 }, () => pool.run(ping))))
  console.log(
    `an empty task there and back, one at a time: ${(alone * 2).toFixed(0)} us; 500 at once: ${(many * 2).toFixed(0)} us each (aim: under 100 us)`,
  )
  await pool[Symbol.asyncDispose]()
}

const bars = walk(100_000, 1)
const list = points(3000)
const work = list.length * bars.length
const rate = (ms: number): string => `${ms.toFixed(0)} ms, ${(work / ms / 1000).toFixed(0)} M bar-combos/s`
sweep(cross, list, bars)
const inline = await timed(3, () => sweep(cross, list, bars))
const inlineCpu = await cpu(() => sweep(cross, list, bars))
console.log(`sweep in this thread: ${rate(inline)}, ${inlineCpu.toFixed(0)} ms of CPU`)
for (const maxWorkers of [1, 2, poolSize(), 32].filter((n, i, all) => all.indexOf(n) === i)) {
  const pool = workerPool({ maxWorkers })
  await pool.start()
  await sweepParallel(cross, list, bars, { pool })
  const ms = await timed(3, () => sweepParallel(cross, list, bars, { pool }))
  const used = await cpu(() => sweepParallel(cross, list, bars, { pool }))
  console.log(
    `sweepParallel, ${maxWorkers} workers: ${rate(ms)}, ${(inline / ms).toFixed(2)} times this thread; ${used.toFixed(0)} ms of CPU, so on idle cores at most ${((Math.min(maxWorkers, poolSize()) * inlineCpu) / used).toFixed(2)} times`,
  )
  await pool[Symbol.asyncDispose]()
}
