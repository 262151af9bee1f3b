import { checkCount, checkRange } from '../check-range.ts'
import type { Trick } from '../trick.ts'

const cosine = (from: number, to: number, share: number): number =>
  to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2

/** Options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** Highest rate. @default the base rate */
  readonly maxRate?: number | undefined
  /** Share of the steps on which the rate rises. @default 0.3 */
  readonly warmup?: number | undefined
  /** The first rate is the highest divided by this. @default 25 */
  readonly divide?: number | undefined
  /** The last rate is the first divided by this. @default 10000 */
  readonly finalDivide?: number | undefined
}

/**
 * One rise and one fall of the rate, each half a cosine, over all the steps that `fit` is asked for.
 *
 * @see Smith, Topin (2018), "Super-convergence"; in the form of PyTorch's OneCycleLR with two phases.
 */
export function oneCycle({ maxRate, warmup = 0.3, divide = 25, finalDivide = 1e4 }: OneCycleOptions = {}): Trick {
  checkRange('warmup', warmup, 0, 1)
  checkRange('divide', divide, 1, Number.POSITIVE_INFINITY)
  checkRange('finalDivide', finalDivide, 1, Number.POSITIVE_INFINITY)
  return {
    name: 'oneCycle',
    kind: 'schedule',
    conflicts: { linearWarmup: 'the cycle has a warmup of its own' },
    rate(base, { step, totalSteps }) {
      const most = maxRate ?? base
      const first = most / divide
      const top = warmup * totalSteps - 1
      const end = totalSteps - 1
      if (step <= top) return cosine(first, most, top <= 0 ? 1 : step / top)
      return cosine(most, first / finalDivide, Math.min(1, (step - top) / (end - top)))
    },
  }
}

/** Options of {@link cosineRestarts}. */
export interface CosineRestartsOptions {
  /** Steps of the first cycle. */
  readonly period: number
  /** By which each cycle is longer than the one before, a whole number >= 1. @default 1 */
  readonly factor?: number | undefined
  /** @default 0 */
  readonly minRate?: number | undefined
}

/** Half a cosine from the base rate down, again and again. @see Loshchilov, Hutter (2017), "SGDR", ICLR, equation 5. */
export function cosineRestarts({ period, factor = 1, minRate = 0 }: CosineRestartsOptions): Trick {
  checkCount('period', period, 1)
  checkCount('factor', factor, 1)
  checkRange('minRate', minRate, 0, Number.POSITIVE_INFINITY)
  return {
    name: 'cosineRestarts',
    kind: 'schedule',
    rate(base, { step }) {
      let at = step
      let length = period
      while (at >= length) {
        at -= length
        length *= factor
      }
      return cosine(base, minRate, at / length)
    },
  }
}

/** A rate that rises from a share of the base rate to all of it, and then leaves it alone. May be with another schedule but oneCycle. */
export function linearWarmup({
  steps,
  from = 0,
}: {
  readonly steps: number
  readonly from?: number | undefined
}): Trick {
  checkCount('steps', steps, 1)
  checkRange('from', from, 0, 1)
  return {
    name: 'linearWarmup',
    rate: (rate, { step }) => (step >= steps ? rate : rate * (from + ((1 - from) * step) / steps)),
  }
}

/** Options of {@link polynomialDecay}. */
export interface PolynomialDecayOptions {
  /** @default 1: a straight line */
  readonly power?: number | undefined
  /** @default 0 */
  readonly endRate?: number | undefined
  /** Steps until the end rate. @default all that `fit` is asked for */
  readonly steps?: number | undefined
}

/** rate = end + (base - end) (1 - step / steps)^power. */
export function polynomialDecay({ power = 1, endRate = 0, steps }: PolynomialDecayOptions = {}): Trick {
  checkRange('power', power, 0, Number.POSITIVE_INFINITY)
  checkRange('endRate', endRate, 0, Number.POSITIVE_INFINITY)
  return {
    name: 'polynomialDecay',
    kind: 'schedule',
    rate(base, { step, totalSteps }) {
      const rest = 1 - Math.min(1, step / (steps ?? totalSteps))
      return endRate + (base - endRate) * rest ** power
    },
  }
}

/** Options of {@link reduceOnPlateau}. */
export interface PlateauOptions {
  /** @default 0.1 */
  readonly factor?: number | undefined
  /** Epochs without a better loss that are let go by. @default 10 */
  readonly patience?: number | undefined
  /** Share by which a loss must be better to count. @default 0.0001 */
  readonly threshold?: number | undefined
  /** @default 0 */
  readonly minRate?: number | undefined
}

/** Lowers the rate when the validation loss (without one, the training loss) no longer falls: PyTorch's ReduceLROnPlateau, relative. */
export function reduceOnPlateau({
  factor = 0.1,
  patience = 10,
  threshold = 1e-4,
  minRate = 0,
}: PlateauOptions = {}): Trick {
  checkRange('factor', factor, 0, 1)
  checkCount('patience', patience, 0)
  let state = { scale: 1, best: Number.POSITIVE_INFINITY, bad: 0 }
  return {
    name: 'reduceOnPlateau',
    kind: 'schedule',
    rate: (base) => Math.max(minRate, base * state.scale),
    epoch({ validationLoss, trainingLoss }) {
      const loss = validationLoss ?? trainingLoss
      if (loss < state.best * (1 - threshold)) {
        state.best = loss
        state.bad = 0
      } else if (++state.bad > patience) {
        state.bad = 0
        state.scale *= factor
      }
      return undefined
    },
    save: () => ({ ...state }),
    restore(data) {
      state = { ...(data as typeof state) }
    },
    stats: () => ({ scale: state.scale }),
  }
}

/** Options of {@link adaptiveRate}. */
export interface AdaptiveRateOptions {
  /** Factor after an epoch whose loss fell. @default 1.05 */
  readonly up?: number | undefined
  /** Factor after one whose loss rose by more than `tolerance`. @default 0.5 */
  readonly down?: number | undefined
  /** Share. @default 0.01 */
  readonly tolerance?: number | undefined
}

/** The bold driver: a rate that grows while the training loss falls and is cut when it rises. @see Battiti (1989), Complex Systems 3. */
export function adaptiveRate({ up = 1.05, down = 0.5, tolerance = 0.01 }: AdaptiveRateOptions = {}): Trick {
  checkRange('up', up, 1, 10)
  checkRange('down', down, 0, 1)
  let state = { scale: 1, last: Number.POSITIVE_INFINITY }
  return {
    name: 'adaptiveRate',
    kind: 'schedule',
    rate: (base) => base * state.scale,
    epoch({ trainingLoss }) {
      if (trainingLoss < state.last) state.scale *= up
      else if (trainingLoss > state.last * (1 + tolerance)) state.scale *= down
      state.last = trainingLoss
      return undefined
    },
    save: () => ({ ...state }),
    restore(data) {
      state = { ...(data as typeof state) }
    },
    stats: () => ({ scale: state.scale }),
  }
}
