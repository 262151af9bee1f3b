import type { FinishedTrial, Metrics, Params } from '@tradewright/core'
import type { OptimizationStats } from '../training-manager.ts'
import type { PartResult, SymbolValidation, TrainingResult } from '../training-result.ts'
import { keptSlices } from '../trial-data.ts'
import { insightOf } from './insight-data.ts'
import { formatCount, formatTime } from './number-format.ts'
import type { IndicatorsData, ReportCurves, ReportData, ReportLayer, ReportStudy, ReportTrial } from './report-data.ts'

/** Growth of 1 over parts that follow one another. */
function growthOf(parts: readonly PartResult[]): Float64Array {
  const out = new Float64Array(parts.reduce((total, { returns }) => total + returns.length, 0))
  let value = 1
  let at = 0
  for (const { returns } of parts) for (const r of returns) out[at++] = value *= 1 + r
  return out
}

const partsOf = ({ inSample, heldOut }: SymbolValidation['strategy']): readonly PartResult[] =>
  heldOut === undefined ? [inSample] : [inSample, heldOut]

function curvesOf({ symbol, strategy, buyAndHold }: SymbolValidation): ReportCurves {
  const parts = partsOf(strategy)
  const timestamp = new Float64Array(parts.reduce((total, part) => total + part.timestamp.length, 0))
  timestamp.set(strategy.inSample.timestamp)
  if (strategy.heldOut !== undefined) timestamp.set(strategy.heldOut.timestamp, strategy.inSample.timestamp.length)
  return {
    symbol,
    timestamp,
    strategy: growthOf(parts),
    buyAndHold: growthOf(partsOf(buyAndHold)),
    split: strategy.inSample.timestamp.length,
  }
}

function meanOf(parts: readonly Metrics[]): Metrics | undefined {
  if (parts.length <= 1) return parts[0]
  const names = Object.keys(parts[0]) as (keyof Metrics)[]
  return Object.fromEntries(
    names.map((name) => [name, parts.reduce((sum, part) => sum + (part[name] ?? Number.NaN), 0) / parts.length]),
  )
}

const trialOf = (trial: FinishedTrial): ReportTrial => ({
  number: trial.number,
  params: trial.params,
  value: trial.status === 'done' ? trial.values[0] : Number.NaN,
  metrics: meanOf(keptSlices(trial).map(({ metrics }) => metrics)),
})

function studyOf(result: TrainingResult<unknown>): ReportStudy {
  const { best, validation, objective, stats } = result
  return {
    name: result.strategy,
    objective: objective.name,
    direction: objective.directions[0],
    symbols: result.symbols,
    timeframe: result.timeframe,
    calendar: result.calendar,
    barsPerYear: result.barsPerYear,
    seed: result.seed,
    why: result.why,
    durationMs: stats.durationMs,
    best: { number: best.number, params: best.params as Params, value: best.value, metrics: best.metrics },
    metrics: { inSample: validation.inSample, heldOut: validation.heldOut },
    buyAndHold: validation.buyAndHold,
    luck: {
      deflatedSharpe: validation.deflatedSharpe,
      probabilisticSharpe: validation.probabilisticSharpe,
      trials: validation.trialsCounted,
    },
    trials: result.trials.map(trialOf),
    failed: stats.failed,
    pruned: stats.pruned,
    curves: validation.bySymbol.map(curvesOf),
    insight: insightOf(result),
    walkForward: validation.walkForward,
    model: result.model,
  }
}

const LAYER = 'optimizer:'

/** The layers of a profile, outermost first: optimizers by their names, then the engine. */
function layersOf(stats: OptimizationStats | undefined): readonly ReportLayer[] {
  const spans = stats?.profile?.spans ?? []
  const layer = (name: string, label: string): ReportLayer[] =>
    spans.filter((span) => span.name === name).map(({ calls, selfMs }) => ({ name: label, calls, ms: selfMs }))
  return [
    ...spans.filter(({ name }) => name.startsWith(LAYER)).flatMap(({ name }) => layer(name, name.slice(LAYER.length))),
    ...layer('sampler', 'sampler'),
    ...layer('engine', 'engine'),
  ]
}

/** What a report says beside the results. */
export interface ReportOptions {
  /** @default the strategies' names */
  readonly title?: string | undefined
  /** Epoch ms at which it was made. */
  readonly generatedAt: number
  /** Of `trainingManager.getOptimizationStats()`: time per optimizer and cache hits. */
  readonly stats?: OptimizationStats | undefined
  /** Sentences under the title. @default what the cache answered */
  readonly notes?: readonly string[] | undefined
}

/** A store of one's own may measure less. */
function indicatorsOf(stats: OptimizationStats['indicators'] & { readonly savedMs?: number }): IndicatorsData {
  const { hits, misses, columns, bytes, savedMs } = stats
  return { hits, misses, columns, bytes, savedMs }
}

/** One sentence on what the result cache answered; undefined where there is none or it was not asked. */
export function cacheNote(stats: Pick<OptimizationStats, 'cache' | 'optimizers'> | undefined): string | undefined {
  const cache = stats?.cache
  const { refused = 0, passed = 0 } = stats?.optimizers['result-cache'] ?? {}
  if (cache === undefined || cache.hits + cache.misses + passed === 0) return undefined
  const { hits } = cache
  const misses = cache.misses + passed
  const fromDisk = Math.min(hits, cache.tiers?.disk?.hits ?? 0)
  const source = `the cache${fromDisk === 0 ? '' : `, ${formatCount(fromDisk)} of them from disk`}`
  const asked = formatCount(hits + misses)
  if (misses === 0) return `All ${asked} evaluations were answered from ${source}: nothing was computed again.`
  const reason =
    refused + passed === 0
      ? ''
      : ` ${formatCount(refused + passed)} were not kept: computing them costs less than 5 times what storing them or reading them back would.`
  if (hits === 0) return `All ${asked} evaluations were computed.${reason}`
  return `${formatCount(hits)} of ${asked} evaluations were answered from ${source}.${reason}`
}

/** The data of a report on training results. */
export function reportOf(results: readonly TrainingResult<unknown>[], options: ReportOptions): ReportData {
  const { title = results.map(({ strategy }) => strategy).join(', '), generatedAt, stats } = options
  const first = results[0]?.validation.bySymbol[0]
  const times = first === undefined ? [] : partsOf(first.strategy).map(({ timestamp }) => timestamp)
  const last = times.at(-1)
  const note = cacheNote(stats)
  return {
    title,
    subtitle:
      last === undefined
        ? undefined
        : `${[...new Set(results.flatMap(({ symbols }) => symbols))].join(', ')}, ${formatCount(times.reduce((n, t) => n + t.length, 0))} bars, ${formatTime(times[0][0])} to ${formatTime(last[last.length - 1])}`,
    generatedAt,
    notes: options.notes ?? (note === undefined ? [] : [note]),
    studies: results.map(studyOf),
    layers: layersOf(stats),
    cache: stats?.cache,
    passed: stats?.optimizers['result-cache']?.passed ?? 0,
    indicators: stats && indicatorsOf(stats.indicators),
  }
}
