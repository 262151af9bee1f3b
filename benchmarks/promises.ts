// The documents' promises, each against the same engine with only that optimizer removed. `npm run bench:promises`.
// Real bars: the S&P 500 (2000 to 2020, daily); for the slow load its returns repeated to 1 million bars.
// Times are medians of rounds that alternate; on a shared machine read the counts of bars first.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createEvaluate,
  createFastPath,
  defineIndicator,
  defineStrategy,
  type Strategy,
  ta,
} from '@tradewright/backtest'
import {
  diskCache,
  memoryCache,
  precompute,
  progressiveEvaluation,
  resultCache,
  sharedIndicatorStore,
  stageThreshold,
  tieredCache,
} from '@tradewright/backtest-cache'
import {
  type Bars,
  createBars,
  type Evaluate,
  float,
  type IndicatorStore,
  int,
  type Optimizer,
  type Slice,
} from '@tradewright/core'
import { poolSize, type WorkerPool, workerPool, workerRunner } from '@tradewright/runners'
import { createOptimizedTrainingSystem, fixedHorizon, memoryDataSource, type SystemOptions } from 'tradewright'
import { type Searched, search } from './study-host.ts'
import { weightedMomentum } from './tasks/weighted-momentum.ts'

const SEEDS = Number(process.env.BENCH_SEEDS ?? 20)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
const MILLION = Number(process.env.BENCH_BARS ?? 1_000_000)

function realBars(): Bars {
  const file = new URL('../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url)
  const [head, ...rows] = readFileSync(file, 'utf8').trim().split('\n')
  const names = head.split(',')
  const column = (name: string) => rows.map((row) => Number(row.split(',')[names.indexOf(name)]))
  return createBars({
    symbol: 'S&P 500',
    timestamp: rows.map((row) => Date.parse(row.split(',')[0])),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
    timeframe: '1d',
    calendar: 'equity',
  })
}

/** The same returns again and again, up and down in turn so that the price stays where it is. */
function repeated(bars: Bars, length: number): Bars {
  const close = new Float64Array(length)
  let price = bars.close[0]
  for (let i = 0; i < length; i++) {
    const k = 1 + (i % (bars.length - 1))
    const up = Math.floor(i / (bars.length - 1)) % 2 === 0
    price *= up ? bars.close[k] / bars.close[k - 1] : bars.close[bars.length - k - 1] / bars.close[bars.length - k]
    close[i] = price
  }
  const open = close.map((p, i) => (i === 0 ? p : close[i - 1]))
  return createBars({
    symbol: 'S&P 500 repeated',
    timestamp: close.map((_, i) => i * 60_000),
    open,
    high: close.map((p, i) => Math.max(p, open[i])),
    low: close.map((p, i) => Math.min(p, open[i])),
    close,
    volume: close.map(() => 1),
    timeframe: '1m',
    calendar: 'crypto',
  })
}

const graph = defineStrategy({
  name: 'sma-cross',
  params: { fast: int(5, 50), slow: int(51, 200), stop: float(0.02, 0.2, { step: 0.02 }) },
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: (_columns, { stop }) => ({ stopLoss: stop }),
})

const momentum = defineIndicator({
  name: 'weightedMomentum',
  version: '1',
  module: new URL('tasks/weighted-momentum.ts', import.meta.url).href,
  kernel: weightedMomentum,
})
const slow = defineStrategy({
  name: 'weighted-momentum',
  params: { period: int(10, 40), level: float(0, 0.02, { step: 0.005 }) },
  signals: ({ close }, { period, level }) => ({
    entry: momentum(close, period).crossesAbove(level),
    exit: momentum(close, period).lt(-level),
  }),
})

const trusting = defineStrategy({
  name: 'trusting',
  params: { enter: float(0.5, 0.6) },
  signals: ({ prediction }, { enter }) => ({ entry: prediction.gt(enter), exit: prediction.lt(0.5) }),
})

interface Load<P> {
  readonly name: string
  readonly strategy: Strategy<P>
  readonly bars: Bars
  readonly trials: number
  readonly seeds: number
  /** Trials whose indicators are computed for the feature row. */
  readonly featureTrials: number
  readonly threshold: number
}

const real = realBars()
const loads = [
  {
    name: `graph sweep, ${real.length} bars`,
    strategy: graph,
    bars: real,
    trials: 2000,
    featureTrials: 1500,
    seeds: SEEDS,
    threshold: -0.5,
  },
  {
    name: `slow objective, ${MILLION} bars`,
    strategy: slow,
    bars: repeated(real, MILLION),
    trials: 16,
    featureTrials: 48,
    seeds: Math.min(SEEDS, 3),
    threshold: -0.5,
  },
]

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]
const quartile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * q)]
const percent = (x: number): string => `${(100 * x).toFixed(0)} %`

