import { type PruneDecision, type Pruner, TradewrightError } from '@tradewright/core'
import { refuseUnknown } from './known-options.ts'
import { allCurves, goOn, judgedCurves, quoted, stop, type TrialCurve } from './trial-reports.ts'

/** Options of {@link successiveHalvingPruner}. */
export interface SuccessiveHalvingOptions {
  /** Step of the first rung; 'auto' is a hundredth of the longest done trial, at least 1. @default 1 */
  readonly minResource?: number | 'auto' | undefined
  /** One of this many goes on from a rung, >= 2. @default 4 */
  readonly reductionFactor?: number | undefined
  /** Rungs to leave out at the beginning. @default 0 */
  readonly minEarlyStoppingRate?: number | undefined
  /** What becomes of a trial that is not promoted: it ends, or waits and may be taken on later (ASHA). @default 'stop' */
  readonly demoted?: 'stop' | 'pause' | undefined
}

/** Settings of one bracket. */
export interface Halving {
  readonly minResource: number | undefined
  readonly factor: number
  readonly rate: number
  readonly demoted: 'stop' | 'pause'
}

/** Value at the first report at or past a step; undefined where there is none. */
function valueAt({ steps, losses }: TrialCurve, step: number): number | undefined {
  const at = steps.findIndex((s) => s >= step)
  return at < 0 ? undefined : losses[at]
}

/** Judges one trial against its peers (itself left out). */
export function judgeHalving(
  curve: TrialCurve,
  peers: readonly TrialCurve[],
  { minResource, factor, rate, demoted }: Halving,
): PruneDecision {
  const { id, steps, losses } = curve
  const step = steps[steps.length - 1]
  const last = losses[losses.length - 1]
  if (minResource === undefined) return goOn(id, 'no trial is done yet, so there are no rungs')
  const before = steps.length < 2 ? Number.NEGATIVE_INFINITY : steps[steps.length - 2]
  let why = `step ${step} is no rung`
  for (let rung = 0; ; rung++) {
    const at = minResource * factor ** (rate + rung)
    if (step < at) return goOn(id, why)
    if (before >= at) continue // judged there when it arrived
    if (Number.isNaN(last)) return stop(id, `the value at step ${step} is NaN`)
    const competing = [last, ...peers.flatMap((peer) => valueAt(peer, at) ?? [])]
      .filter((v) => !Number.isNaN(v))
      .sort((a, b) => a - b)
    const promoted = Math.max(0, Math.floor(competing.length / factor) - 1)
    const text = `rung ${rung} (step ${quoted(at)}): ${quoted(Math.abs(last))} against ${quoted(Math.abs(competing[promoted]))}, the best 1 in ${factor} of ${competing.length}`
    if (last > competing[promoted]) return { id, action: demoted, why: `not promoted at ${text}` }
    why = `promoted at ${text}`
  }
}

/** The first rung's step. */
export function firstRung(minResource: number | 'auto', done: readonly (readonly number[])[]): number | undefined {
  if (minResource !== 'auto') return minResource
  let longest = 0
  for (const steps of done) longest = Math.max(longest, steps[steps.length - 1] ?? 0)
  return done.length === 0 ? undefined : Math.max(1, Math.floor(longest / 100))
}

/**
 * Asynchronous successive halving: at steps that grow by `reductionFactor`, only the best part of all trials that came
 * so far goes on. Others end, or wait (`demoted: 'pause'`) until {@link ashaSchedule} finds them good enough after all.
 *
 * With 'stop' it decides as Optuna's SuccessiveHalvingPruner. Trials of one generation are each other's competitors.
 *
 * @throws TradewrightError `BAD_OPTION` for a factor below 2 or a first rung below 1.
 * @see Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht, Talwalkar (2020), "A system for massively parallel hyperparameter
 *   tuning", MLSys (ASHA).
 */
export function successiveHalvingPruner(options: SuccessiveHalvingOptions = {}): Pruner {
  refuseUnknown('successive-halving', options, ['minResource', 'reductionFactor', 'minEarlyStoppingRate', 'demoted'])
  const { minResource = 1, reductionFactor = 4, minEarlyStoppingRate = 0, demoted = 'stop' } = options
  if (!(reductionFactor >= 2) || (minResource !== 'auto' && !(minResource >= 1)))
    throw new TradewrightError(
      'BAD_OPTION',
      `needs reductionFactor >= 2 and minResource >= 1, was ${reductionFactor}, ${minResource}`,
      {
        reductionFactor,
        minResource,
      },
    )
  return {
    name: 'successive-halving',
    decide(reports, view) {
      const done = view.trials.filter((t) => t.status === 'done').map((t) => t.reports.map((r) => r.step))
      const halving = {
        minResource: firstRung(minResource, done),
        factor: reductionFactor,
        rate: minEarlyStoppingRate,
        demoted,
      }
      const judged = judgedCurves(reports, view)
      // Trials that ran before there were rungs stand on none.
      const without = minResource === 'auto' ? (view.trials.find((t) => t.status === 'done')?.number ?? 0) : -1
      const others = [...allCurves(view), ...judged].filter(({ id }) => id > without)
      return judged.map((curve) =>
        judgeHalving(
          curve,
          others.filter((other) => other.id !== curve.id),
          halving,
        ),
      )
    },
  }
}
