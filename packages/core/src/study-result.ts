import { TradewrightError } from './error.ts'
import type { Direction } from './metrics.ts'
import { paretoFront } from './multi-objective.ts'
import { bestTrial } from './study-loop.ts'
import type { FinishedTrial } from './trial.ts'

/** The best of a study. */
export interface BestTrial<P> {
  readonly number: number
  readonly params: P
  /** The first objective's value. */
  readonly value: number
  readonly values: readonly number[]
}

/** How a study went. */
export interface StudyResult<P> {
  /** The best trial by the first objective. @throws TradewrightError `TRIAL_FAILED` where none finished. */
  readonly best: BestTrial<P>
  /** Trials that no other dominates. */
  readonly front: readonly BestTrial<P>[]
  readonly trials: readonly FinishedTrial[]
  /** Why it ended. */
  readonly why: string
}

function toBest<P>(trial: FinishedTrial): BestTrial<P> {
  return { number: trial.number, params: trial.params as P, value: trial.values[0], values: trial.values }
}

/** @throws TradewrightError `TRIAL_FAILED` where no trial finished. */
export function bestOf<P>(trials: readonly FinishedTrial[], directions: readonly Direction[]): BestTrial<P> {
  const best = bestTrial(trials, directions)
  if (best !== undefined) return toBest(best)
  const failed = trials.find((t) => t.status === 'failed')
  throw new TradewrightError(
    'TRIAL_FAILED',
    `a study needs a finished trial for a best one; ${trials.length} ended and none was done${failed?.error === undefined ? '' : `, the first failed with: ${failed.error.message}`}`,
    { trials: trials.length, error: failed?.error },
  )
}

/** How a study went, as its trials tell. */
export function studyResult<P>(
  trials: readonly FinishedTrial[],
  directions: readonly Direction[],
  why: string,
): StudyResult<P> {
  return {
    get best(): BestTrial<P> {
      return bestOf(trials, directions)
    },
    get front(): readonly BestTrial<P>[] {
      return paretoFront(trials, directions).map((t) => toBest<P>(t))
    },
    trials,
    why,
  }
}