const table: (readonly string[])[] = [['promise', 'load', 'claim', 'measured', 'how']]
function promise(
  what: string,
  load: string,
  claim: readonly [number, number] | undefined,
  saved: number,
  how: string,
): void {
  const wanted = claim === undefined ? '' : `${percent(claim[0])} to ${percent(claim[1])}`
  const verdict = claim === undefined || saved >= claim[0] ? '' : ' NOT REACHED'
  table.push([what, load, wanted, `${percent(saved)} less${verdict}`, how])
  console.log(table.at(-1)?.join(' | '))
}

function sliceOf({ bars }: Load<never> | Load<unknown>): Slice {
  return {
    id: 'all',
    symbol: bars.symbol,
    data: bars.fingerprint,
    warmupStart: 0,
    start: 200,
    end: bars.length,
    weight: 1,
    final: true,
  }
}

const engineOf = (bars: Bars, indicators?: IndicatorStore): Evaluate =>
  createEvaluate({ resolve: () => bars, fast: createFastPath(), ...(indicators === undefined ? {} : { indicators }) })

const run = <P>(
  load: Load<P>,
  seed: number,
  optimizers: readonly Optimizer[],
  engine = engineOf(load.bars),
  objective = 'sharpe' as const,
): Promise<Searched> =>
  search({
    strategy: load.strategy,
    slices: [sliceOf(load as Load<unknown>)],
    trials: load.trials,
    seed,
    objective,
    engine,
    optimizers,
  })

/** Three studies over the same trials with another objective each, as a user does who changes his mind. */
async function threeObjectives<P>(load: Load<P>, seed: number, optimizers: readonly Optimizer[]): Promise<number> {
  let ms = 0
  for (const objective of ['sharpe', 'totalReturn', 'calmar'] as const)
    ms += (await run(load, seed, optimizers, engineOf(load.bars), objective as 'sharpe')).ms
  return ms
}

async function backtesting<P>(load: Load<P>, pool: WorkerPool): Promise<void> {
  const plain: number[] = []
  const cached: number[] = []
  const parallel: number[] = []
  const both: number[] = []
  for (let r = 0; r < ROUNDS; r++) {
    const folder = await mkdtemp(join(tmpdir(), 'tradewright-promises-'))
    const open = async () =>
      tieredCache([
        memoryCache({ maxEntries: 10_000 }),
        await diskCache({ directory: join(folder, String(Math.round(performance.now()))) }),
      ])
    const runner = () => workerRunner({ resolve: () => load.bars, pool })
    plain.push(await threeObjectives(load, r, []))
    const first = resultCache({ cache: await open(), own: true })
    cached.push(await threeObjectives(load, r, [first]))
    parallel.push(await threeObjectives(load, r, [runner()]))
    const second = resultCache({ cache: await open(), own: true })
    both.push(await threeObjectives(load, r, [second, runner()]))
    if (r === 0) console.log(`  cache on ${load.name}: ${JSON.stringify(second.stats())}`)
    await first[Symbol.asyncDispose]?.()
    await second[Symbol.asyncDispose]?.()
    await rm(folder, { recursive: true })
  }
  const saved = (times: readonly number[]): number => 1 - median(times) / median(plain)
  promise(
    'backtesting time: caching and parallel',
    load.name,
    [0.7, 0.8],
    saved(both),
    `three objectives over the same trials; cache alone ${percent(saved(cached))}, ${pool.size} workers alone ${percent(saved(parallel))}`,
  )
}

