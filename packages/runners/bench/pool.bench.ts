// What a batch costs on its way to a worker and back, what two workers give over one, and what too many cost.
// Workers are bundled first, as published; their start is not measured: a pool stays.
// A regression in the first figure makes small batches run in line that need not; in the second it is lost cores.
import { type Strategy, sweep } from '@tradewright/backtest'
import type { Bars } from '@tradewright/core'
import { bundledWorker } from '../../../benchmarks/bundled-worker.ts'
import { cLoop } from '../../../benchmarks/peers.ts'
import { referenceBars, smaCross } from '../../../benchmarks/workloads.ts'
import { poolSize, type SweepParallelOptions, sweepParallel, type WorkerPool, workerPool } from '../src/index.ts'
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

const entries = bundledWorker()
const ping = { module: 'tradewright:', export: 'ping', data: undefined }
console.log(`cores allowed: ${poolSize()}`)
{
  const pool = workerPool({ maxWorkers: 2, entries })
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

interface Load {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: lists of different strategies stand in one array
  readonly strategy: Strategy<any>
  readonly list: readonly object[]
  readonly bars: Bars
  readonly options: SweepParallelOptions
  readonly rounds: number
}
const reference = { preset: 'reference', feeBps: 10, initialCash: 100 } as const
const loads: readonly Load[] = [
  { ...smaCross, name: 'SMA cross, 4,950 pairs', bars: referenceBars(), options: reference, rounds: 40 },
  {
    name: 'crossing with stops, 9,000 sets',
    strategy: cross,
    list: points(9000),
    bars: walk(100_000, 1),
    options: {},
    rounds: 5,
  },
]
{
  // In turn, so that what else the machine does hits all alike.
  const pools = [1, 2, 1, 1].map((maxWorkers) => workerPool({ maxWorkers, entries }))
  for (const { name, strategy, list, bars, options, rounds } of loads) {
    const swept = (pool: WorkerPool | undefined): unknown => sweepParallel(strategy, list, bars, { ...options, pool })
    const runs: (() => unknown)[] = [
      () => sweep(strategy, list, bars, options),
      () => swept(pools[0]),
      () => swept(pools[1]),
      () => Promise.all([swept(pools[2]), swept(pools[3])]),
    ]
    const times: number[][] = runs.map(() => [])
    for (let r = -Math.ceil(rounds / 4); r < rounds; r++)
      for (const [k, run] of runs.entries()) {
        const begun = performance.now()
        await run()
        if (r >= 0) times[k].push(performance.now() - begun)
      }
    const million = (list.length * bars.length) / 1e6
    const shown = (ms: number): string => `${ms.toFixed(0)} ms (${((million / ms) * 1000).toFixed(0)} M/s)`
    const [here, one, two, apart] = times.map((own) => ({ best: Math.min(...own), median: median(own) }))
    const loop = cLoop()
    const ratio =
      loop === undefined
        ? ''
        : `, ${(million / two.median / (49.5 / loop.ms)).toFixed(1)} times the C loop (${(49_500 / loop.ms).toFixed(0)} M/s)`
    console.log(
      `${name} of ${bars.length} bars, median and best: this thread ${shown(here.median)} ${shown(here.best)}, one worker ${shown(one.median)} ${shown(one.best)}, two ${shown(two.median)} ${shown(two.best)}: ${(one.median / two.median).toFixed(2)} times one (best ${(one.best / two.best).toFixed(2)}), ${(here.median / two.median).toFixed(2)} times this thread${ratio}; two whole sweeps side by side: ${((2 * one.median) / apart.median).toFixed(2)} times one`,
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
for (const maxWorkers of [2, 32]) {
  const pool = workerPool({ maxWorkers, entries })
  await pool.start()
  await sweepParallel(cross, list, bars, { pool })
  const ms = await timed(3, () => sweepParallel(cross, list, bars, { pool }))
  const used = await cpu(() => sweepParallel(cross, list, bars, { pool }))
  console.log(
    `sweepParallel, ${maxWorkers} workers: ${rate(ms)}, ${(inline / ms).toFixed(2)} times this thread; ${used.toFixed(0)} ms of CPU, so on idle cores at most ${((Math.min(maxWorkers, poolSize()) * inlineCpu) / used).toFixed(2)} times`,
  )
  await pool[Symbol.asyncDispose]()
}
