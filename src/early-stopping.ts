import { isBetter, type StudyView } from '@tradewright/core'
import type { ResolvedEarlyStopping } from './configuration.ts'

/** When a search has seen enough, in numbers. */
export interface StoppingRule {
  /** Trials that are always made. */
  readonly minTrials: number
  /** Trials without a better one after which the search ends. */
  readonly patience: number
  /** Ends the search where the best after `minTrials` is worse than this; undefined for never. */
  readonly performanceThreshold: number | undefined
}

/**
 * The rule of a search of `trials` trials; undefined where it is switched off.
 *
 * The preset 'documents' is that of the documents the project came from (patience 10, minTrials 20, threshold -0.5): it
 * stops a random search at trial 21 in the median, which is why it is not the default.
 */
export function stoppingRule(section: ResolvedEarlyStopping, trials: number): StoppingRule | undefined {
  if (!section.enabled) return undefined
  const documents = section.preset === 'documents'
  return {
    minTrials: section.minTrials ?? (documents ? 20 : Math.max(100, Math.ceil(trials / 2))),
    patience: section.patience ?? (documents ? 10 : Math.max(50, Math.ceil(trials / 5))),
    performanceThreshold: section.performanceThreshold ?? (documents ? -0.5 : undefined),
  }
}

/**
 * Looks at a study between two generations: a reason to end it, or undefined to go on.
 *
 * Only whole generations are seen, so that the same seed ends at the same trial at any concurrency. Failed and stopped
 * trials count as tries. Studies of several objectives are never ended early.
 */
export function seenEnough(rule: StoppingRule, { trials, directions }: StudyView): string | undefined {
  if (directions.length !== 1 || trials.length < rule.minTrials) return undefined
  let best = Number.NaN
  let at = 0
  trials.forEach(({ status, values }, index) => {
    if (status === 'done' && isBetter(values[0], best, directions[0])) {
      best = values[0]
      at = index + 1
    }
  })
  const { performanceThreshold, patience } = rule
  if (
    performanceThreshold !== undefined &&
    !(best === performanceThreshold || isBetter(best, performanceThreshold, directions[0]))
  )
    return `early stopping: after ${trials.length} trials the best is ${best}, worse than ${performanceThreshold}`
  const since = trials.length - at
  return since >= patience ? `early stopping: no better one in ${since} trials (patience ${patience})` : undefined
}