async function progressive<P>(load: Load<P>): Promise<void> {
  const bars: number[] = []
  const ms: number[] = []
  const regret: number[] = []
  for (let seed = 0; seed < load.seeds; seed++) {
    const whole = await run(load, seed, [])
    const staged = await run(load, seed, [progressiveEvaluation({ pruner: stageThreshold(load.threshold) })])
    bars.push(1 - staged.bars / whole.bars)
    ms.push(1 - staged.ms / whole.ms)
    regret.push(whole.best - staged.best)
  }
  const q = `regret of the best Sharpe ratio ${median(regret).toFixed(3)} (quartiles ${quartile(regret, 0.25).toFixed(3)}, ${quartile(regret, 0.75).toFixed(3)}), ${load.seeds} seeds`
  promise('evaluated bars: progressive evaluation', load.name, [0.4, 0.6], median(bars), q)
  promise(
    'evaluation time: progressive evaluation',
    load.name,
    [0.4, 0.6],
    median(ms),
    'a trial whose stages are cheaper than its binding, keys and judging saves nothing',
  )
}

async function features<P>(load: Load<P>): Promise<void> {
  const points = Array.from({ length: load.featureTrials }, (_, i) => [...take(load.strategy, i)][0])
  const alone: number[] = []
  let columns = 0
  let used = 0
  const shared: number[] = []
  for (let r = 0; r < ROUNDS; r++) {
    let begun = performance.now()
    used = 0
    for (const point of points) {
      const options = { bars: load.bars, store: await sharedIndicatorStore(), points: [point] }
      used += (await precompute(load.strategy, options)).columns
    }
    alone.push(performance.now() - begun)
    begun = performance.now()
    const store = await sharedIndicatorStore({ maxBytes: 2 ** 31 })
    columns = (await precompute(load.strategy, { bars: load.bars, store, points })).columns
    shared.push(performance.now() - begun)
  }
  promise(
    'feature time: precomputation',
    load.name,
    [0.9, 0.9],
    1 - median(shared) / median(alone),
    `${points.length} trials use ${used} columns, ${columns} of them distinct: no more than ${percent(1 - columns / used)} can be saved`,
  )
}

/** The i-th of a fixed list of random points. */
function* take<P>(strategy: Strategy<P>, i: number): Generator<P> {
  const cells = strategy.space.dimensions.map((_, d) => (((i * (d + 7) * 0.618034) % 1) + 1) % 1)
  yield strategy.space.fromUnit(cells)
}

async function whole<P>(load: Load<P>, pool: WorkerPool): Promise<void> {
  const plain: number[] = []
  const all: number[] = []
  for (let r = 0; r < ROUNDS; r++) {
    plain.push((await run(load, r, [])).ms)
    const optimizers = [
      resultCache({ cache: memoryCache({ maxEntries: 10_000 }), own: true }),
      progressiveEvaluation({ pruner: stageThreshold(load.threshold) }),
      workerRunner({ resolve: () => load.bars, pool }),
    ]
    all.push((await run(load, r, optimizers)).ms)
  }
  promise(
    'the whole search, first run',
    load.name,
    [0.6, 0.7],
    1 - median(all) / median(plain),
    'cache, progressive evaluation and workers together',
  )
}

/** Bytes that a series costs with workers: each with a copy, and all on shared memory. */
async function memory(bars: Bars, pool: WorkerPool): Promise<void> {
  const series = bars.length * 6 * 8
  const runner = workerRunner({ resolve: () => bars, pool, minBatchMs: 0.001, always: true })
  const load = { name: '', strategy: graph, bars, trials: 64, featureTrials: 0, seeds: 1, threshold: -0.5 }
  await run(load, 0, [runner])
  const held = series + Number(runner.stats?.().copiedBytes ?? 0)
  promise(
    'memory of bars, host and workers',
    `${bars.length} bars, ${pool.size} workers`,
    [0.35, 0.45],
    1 - held / (series * (1 + pool.size)),
    `${(held / 2 ** 20).toFixed(1)} MiB shared, ${((series * (1 + pool.size)) / 2 ** 20).toFixed(1)} MiB with a copy a worker; bars made in shared memory save one more`,
  )
}

