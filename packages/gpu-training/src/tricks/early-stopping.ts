import { type Data, TradewrightError } from '@tradewright/core'
import { checkCount, checkRange } from '../check-range.ts'
import type { TrainingRun, Trick } from '../trick.ts'

/** What a model is judged by after an epoch. */
export type StoppingMetric =
  | 'validationLoss'
  | 'trainingLoss'
  /** Of the returns that the predictions, as positions, earn on the validation data: see {@link EarlyStoppingOptions.returns}. */
  | 'sharpe'
  | 'drawdown'
  | 'profitFactor'
  | ((run: TrainingRun) => number)

/** One criterion. */
export interface StoppingCriterion {
  readonly metric: StoppingMetric
  /** @default 'minimize' for losses, drawdown; 'maximize' for sharpe, profitFactor and functions */
  readonly direction?: 'minimize' | 'maximize' | undefined
  /** Epochs without a better value that are let go by. @default 10 */
  readonly patience?: number | undefined
  /** By which a value must be better to count. @default 0 */
  readonly minDelta?: number | undefined
}

/** Options of {@link earlyStopping}. */
export interface EarlyStoppingOptions {
  /** The first one decides which weights are the best. */
  readonly criteria: readonly StoppingCriterion[]
  /** Whether every criterion must be out of patience, or any. @default 'all' */
  readonly mode?: 'all' | 'any' | undefined
  /** Whether the best weights are in place when training ends. @default true */
  readonly restoreBest?: boolean | undefined
  /** Return of each validation row, for the financial metrics. shape [rows]. Read only. */
  readonly returns?: Float32Array | undefined
  /**
   * A row's position from its predictions, from -1 to 1.
   * @default one output: itself, within +-1; several: the probability of the last class less that of the first
   */
  readonly position?: ((prediction: Float32Array, row: number, outputs: number) => number) | undefined
}

function defaultPosition(prediction: Float32Array, row: number, outputs: number): number {
  const at = row * outputs
  if (outputs === 1) return Math.max(-1, Math.min(1, prediction[at]))
  let most = Number.NEGATIVE_INFINITY
  for (let j = 0; j < outputs; j++) most = Math.max(most, prediction[at + j])
  let sum = 0
  for (let j = 0; j < outputs; j++) sum += Math.exp(prediction[at + j] - most)
  return (Math.exp(prediction[at + outputs - 1] - most) - Math.exp(prediction[at] - most)) / sum
}

/** Sharpe ratio a row (not annualized), largest fall of the compounded equity as a share, and gains over losses. */
export function financialMetrics(earned: ArrayLike<number>): {
  readonly sharpe: number
  readonly drawdown: number
  readonly profitFactor: number
} {
  const n = earned.length
  let mean = 0
  for (let i = 0; i < n; i++) mean += earned[i] / n
  let variance = 0
  let gains = 0
  let losses = 0
  let equity = 1
  let peak = 1
  let drawdown = 0
  for (let i = 0; i < n; i++) {
    variance += (earned[i] - mean) ** 2 / n
    if (earned[i] > 0) gains += earned[i]
    else losses -= earned[i]
    equity *= 1 + earned[i]
    peak = Math.max(peak, equity)
    drawdown = Math.max(drawdown, 1 - equity / peak)
  }
  const sharpe = variance === 0 ? 0 : mean / Math.sqrt(variance)
  return {
    sharpe,
    drawdown,
    profitFactor: losses === 0 ? (gains === 0 ? 0 : Number.POSITIVE_INFINITY) : gains / losses,
  }
}

const directionOf = ({ metric, direction }: StoppingCriterion): 'minimize' | 'maximize' =>
  direction ??
  (metric === 'validationLoss' || metric === 'trainingLoss' || metric === 'drawdown' ? 'minimize' : 'maximize')

interface Standing {
  best: number
  bad: number
}

/**
 * Ends training when the validation no longer gets better, and puts the best weights back.
 *
 * The best weights are those of the epoch at which the first criterion was best; a NaN is never better.
 */
export function earlyStopping(options: EarlyStoppingOptions): Trick {
  const { criteria, mode = 'all', restoreBest = true, returns, position = defaultPosition } = options
  if (criteria.length === 0)
    throw new TradewrightError('BAD_OPTION', 'criteria must hold at least one, was an empty list')
  for (const { patience = 10, minDelta = 0, metric } of criteria) {
    checkCount('patience', patience, 0)
    checkRange('minDelta', minDelta, 0, Number.POSITIVE_INFINITY)
    if (typeof metric === 'string' && ['sharpe', 'drawdown', 'profitFactor'].includes(metric) && returns === undefined)
      throw new TradewrightError('BAD_OPTION', `returns must be given for the metric '${metric}', was undefined`, {
        metric,
      })
  }
  let standings: Standing[] = criteria.map(() => ({ best: Number.NaN, bad: 0 }))
  let best: Map<string, Float32Array> | undefined
  let bestEpoch = 0

  const financial = (run: TrainingRun): ReturnType<typeof financialMetrics> => {
    const prediction = run.validationPredictions()
    const { outputs } = run.model
    const rows = prediction.length / outputs
    if (returns === undefined || returns.length !== rows)
      throw new TradewrightError(
        'BAD_SHAPE',
        `returns must have ${rows} numbers like the validation data, was ${returns?.length}`,
      )
    return financialMetrics(
      Float64Array.from({ length: rows }, (_, i) => position(prediction, i, outputs) * returns[i]),
    )
  }
  const measure = (metric: StoppingMetric, run: TrainingRun): number => {
    if (typeof metric === 'function') return metric(run)
    if (metric === 'trainingLoss') return run.trainingLoss
    if (metric !== 'validationLoss') return financial(run)[metric]
    if (run.validationLoss === undefined)
      throw new TradewrightError('BAD_OPTION', "the metric 'validationLoss' must have validation data, was undefined")
    return run.validationLoss
  }

  return {
    name: 'earlyStopping',
    epoch(run) {
      const out = criteria.map((criterion, i) => {
        const { patience = 10, minDelta = 0, metric } = criterion
        const value = measure(metric, run)
        const standing = standings[i]
        const gain = directionOf(criterion) === 'minimize' ? standing.best - value : value - standing.best
        const better = Number.isNaN(standing.best) ? !Number.isNaN(value) : gain > minDelta
        if (better) {
          standing.best = value
          standing.bad = 0
          if (i === 0) {
            bestEpoch = run.epoch
            if (restoreBest) best = new Map([...run.model.values].map(([name, values]) => [name, values.slice()]))
          }
        } else standing.bad++
        return standing.bad > patience
      })
      const stop = mode === 'all' ? out.every(Boolean) : out.some(Boolean)
      return stop ? 'stop' : undefined
    },
    finish({ model }) {
      if (restoreBest && best !== undefined)
        for (const [name, values] of model.values) values.set(best.get(name) ?? values)
    },
    save: (): Data => ({
      standings: standings.map(({ best: value, bad }) => ({ best: value, bad })),
      best: best === undefined ? undefined : Object.fromEntries(best),
      bestEpoch,
    }),
    restore(data) {
      const found = data as unknown as {
        readonly standings: readonly Standing[]
        readonly best: Readonly<Record<string, Float32Array>> | undefined
        readonly bestEpoch: number
      }
      standings = found.standings.map((each) => ({ ...each }))
      best = found.best === undefined ? undefined : new Map(Object.entries(found.best).map(([k, v]) => [k, v.slice()]))
      bestEpoch = found.bestEpoch
    },
    stats: () => ({ bestEpoch, best: standings[0].best }),
  }
}
