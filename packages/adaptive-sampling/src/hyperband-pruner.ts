import { type Pruner, TradewrightError } from '@tradewright/core'
import { crc32 } from './crc32.ts'
import { refuseUnknown } from './known-options.ts'
import { judgeHalving } from './successive-halving-pruner.ts'
import { allCurves, goOn, judgedCurves } from './trial-reports.ts'

/** Options of {@link hyperbandPruner}. */
export interface HyperbandOptions {
  /** Step of the first rung of the first bracket. @default 1 */
  readonly minResource?: number | undefined
  /** Last step of a trial; 'auto' is one after that of the first trial that is done. @default 'auto' */
  readonly maxResource?: number | 'auto' | undefined
  /** @default 3 */
  readonly reductionFactor?: number | undefined
  /**
   * Trials go to the brackets that Optuna gives them in a study of this name.
   * @default the study's seed in decimal digits
   */
  readonly studyName?: string | undefined
}

/** Which bracket a trial belongs to: by a hash of the study's name and its number, in the brackets' shares. */
function bracketOf(name: string, trial: number, shares: readonly number[]): number {
  let rest = crc32(`${name}_${trial}`) % shares.reduce((a, b) => a + b, 0)
  for (let b = 0; b < shares.length - 1; b++) {
    rest -= shares[b]
    if (rest < 0) return b
  }
  return shares.length - 1
}

/**
 * Hyperband: several brackets of successive halving that begin to judge at different steps, so that no one choice of the
 * first rung decides everything.
 *
 * As Optuna's, trial by trial for the same `studyName`. Where it differs from the paper: brackets run beside one another,
 * and a trial's bracket is a hash of the study's name and its number, since the number of trials is not known before.
 *
 * @throws TradewrightError `BAD_OPTION` for a factor below 2 or a maxResource below minResource.
 * @see Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar (2018), "Hyperband", JMLR 18.
 */
export function hyperbandPruner(options: HyperbandOptions = {}): Pruner {
  refuseUnknown('hyperband', options, ['minResource', 'maxResource', 'reductionFactor', 'studyName'])
  const { minResource = 1, maxResource = 'auto', reductionFactor = 3, studyName } = options
  if (!(reductionFactor >= 2 && minResource >= 1) || (maxResource !== 'auto' && !(maxResource >= minResource)))
    throw new TradewrightError(
      'BAD_OPTION',
      `needs reductionFactor >= 2 and 1 <= minResource <= maxResource, was ${reductionFactor}, ${minResource}, ${maxResource}`,
      {
        reductionFactor,
        minResource,
        maxResource,
      },
    )
  return {
    name: 'hyperband',
    decide(reports, view) {
      const judged = judgedCurves(reports, view)
      const first = view.trials.find((t) => t.status === 'done' && t.reports.length > 0)
      const longest = maxResource === 'auto' ? (first?.reports.at(-1)?.step ?? -1) + 1 : maxResource
      if (longest < minResource)
        return judged.map(({ id }) => goOn(id, 'no trial is done yet, so there are no brackets'))
      // Trials that ran before there were brackets stand on no rung.
      const without = maxResource === 'auto' ? (first?.number ?? -1) : -1
      const brackets = Math.floor(Math.log(longest / minResource) / Math.log(reductionFactor) + 1e-9) + 1
      const shares = Array.from({ length: brackets }, (_, b) => {
        const s = brackets - 1 - b
        return Math.ceil((brackets * reductionFactor ** s) / (s + 1))
      })
      const own = new Map<number, number>()
      const bracket = (id: number): number => {
        const known = own.get(id) ?? bracketOf(studyName ?? String(view.seed), id, shares)
        own.set(id, known)
        return known
      }
      const others = [...allCurves(view), ...judged].filter(({ id }) => id > without)
      return judged.map((curve) => {
        const rate = bracket(curve.id)
        const peers = others.filter((other) => other.id !== curve.id && bracket(other.id) === rate)
        const decision = judgeHalving(curve, peers, { minResource, factor: reductionFactor, rate, demoted: 'stop' })
        return { ...decision, why: `bracket ${rate}: ${decision.why}` }
      })
    },
  }
}
