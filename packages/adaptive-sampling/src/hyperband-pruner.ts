import { createRng, type Pruner, TradewrightError } from '@tradewright/core'
import { judgeHalving } from './successive-halving-pruner.ts'
import { allCurves, goOn, judgedCurves } from './trial-reports.ts'

/** Options of {@link hyperbandPruner}. */
export interface HyperbandOptions {
  /** Step of the first rung of the first bracket. @default 1 */
  readonly minResource?: number | undefined
  /** Last step of a trial; 'auto' is the longest done one. @default 'auto' */
  readonly maxResource?: number | 'auto' | undefined
  /** @default 3 */
  readonly reductionFactor?: number | undefined
}

const BRACKET_STREAM = 2 ** 45

/** Which bracket a trial belongs to: a pure function of the seed and its number, by the brackets' shares. */
function bracketOf(seed: number, trial: number, shares: readonly number[]): number {
  let rest = createRng(seed, BRACKET_STREAM + trial).uniform() * shares.reduce((a, b) => a + b, 0)
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
 * Brackets and their shares are Optuna's; which trial goes to which is drawn from the study's seed instead of a hash of
 * its name.
 *
 * @throws TradewrightError `BAD_OPTION` for a factor below 2 or a maxResource below minResource.
 * @see Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar (2018), "Hyperband", JMLR 18.
 */
export function hyperbandPruner(options: HyperbandOptions = {}): Pruner {
  const { minResource = 1, maxResource = 'auto', reductionFactor = 3 } = options
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
      let longest = maxResource === 'auto' ? 0 : maxResource
      if (maxResource === 'auto')
        for (const { status, reports: own } of view.trials)
          if (status === 'done') longest = Math.max(longest, own.at(-1)?.step ?? 0)
      if (longest < minResource)
        return judged.map(({ id }) => goOn(id, 'no trial is done yet, so there are no brackets'))
      const brackets = Math.floor(Math.log(longest / minResource) / Math.log(reductionFactor) + 1e-9) + 1
      const shares = Array.from({ length: brackets }, (_, b) => {
        const s = brackets - 1 - b
        return Math.ceil((brackets * reductionFactor ** s) / (s + 1))
      })
      const own = new Map<number, number>()
      const bracket = (id: number): number => {
        const known = own.get(id) ?? bracketOf(view.seed, id, shares)
        own.set(id, known)
        return known
      }
      const others = [...allCurves(view), ...judged]
      return judged.map((curve) => {
        const rate = bracket(curve.id)
        const peers = others.filter((other) => other.id !== curve.id && bracket(other.id) === rate)
        const decision = judgeHalving(curve, peers, { minResource, factor: reductionFactor, rate, demoted: 'stop' })
        return { ...decision, why: `bracket ${rate}: ${decision.why}` }
      })
    },
  }
}
