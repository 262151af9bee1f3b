import { normalCdf, type Pruner, TradewrightError } from '@tradewright/core'
import { refuseUnknown } from './known-options.ts'
import { doneCurves, goOn, judgedCurves, quoted, signOf, stop, type TrialCurve } from './trial-reports.ts'

/** Options of {@link wilcoxonPruner}. */
export interface WilcoxonOptions {
  /** A trial stops where the probability of being no worse is below this, from 0 to 1. @default 0.2 */
  readonly pThreshold?: number | undefined
  /** Common folds or symbols before it is judged. @default 2 */
  readonly startupSteps?: number | undefined
}

const MAX_EXACT = 50

/** Number of subsets of the ranks 1..n with each sum, as parts of 2^n. */
function exactTail(n: number, sum: number): number {
  const total = (n * (n + 1)) / 2
  const parts = new Float64Array(total + 1)
  parts[0] = 1
  for (let rank = 1; rank <= n; rank++)
    for (let s = total; s >= 0; s--) parts[s] = 0.5 * (parts[s] + (s >= rank ? parts[s - rank] : 0))
  let tail = 0
  for (let s = Math.ceil(sum); s <= total; s++) tail += parts[s]
  return Math.min(1, tail)
}

/**
 * One-sided Wilcoxon signed-rank test: the probability of a rank sum of positive differences this large, were there none.
 *
 * Exact up to 50 differences without ties and zeros, else by the normal approximation with the tie correction; zeros
 * count half to each side.
 *
 * @param differences finite numbers. Read only. 1 where there are none.
 * @see Wilcoxon (1945), Biometrics Bull. 1; as scipy.stats.wilcoxon with alternative 'greater', zero_method 'zsplit'.
 */
export function wilcoxonGreater(differences: readonly number[]): number {
  const n = differences.length
  if (n === 0) return 1
  const order = differences.map((d) => ({ d, size: Math.abs(d) })).sort((a, b) => a.size - b.size)
  let plus = 0
  let zeros = 0
  let ties = 0
  let tied = false
  for (let i = 0; i < n; ) {
    let j = i
    while (j < n && order[j].size === order[i].size) j++
    const rank = (i + 1 + j) / 2
    const count = j - i
    if (count > 1) tied = true
    ties += count ** 3 - count
    for (let k = i; k < j; k++) {
      if (order[k].d > 0) plus += rank
      else if (order[k].d === 0) {
        zeros++
        plus += rank / 2
      }
    }
    i = j
  }
  if (n <= MAX_EXACT && !tied && zeros === 0) return exactTail(n, plus)
  const mean = (n * (n + 1)) / 4
  const variance = (n * (n + 1) * (2 * n + 1) - ties / 2) / 24
  return normalCdf(-(plus - mean) / Math.sqrt(variance))
}

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

function bestCurve(done: readonly TrialCurve[], values: ReadonlyMap<number, number>): TrialCurve | undefined {
  let best: TrialCurve | undefined
  for (const curve of done)
    if (best === undefined || (values.get(curve.id) ?? 0) < (values.get(best.id) ?? 0)) best = curve
  return best
}

/**
 * Compares a trial with the best one, fold by fold (or symbol by symbol): steps are the folds, in any order. Stops where
 * the signed-rank test says that it is worse.
 *
 * Decides as Optuna's WilcoxonPruner, whose threshold is 0.1: 0.2 costs less and lost nothing on the seeded objectives.
 *
 * @throws TradewrightError `BAD_OPTION` for a threshold outside 0 to 1.
 */
export function wilcoxonPruner(options: WilcoxonOptions = {}): Pruner {
  refuseUnknown('wilcoxon', options, ['pThreshold', 'startupSteps'])
  const { pThreshold = 0.2, startupSteps = 2 } = options
  if (!(pThreshold >= 0 && pThreshold <= 1))
    throw new TradewrightError('BAD_OPTION', `pThreshold must be from 0 to 1, was ${pThreshold}`, { pThreshold })
  return {
    name: 'wilcoxon',
    decide(reports, view) {
      const sign = signOf(view.directions)
      const values = new Map(view.trials.filter((t) => t.status === 'done').map((t) => [t.number, sign * t.values[0]]))
      const best = bestCurve(doneCurves(view), values)
      return judgedCurves(reports, view).map(({ id, steps, losses }) => {
        if (best === undefined || best.steps.length === 0) return goOn(id, 'no done trial has reports to compare with')
        const reference = new Map(best.steps.map((step, i) => [step, best.losses[i]]))
        const differences = steps.flatMap((step, i) => {
          const other = reference.get(step)
          return other === undefined || !Number.isFinite(losses[i] - other) ? [] : [losses[i] - other]
        })
        const text = `${differences.length} common steps with trial ${best.id}`
        if (differences.length < startupSteps) return goOn(id, `${text}, judging begins at ${startupSteps}`)
        const p = wilcoxonGreater(differences)
        if (!(p < pThreshold)) return goOn(id, `p ${quoted(p)} over ${text} is not below ${pThreshold}`)
        if (average(best.losses) >= average(losses)) return goOn(id, `better than trial ${best.id} on average`)
        return stop(id, `worse over ${text}, p ${quoted(p)} below ${pThreshold}`)
      })
    },
  }
}
