import type { Data } from '@tradewright/core'
import { checkCount, checkRange } from '../check-range.ts'
import type { TrainingRun, Trick } from '../trick.ts'

type Weights = Map<string, Float32Array>

const copyOf = ({ model }: TrainingRun): Weights =>
  new Map([...model.values].map(([name, values]) => [name, values.slice()]))
const put = (weights: Weights, { model }: TrainingRun): void => {
  for (const [name, values] of model.values) values.set(weights.get(name) ?? values)
}
const toData = (weights: Weights | undefined): Data => (weights === undefined ? undefined : Object.fromEntries(weights))
const fromData = (data: Data): Weights | undefined =>
  data === undefined
    ? undefined
    : new Map(Object.entries(data as Record<string, Float32Array>).map(([k, v]) => [k, v.slice()]))

/**
 * A trick that keeps an average of the weights and puts it in place when training ends. When training goes on, the
 * weights that it had come back first.
 */
function averaging(
  name: string,
  fold: (average: Weights | undefined, run: TrainingRun, taken: number) => Weights | undefined,
  when: 'stepped' | 'epoch',
): Trick {
  let average: Weights | undefined
  let raw: Weights | undefined
  let taken = 0
  const take = (run: TrainingRun): void => {
    const next = fold(average, run, taken)
    if (next !== undefined) taken++
    average = next ?? average
  }
  return {
    name,
    kind: 'average',
    conflicts: { earlyStopping: 'it would judge other weights than those that are put in place at the end' },
    start(run) {
      if (raw !== undefined) {
        put(raw, run)
        run.model.commit()
      }
      raw = undefined
    },
    ...(when === 'stepped'
      ? { stepped: take }
      : {
          epoch: (run: TrainingRun) => {
            take(run)
            return undefined
          },
        }),
    finish(run) {
      if (average === undefined) return
      raw = copyOf(run)
      put(average, run)
    },
    save: () => ({ average: toData(average), raw: toData(raw), taken }),
    restore(data) {
      const found = data as { readonly average: Data; readonly raw: Data; readonly taken: number }
      average = fromData(found.average)
      raw = fromData(found.raw)
      taken = found.taken
    },
    stats: () => ({ taken }),
  }
}

/** Options of {@link exponentialAverage}. */
export interface ExponentialAverageOptions {
  /** Share of the average that stays at each step; held to (1 + t) / (10 + t) at first. @default 0.999 */
  readonly decay?: number | undefined
}

/** An exponential moving average of the weights, in place when training ends. @see Polyak, Juditsky (1992). */
export function exponentialAverage({ decay = 0.999 }: ExponentialAverageOptions = {}): Trick {
  checkRange('decay', decay, 0, 1)
  const fold = (average: Weights | undefined, run: TrainingRun, taken: number): Weights => {
    if (average === undefined) return copyOf(run)
    const keep = Math.min(decay, (1 + taken) / (10 + taken))
    for (const [name, values] of run.model.values) {
      const mean = average.get(name) as Float32Array
      for (let i = 0; i < mean.length; i++) mean[i] = keep * mean[i] + (1 - keep) * values[i]
    }
    return average
  }
  return averaging('exponentialAverage', fold, 'stepped')
}

/** Options of {@link stochasticWeightAveraging}. */
export interface WeightAveragingOptions {
  /** First epoch, from 1, whose weights are taken. */
  readonly from: number
  /** Epochs between those that are taken. @default 1 */
  readonly every?: number | undefined
}

/** The mean of the weights at the ends of epochs, in place when training ends. @see Izmailov et al. (2018), UAI. */
export function stochasticWeightAveraging({ from, every = 1 }: WeightAveragingOptions): Trick {
  checkCount('from', from, 1)
  checkCount('every', every, 1)
  const fold = (average: Weights | undefined, run: TrainingRun, taken: number): Weights | undefined => {
    if (run.epoch < from || (run.epoch - from) % every !== 0) return undefined
    if (average === undefined) return copyOf(run)
    for (const [name, values] of run.model.values) {
      const mean = average.get(name) as Float32Array
      for (let i = 0; i < mean.length; i++) mean[i] += (values[i] - mean[i]) / (taken + 1)
    }
    return average
  }
  return averaging('stochasticWeightAveraging', fold, 'epoch')
}
