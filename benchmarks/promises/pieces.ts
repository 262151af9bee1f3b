// The measurements, each a piece of at most a minute or two, so that a run can be stopped and gone on with.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { precompute, sharedIndicatorStore } from '@tradewright/backtest-cache'
import { dailyBars, type Load, openLoad } from './loads.ts'
import { OBJECTIVES, type Setup, search, trainings } from './searches.ts'

export type Numbers = Readonly<Record<string, number>>

export interface Piece {
  readonly load: string
  readonly row: 'features' | 'stages' | 'backtesting' | 'whole' | 'memory'
  readonly round: number
  run(): Promise<Numbers>
}

const EVERYTHING: Setup = { cache: true, workers: true, stages: 'median' }

/** Computing the indicators of every trial on its own, against each distinct one once. */
async function features({ strategy, series: [bars], featureTrials }: Load): Promise<Numbers> {
  const points = Array.from({ length: featureTrials }, (_, i) =>
    strategy.space.fromUnit(strategy.space.dimensions.map((_d, d) => (i * (d + 7) * 0.618034) % 1)),
  )
  let begun = performance.now()
  let used = 0
  for (const point of points)
    used += (await precompute(strategy, { bars, store: await sharedIndicatorStore(), points: [point] })).columns
  const apart = performance.now() - begun
  begun = performance.now()
  const store = await sharedIndicatorStore({ maxBytes: 2 ** 31 })
  const { columns } = await precompute(strategy, { bars, store, points })
  return { apart, once: performance.now() - begun, used, columns }
}

async function stages(load: Load, seed: number): Promise<Numbers> {
  const whole = await search(load, seed, {})
  const threshold = await search(load, seed, { stages: 'threshold' })
  const median = await search(load, seed, { stages: 'median' })
  return {
    whole: whole.ms,
    threshold: threshold.ms,
    thresholdBars: threshold.bars / threshold.fullBars,
    thresholdRegret: whole.best[0] - threshold.best[0],
    median: median.ms,
    medianBars: median.bars / median.fullBars,
    medianRegret: whole.best[0] - median.best[0],
  }
}

type Run = (round: number, setup: Setup, objectives: number) => ReturnType<typeof search>

/** Every setup once; all must find the same, but for those that judge between stages. */
async function compare(run: Run, round: number, setups: Readonly<Record<string, Setup>>, objectives: number) {
  const times: Record<string, number> = {}
  let best: string | undefined
  for (const [name, setup] of Object.entries(setups)) {
    const done = await run(round, setup, objectives)
    times[name] = done.ms
    if (setup.stages !== undefined) continue
    best ??= done.best.join()
    if (done.best.join() !== best) throw new Error(`${name} found ${done.best.join()} in place of ${best}`)
  }
  return times
}

const backtesting = {
  plain: {},
  cache: { cache: true },
  workers: { workers: true },
  all: { cache: true, workers: true },
}

function memory(load: string): Numbers {
  const task = (form: string): Numbers => {
    const file = fileURLToPath(new URL('../shared-memory.ts', import.meta.url))
    const out = execFileSync(process.execPath, [...process.execArgv, '--expose-gc', file, form, load], {
      encoding: 'utf8',
    })
    return JSON.parse(out.trim().split('\n').at(-1) ?? '{}')
  }
  const [shared, apart] = [task('shared'), task('apart')]
  return { shared: shared.bytes, apart: apart.bytes, series: shared.series }
}

function* piecesOf(name: Load['name']): Generator<Piece> {
  let opened: Load | undefined
  const load = (): Load => {
    opened ??= openLoad(name)
    if (opened === undefined) throw new Error('no hourly bars: set TRADEWRIGHT_DATA')
    return opened
  }
  const run: Run = (round, setup, objectives) => search(load(), round, setup, objectives)
  const seeds = Number(process.env.BENCH_SEEDS ?? 20)
  const rounds = Number(process.env.BENCH_ROUNDS ?? 3)
  yield { load: name, row: 'features', round: 0, run: () => features(load()) }
  for (let round = 0; round < rounds; round++) {
    yield { load: name, row: 'whole', round, run: () => compare(run, round, { plain: {}, all: EVERYTHING }, 1) }
    yield { load: name, row: 'backtesting', round, run: () => compare(run, round, backtesting, OBJECTIVES.length) }
  }
  for (let seed = 0; seed < seeds; seed++)
    yield { load: name, row: 'stages', round: seed, run: () => stages(load(), seed) }
  yield { load: name, row: 'memory', round: 0, run: async () => memory(name) }
}

function* fittedPieces(): Generator<Piece> {
  const bars = dailyBars()
  const run: Run = (round, setup, objectives) => trainings(bars, round, setup, objectives)
  const setups = {
    plain: {},
    cache: { cache: true, models: true },
    workers: { workers: true },
    all: { cache: true, models: true, workers: true },
  }
  for (let round = 0; round < Number(process.env.BENCH_ROUNDS ?? 3); round++)
    for (const [row, objectives] of [
      ['backtesting', OBJECTIVES.length],
      ['whole', 1],
    ] as const)
      yield { load: 'fitted', row, round, run: () => compare(run, round, setups, objectives) }
}

/** All of them, in the order in which they are run. */
export function* pieces(): Generator<Piece> {
  for (const name of ['daily', 'hourly', 'slow'] as const) yield* piecesOf(name)
  yield* fittedPieces()
}