/** Three trainings of a strategy that reads a model's predictions, each with another objective, in one system. */
async function trainings(
  bars: Bars,
  seed: number,
  computing: SystemOptions['computationalOptimization'],
  runs: number,
) {
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(bars),
    training: { trials: 24, seed, sampler: { type: 'random' } },
    computationalOptimization: { profiling: { enabled: false }, ...computing },
  })
  try {
    const begun = performance.now()
    const best: number[] = []
    for (const objective of (['totalReturn', 'sharpe', 'calmar'] as const).slice(0, runs)) {
      const result = await system.trainingManager.executeOptimizedTraining({
        strategy: trusting,
        objective,
        model: {
          create: { type: 'gradient-boosting' },
          params: { depth: int(2, 4), rounds: int(10, 40, { step: 10 }), span: int(5, 30, { step: 5 }) },
          options: ({ depth, rounds }) => ({ objective: 'binary', maxDepth: depth, rounds }),
          features: ({ close, high, low }, { span }) => ({
            rsi: ta.rsi(close, span),
            move: ta.roc(close, span),
            range: high.sub(low).div(ta.sma(close, span)),
          }),
          labels: (all) => fixedHorizon({ bars: all, horizon: 5, threshold: 0, classes: 'up' }),
          walkForward: { train: 1500, test: 500, embargo: 5 },
        },
      })
      best.push(result.best.value)
    }
    return { ms: performance.now() - begun, best }
  } finally {
    await system.close()
  }
}

async function fitted(bars: Bars): Promise<void> {
  const name = `fitted model, ${bars.length} bars`
  const off = {
    caching: { enabled: false },
    parallelization: { enabled: false },
    incrementalTraining: { enabled: false },
  } as const
  const setups = {
    plain: off,
    kept: { ...off, caching: { disk: false }, incrementalTraining: { enabled: true, directory: false } },
    workers: { ...off, parallelization: { enabled: true } },
    all: { caching: { disk: false }, incrementalTraining: { enabled: true, directory: false } },
  } as const
  for (const [what, runs] of [
    ['backtesting time: caching and parallel', 3],
    ['the whole search, first run', 1],
  ] as const) {
    const times: Record<string, number[]> = {}
    for (let r = 0; r < ROUNDS; r++) {
      let best: readonly number[] | undefined
      for (const [setup, computing] of Object.entries(setups)) {
        const done = await trainings(bars, r, computing, runs)
        times[setup] = [...(times[setup] ?? []), done.ms]
        if (best !== undefined && done.best.join() !== best.join()) throw new Error(`${setup} gave other results`)
        best = done.best
      }
    }
    const saved = (setup: string): number => 1 - median(times[setup]) / median(times.plain)
    promise(
      what,
      name,
      runs === 3 ? [0.7, 0.8] : [0.6, 0.7],
      saved('all'),
      `${runs === 3 ? 'three objectives over the same 24 trials' : '24 trials'}, the same results in all setups; results and model states kept ${percent(saved('kept'))}, workers alone ${percent(saved('workers'))}`,
    )
  }
}

const pool = workerPool({ onWarning: ({ message }) => console.log(message) })
await pool.start()
console.log(`${poolSize()} workers, ${SEEDS} seeds, ${ROUNDS} rounds`)
const only = process.env.BENCH_LOAD // 'graph', 'slow' or 'fitted': one load alone
for (const load of loads as unknown as readonly Load<never>[]) {
  if (only !== undefined && !load.name.startsWith(only)) continue
  await run(load, 999, []) // warms the engine, so that the first row is not charged for it
  await features(load)
  await progressive(load)
  await backtesting(load, pool)
  await whole(load, pool)
  await memory(load.bars, pool)
}
if (only === undefined || only === 'fitted') await fitted(real)
await pool[Symbol.asyncDispose]()
const widths = table[0].map((_, c) => Math.max(...table.map((row) => row[c].length)))
console.log(`\n${table.map((row) => row.map((cell, c) => cell.padEnd(widths[c])).join('  ')).join('\n')}`)
