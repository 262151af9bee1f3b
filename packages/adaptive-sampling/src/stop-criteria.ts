import { type Clock, isBetter, type StudyView, systemClock, TradewrightError } from '@tradewright/core'
import { expectedImprovementOf } from './expected-improvement.ts'

/** Ends a study: a reason, or undefined to go on. Asked between generations. */
export type StopCriterion = (view: StudyView) => string | undefined

/**
 * Ends when the best has not improved for some trials.
 *
 * @param options.trials     without an improvement, above 0.
 * @param options.after      trials that do not count: the initial ones. @default 0
 * @param options.minDelta   an improvement must be larger than this. @default 0
 */
export function patienceOf(options: {
  readonly trials: number
  readonly after?: number | undefined
  readonly minDelta?: number | undefined
}): StopCriterion {
  const { trials: patience, after = 0, minDelta = 0 } = options
  if (!(patience > 0))
    throw new TradewrightError('BAD_OPTION', `patience must be above 0, was ${patience}`, { patience })
  return ({ trials, directions }) => {
    const sign = directions[0] === 'maximize' ? -1 : 1
    let best = Number.POSITIVE_INFINITY
    let at = after
    trials.forEach((trial, i) => {
      if (trial.status !== 'done' || (trial.violation ?? 0) > 0 || !(sign * trial.values[0] < best - minDelta)) return
      best = sign * trial.values[0]
      at = Math.max(at, i + 1)
    })
    return trials.length - at >= patience ? `no improvement in ${trials.length - at} trials` : undefined
  }
}

/** Ends when the first objective reaches a value. */
export function targetOf(value: number): StopCriterion {
  return ({ trials, directions }) => {
    const reached = trials.find(
      (t) => t.status === 'done' && (t.violation ?? 0) <= 0 && !isBetter(value, t.values[0], directions[0]),
    )
    return reached === undefined ? undefined : `trial ${reached.number} reached the target ${value}`
  }
}

/** Ends after a time, counted from the first question. What is finished is a prefix of the same sequence. */
export function timeLimitOf(ms: number, clock: Clock = systemClock): StopCriterion {
  let begun: number | undefined
  return () => {
    begun ??= clock.elapsed()
    return clock.elapsed() - begun >= ms ? `the time limit of ${ms} ms is over` : undefined
  }
}

/**
 * Ends when a Gaussian process expects less improvement than this from the best next trial.
 *
 * @param least expected improvement, in units of the first objective, above 0.
 * @param after trials before the first question. @default 30
 * @see Nguyen, Gupta, Rana, Li, Venkatesh (2017), "Regret for expected improvement over the best-observed value and
 *   stopping condition", ACML.
 */
export function expectedImprovementBelow(least: number, after = 30): StopCriterion {
  if (!(least > 0)) throw new TradewrightError('BAD_OPTION', `least must be above 0, was ${least}`, { least })
  return (view) => {
    if (view.trials.length < after) return undefined
    const expected = expectedImprovementOf(view)
    return expected < least ? `an improvement of ${expected.toPrecision(3)} is expected, less than ${least}` : undefined
  }
}

/** Ends when any of these does. */
export function anyOf(...criteria: readonly StopCriterion[]): StopCriterion {
  return (view) => {
    for (const criterion of criteria) {
      const why = criterion(view)
      if (why !== undefined) return why
    }
    return undefined
  }
}
