import { type PruneDecision, type Pruner, TradewrightError } from '@tradewright/core'
import { refuseUnknown } from './known-options.ts'
import { doneCurves, goOn, judgedCurves, quoted, stop, type TrialCurve } from './trial-reports.ts'

/** Options of {@link medianPruner}. */
export interface MedianOptions {
  /** Done trials before the first one is judged. @default 5 */
  readonly startupTrials?: number | undefined
  /** Steps below this are not judged. @default 0 */
  readonly warmupSteps?: number | undefined
  /** Steps between judgements. @default 1 */
  readonly intervalSteps?: number | undefined
  /** Done trials that must have reported the step. @default 1 */
  readonly minTrials?: number | undefined
}

/** Options of {@link percentilePruner}. */
export interface PercentileOptions extends MedianOptions {
  /** The part of the trials that may go on, in percent, from 0 to 100. */
  readonly percentile: number
}

type PercentileSettings = { readonly [K in keyof PercentileOptions]-?: number }

/** Whether this step is the first one reported in its interval. */
function firstInInterval({ steps }: TrialCurve, warmup: number, interval: number): boolean {
  const step = steps[steps.length - 1]
  const floor = Math.floor((step - warmup) / interval) * interval + warmup
  return steps.length < 2 || steps[steps.length - 2] < floor
}

/** Percentile with linear interpolation, as numpy's. `sorted` ascending, not empty. */
export function percentileOf(sorted: readonly number[], percent: number): number {
  const at = ((sorted.length - 1) * percent) / 100
  const low = Math.floor(at)
  const rest = at - low
  if (rest === 0) return sorted[low]
  return sorted[low] + rest * (sorted[low + 1] - sorted[low])
}

/** What the done trials reported at a step, sorted: once a step, however many trials stand there. */
function peersByStep(done: readonly TrialCurve[]): (step: number) => readonly number[] {
  const known = new Map<number, readonly number[]>()
  return (step) => {
    let peers = known.get(step)
    if (peers === undefined) {
      const losses: number[] = []
      for (const { steps, losses: all } of done) {
        const at = steps.indexOf(step)
        if (at >= 0 && !Number.isNaN(all[at])) losses.push(all[at])
      }
      peers = Array.from(Float64Array.from(losses).sort())
      known.set(step, peers)
    }
    return peers
  }
}

/** @param done how many trials are. */
function judge(
  curve: TrialCurve,
  done: number,
  peersAt: (step: number) => readonly number[],
  options: PercentileSettings,
): PruneDecision {
  const { percentile, startupTrials, warmupSteps, intervalSteps, minTrials } = options
  const { id, steps, losses } = curve
  const step = steps[steps.length - 1]
  if (done === 0 || done < startupTrials) return goOn(id, `${done} trials are done, judging begins at ${startupTrials}`)
  if (step < warmupSteps) return goOn(id, `step ${step} is below the warm-up of ${warmupSteps}`)
  if (!firstInInterval(curve, warmupSteps, intervalSteps)) return goOn(id, `step ${step} is between two judgements`)
  const finite = losses.filter((v) => !Number.isNaN(v))
  if (finite.length === 0) return stop(id, `all values up to step ${step} are NaN`)
  const best = finite.reduce((a, b) => Math.min(a, b))
  const peers = peersAt(step)
  if (peers.length < Math.max(1, minTrials)) return goOn(id, `${peers.length} done trials reported step ${step}`)
  const limit = percentileOf(peers, percentile)
  const text = `its best up to step ${step} against the ${percentile}th percentile of ${peers.length}: ${quoted(Math.abs(best))}, ${quoted(Math.abs(limit))}`
  return best > limit ? stop(id, `worse: ${text}`) : goOn(id, `not worse: ${text}`)
}

/**
 * Stops a trial whose best value so far is worse than a percentile of the done trials' values at the same step.
 *
 * Decides as Optuna's PercentilePruner.
 *
 * @throws TradewrightError `BAD_OPTION` for a percentile outside 0 to 100 or an interval below 1.
 */
export function percentilePruner(options: PercentileOptions): Pruner {
  refuseUnknown('percentile', options, ['percentile', 'startupTrials', 'warmupSteps', 'intervalSteps', 'minTrials'])
  const { percentile, startupTrials = 5, warmupSteps = 0, intervalSteps = 1, minTrials = 1 } = options
  if (!(percentile >= 0 && percentile <= 100))
    throw new TradewrightError('BAD_OPTION', `percentile must be from 0 to 100, was ${percentile}`, { percentile })
  if (!(intervalSteps >= 1))
    throw new TradewrightError('BAD_OPTION', `intervalSteps must be at least 1, was ${intervalSteps}`, {
      intervalSteps,
    })
  const settings = { percentile, startupTrials, warmupSteps, intervalSteps, minTrials }
  return {
    name: 'percentile',
    decide(reports, view) {
      const done = doneCurves(view)
      const peersAt = peersByStep(done)
      return judgedCurves(reports, view).map((curve) => judge(curve, done.length, peersAt, settings))
    },
  }
}

/**
 * Stops a trial whose best value so far is worse than the median of the done trials at the same step.
 *
 * @see Golovin et al. (2017), "Google Vizier", KDD, section 3.5.2; decides as Optuna's MedianPruner.
 */
export function medianPruner(options: MedianOptions = {}): Pruner {
  refuseUnknown('median', options, ['startupTrials', 'warmupSteps', 'intervalSteps', 'minTrials'])
  return { ...percentilePruner({ ...options, percentile: 50 }), name: 'median' }
}
