// What a batch costs on its way to a worker and back, what two workers give over one, and what too many cost.
// Start from the built packages' speed: workers start from source here, so starting is not measured.
// A regression in the first figure makes small batches run in line that need not; in the second it is lost cores.
import { defineStrategy, sweep, ta } from '@tradewright/backtest'
import { int } from '@tradewright/core'
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

/** All pairs of two windows, as the engine's benchmark has them: up to 101 there. */
const windows = { fast: int(2, 500), slow: int(2, 500) }
const sma = defineStrategy({
  name: 'sma-cross',
  params: windows,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
})
const pairsTo = (last: number): { fast: number; slow: number }[] =>
  Array.from({ length: last - 2 }, (_, f) =>
    Array.from({ length: last - 2 - f }, (_, s) => ({ fast: f + 2, slow: f + 3 + s })),
  ).flat()
{
  // In turn, so that what else the machine does hits all alike.
  const closes = walk(10_000, 3)
  const options = { preset: 'reference', feeBps: 10 } as const
  const pools = [1, 2].map((maxWorkers) => workerPool({ maxWorkers }))
  for (const [last, rounds] of [
    [101, 40],
    [500, 5],
  ] as const) {
    const pairs = pairsTo(last)
    const times: number[][] = [[], [], []]
    for (let r = -3; r < rounds; r++)
      for (const [k, own] of [undefined, ...pools].entries()) {
        const begun = performance.now()
        if (own === undefined) sweep(sma, pairs, closes, options)
        else await sweepParallel(sma, pairs, closes, { ...options, pool: own })
        if (r >= 0) times[k].push(performance.now() - begun)
      }
    const speed = (ms: number): string => `${ms.toFixed(0)} ms (${((pairs.length * 10) / ms).toFixed(0)} M/s)`
    const [here, one, two] = times.map((own) => ({ best: Math.min(...own), median: median(own) }))
    console.log(
      `${pairs.length} pairs of 10,000 bars, median and best: this thread ${speed(here.median)} ${speed(here.best)}, one worker ${speed(one.median)} ${speed(one.best)}, two ${speed(two.median)} ${speed(two.best)}: ${(one.median / two.median).toFixed(2)} times one, ${(here.median / two.median).toFixed(2)} times this thread`,
    )
  }
  for (const own of pools) await own[Symbol.asyncDispose]()
}
const bars = walk(100_000, 1)
const list = points(3000)
const work = list.length * bars.length
const rate = (ms: number): string => `${ms.toFixed(0)} ms, ${(work / ms / 1000).toFixed(0)} M bar-combos/s`
sweep(cross, list, bars)
const inline = await timed(3, () => sweep(cross, list, bars))
const inlineCpu = await cpu(() => sweep(cross, list, bars))
console.log(`sweep in this thread, 100,000 bars: ${rate(inline)}, ${inlineCpu.toFixed(0)} ms of CPU`)
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
