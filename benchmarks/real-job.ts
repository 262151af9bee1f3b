// The search on the real job: 200 trials of `auto` against 500 random ones, for the three strategies of the main job on
// twenty years of the S&P 500. `npm run bench:real-job [-- --seeds 20 --strategy RSI]`.
// Prints the whole curve: the median over the seeds of the best score so far, in-sample, and what those parameters make
// on the held-out bars. A score in-sample that rises while the held-out one falls is a search that fits noise.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createEvaluate, type Strategy } from '@tradewright/backtest'
import type { Bars, FinishedTrial, Params, SamplerSpec, Slice } from '@tradewright/core'
import { createOptimizedTrainingSystem, csvDataSource } from 'tradewright'
import { bollingerBreakout, rsiReversion, smaCross } from '../examples/strategies/main-job.ts'
import { textTable } from '../src/terminal/text-table.ts'

const { values: flags } = parseArgs({
  options: { seeds: { type: 'string', default: '20' }, strategy: { type: 'string', default: '' } },
})
const SEEDS = Number(flags.seeds)
const MARKS = [10, 20, 50, 100, 150, 200, 300, 400, 500]
const SEARCHES: readonly { readonly sampler: SamplerSpec; readonly trials: number }[] = [
  { sampler: { type: 'auto' }, trials: 200 },
  { sampler: { type: 'random' }, trials: 500 },
]

const prices = fileURLToPath(new URL('../node_modules/vega-datasets/data/sp500-2000.csv', import.meta.url))
const dataSource = csvDataSource(prices, { calendar: 'equity', timeframe: '1d', symbol: 'S&P 500' })
const system = await createOptimizedTrainingSystem({
  dataSource,
  training: { objective: 'sharpe' },
  computationalOptimization: {
    caching: { enabled: false },
    earlyStopping: { enabled: false },
    parallelization: { enabled: false },
  },
})
const bars = await dataSource.load({ symbol: 'S&P 500', signal: new AbortController().signal })
const split = Math.floor(bars.length * 0.7 + 1e-9)
const heldOut: Slice = {
  id: 'held-out',
  symbol: 'S&P 500',
  data: bars.fingerprint,
  warmupStart: 0,
  start: split,
  end: bars.length,
  weight: 1,
  final: true,
}
const evaluate = createEvaluate({
  resolve: (wanted): Bars | undefined => (wanted === bars.fingerprint ? bars : undefined),
})

/** Trials that were the best of their search when they finished, in order. */
function incumbents(trials: readonly FinishedTrial[]): readonly FinishedTrial[] {
  let best = Number.NEGATIVE_INFINITY
  return trials.filter(({ status, values }) => {
    if (status !== 'done' || !(values[0] > best)) return false
    best = values[0]
    return true
  })
}

/** One search: the best so far at each mark, in-sample and held out (NaN before the first result). */
interface Curve {
  readonly inSample: readonly number[]
  readonly heldOut: readonly number[]
  readonly failed: number
}

async function curveOf<P>(strategy: Strategy<P>, sampler: SamplerSpec, trials: number, seed: number): Promise<Curve> {
  const result = await system.trainingManager.executeOptimizedTraining({ strategy, sampler, trials, seed })
  const best = incumbents(result.trials)
  const evaluations = await evaluate({
    trials: strategy.bind(best.map(({ params }) => params as Params as P)).map((program, id) => ({ id, program })),
    slices: [heldOut],
    simulation: {},
    want: { state: false, returns: false, metrics: ['sharpe'] },
    signal: new AbortController().signal,
  })
  const outside = evaluations.map((e) =>
    e.status === 'done' ? (e.slices[0].metrics.sharpe ?? Number.NaN) : Number.NaN,
  )
  const at = MARKS.filter((mark) => mark <= trials).map((mark) => best.findLastIndex(({ number }) => number < mark))
  return {
    inSample: at.map((i) => best[i]?.values[0] ?? Number.NaN),
    heldOut: at.map((i) => outside[i] ?? Number.NaN),
    failed: result.stats.failed,
  }
}

const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.filter((v) => !Number.isNaN(v)).sort((a, b) => a - b)
  const place = q * (sorted.length - 1)
  const low = Math.floor(place)
  return sorted.length === 0 ? Number.NaN : sorted[low] + (place - low) * (sorted[Math.ceil(place)] - sorted[low])
}

let held = true
for (const strategy of [smaCross, rsiReversion, bollingerBreakout] as readonly Strategy<unknown>[]) {
  if (!strategy.name.startsWith(flags.strategy)) continue
  const rows: string[][] = []
  const last: number[] = []
  const all: number[][] = []
  for (const { sampler, trials } of SEARCHES) {
    const curves: Curve[] = []
    for (let seed = 0; seed < SEEDS; seed++) curves.push(await curveOf(strategy, sampler, trials, seed))
    const row = (name: string, pick: (curve: Curve) => readonly number[], q: number): string[] => [
      name,
      ...MARKS.map((mark, k) =>
        mark > trials
          ? ''
          : quantile(
              curves.map((curve) => pick(curve)[k]),
              q,
            ).toFixed(3),
      ),
    ]
    const name = String((sampler as { type: string }).type)
    rows.push(
      row(`${name}, in-sample`, (c) => c.inSample, 0.5),
      row('  lower quartile', (c) => c.inSample, 0.25),
      row(`${name}, held out`, (c) => c.heldOut, 0.5),
      [
        `  failed trials, median`,
        quantile(
          curves.map((c) => c.failed),
          0.5,
        ).toFixed(0),
        ...MARKS.slice(1).map(() => ''),
      ],
    )
    const ends = curves.map((c) => c.inSample[c.inSample.length - 1])
    all.push(ends)
    last.push(quantile(ends, 0.5))
  }
  const enough = last[0] >= last[1]
  held &&= enough
  const atLeast = all[0].filter((value) => value >= last[1]).length
  console.log(`\n${strategy.name}: best Sharpe ratio so far after so many trials, median of ${SEEDS} seeds`)
  console.log(
    textTable(
      ['', ...MARKS.map(String)].map((head, c) => ({ head, align: c === 0 ? 'left' : 'right' })),
      rows,
    ),
  )
  console.log(
    `200 trials of auto: ${last[0].toFixed(4)}, 500 random trials: ${last[1].toFixed(4)}: ${enough ? 'at least' : 'BELOW'} (${atLeast} of ${SEEDS} seeds reach the random median)`,
  )
}
console.log(
  `\n${held ? 'auto finds at least what 2.5 times as many random trials find, on each strategy' : 'NOT REACHED on every strategy'}`,
)
await system.close()
