import { type Pruner, TradewrightError } from '@tradewright/core'
import { refuseUnknown } from './known-options.ts'
import { goOn, judgedCurves, quoted, signOf, stop } from './trial-reports.ts'

/** Options of {@link thresholdPruner}. */
export interface ThresholdOptions {
  /** Values below stop the trial. @default -Infinity */
  readonly lower?: number | undefined
  /** Values above stop the trial. @default Infinity */
  readonly upper?: number | undefined
  /** Steps below this are not judged. @default 0 */
  readonly warmupSteps?: number | undefined
}

/**
 * Stops trials whose last value is outside fixed bounds, or NaN.
 *
 * @throws TradewrightError `BAD_OPTION` where neither bound is given, or lower is above upper.
 */
export function thresholdPruner(options: ThresholdOptions): Pruner {
  refuseUnknown('threshold', options, ['lower', 'upper', 'warmupSteps'])
  const { lower = Number.NEGATIVE_INFINITY, upper = Number.POSITIVE_INFINITY, warmupSteps = 0 } = options
  if (!(lower <= upper) || (lower === Number.NEGATIVE_INFINITY && upper === Number.POSITIVE_INFINITY))
    throw new TradewrightError(
      'BAD_OPTION',
      `a threshold needs lower <= upper and one of them, was ${lower}, ${upper}`,
      {
        lower,
        upper,
      },
    )
  return {
    name: 'threshold',
    decide: (reports, view) =>
      judgedCurves(reports, view).map(({ id, steps, losses }) => {
        const step = steps[steps.length - 1]
        const value = signOf(view.directions) * losses[losses.length - 1]
        if (step < warmupSteps) return goOn(id, `step ${step} is below the warm-up of ${warmupSteps}`)
        if (Number.isNaN(value)) return stop(id, `the value at step ${step} is NaN`)
        if (value < lower) return stop(id, `${quoted(value)} at step ${step} is below the lower bound ${quoted(lower)}`)
        if (value > upper) return stop(id, `${quoted(value)} at step ${step} is above the upper bound ${quoted(upper)}`)
        return goOn(id, `${quoted(value)} at step ${step} is within the bounds`)
      }),
  }
}
