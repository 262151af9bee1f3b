import { normalCdf, type PruneDecision, type Pruner, TradewrightError } from '@tradewright/core'
import { refuseUnknown } from './known-options.ts'
import { doneCurves, goOn, judgedCurves, quoted, stop, type TrialCurve } from './trial-reports.ts'

/** Options of {@link extrapolationPruner}. */
export interface ExtrapolationOptions {
  /** A trial stops where its probability of beating the best done one is below this, from 0 to 1. @default 0.2 */
  readonly probability?: number | undefined
  /** Reports before the first extrapolation, >= 4. @default 6 */
  readonly minReports?: number | undefined
  /** Done trials before the first one is judged. @default 3 */
  readonly startupTrials?: number | undefined
}

type ExtrapolationSettings = { readonly [K in keyof ExtrapolationOptions]-?: number }

const HALF_LIVES = [0.03, 0.08, 0.2, 0.5, 1.2]
const POWERS = [0.5, 1, 2]

/** A prediction of a curve's value at a later step. */
export interface CurvePrediction {
  readonly mean: number
  readonly deviation: number
}

/**
 * Where a falling curve will be: a + b (1 + s / h)^-p fitted for several h and p, averaged by likelihood.
 *
 * @param steps  ascending, at least 4.
 * @param losses finite, smaller is better.
 * @param end    the step to predict, beyond the last one.
 * @param noise  standard deviation of a report, a lower bound of what the residuals say.
 * @see Domhan, Springenberg, Hutter (2015), "Speeding up automatic hyperparameter optimization by extrapolation of
 *   learning curves", IJCAI. Where it differs: one family on a grid with least squares instead of eleven by MCMC.
 */
export function extrapolate(
  steps: readonly number[],
  losses: readonly number[],
  end: number,
  noise: number,
): CurvePrediction {
  const fits: { readonly error: number; readonly mean: number; readonly spread: number }[] = []
  const n = steps.length
  for (const part of HALF_LIVES)
    for (const power of POWERS) {
      const shape = (step: number): number => (1 + (step - steps[0]) / (part * (end - steps[0]))) ** -power
      let sx = 0
      let sy = 0
      for (let i = 0; i < n; i++) {
        sx += shape(steps[i])
        sy += losses[i]
      }
      const mx = sx / n
      const my = sy / n
      let xx = 0
      let xy = 0
      for (let i = 0; i < n; i++) {
        const x = shape(steps[i]) - mx
        xx += x * x
        xy += x * (losses[i] - my)
      }
      const b = Math.max(0, xy / xx)
      let error = 0
      for (let i = 0; i < n; i++) error += (losses[i] - my - b * (shape(steps[i]) - mx)) ** 2
      const away = shape(end) - mx
      fits.push({ error, mean: my + b * away, spread: 1 / n + (away * away) / xx })
    }
  const least = fits.reduce((m, f) => Math.min(m, f.error), Number.POSITIVE_INFINITY)
  const variance = Math.max(noise * noise, least / Math.max(1, n - 3), 1e-300)
  let total = 0
  let mean = 0
  let square = 0
  for (const fit of fits) {
    const weight = Math.exp(-0.5 * ((fit.error - least) / variance))
    total += weight
    mean += weight * fit.mean
    square += weight * (fit.mean * fit.mean + variance * (1 + fit.spread))
  }
  mean /= total
  return { mean, deviation: Math.sqrt(Math.max(0, square / total - mean * mean)) }
}

/** Noise of the done trials' curves: a robust estimate from their second differences. */
function noiseOf(done: readonly TrialCurve[]): number {
  const sizes = done
    .slice(-20)
    .flatMap(({ losses }) => losses.slice(0, -2).map((_, i) => Math.abs(losses[i] - 2 * losses[i + 1] + losses[i + 2])))
    .filter((v) => Number.isFinite(v))
    .sort((a, b) => a - b)
  // The median of |N(0, 6 s^2)| is 0.6745 sqrt(6) s.
  return sizes.length === 0 ? 0 : sizes[sizes.length >> 1] / (0.6745 * Math.sqrt(6))
}

function judge(
  curve: TrialCurve,
  done: readonly TrialCurve[],
  options: ExtrapolationSettings,
  noise: number,
): PruneDecision {
  const { probability, minReports, startupTrials } = options
  const { id, steps, losses } = curve
  if (done.length < startupTrials) return goOn(id, `${done.length} trials are done, judging begins at ${startupTrials}`)
  const last = steps[steps.length - 1]
  if (Number.isNaN(losses[losses.length - 1])) return stop(id, `the value at step ${last} is NaN`)
  if (steps.length < minReports) return goOn(id, `${steps.length} reports, extrapolation begins at ${minReports}`)
  if (losses.some((v) => !Number.isFinite(v))) return goOn(id, 'a curve with infinite values is not extrapolated')
  let end = 0
  let best = Number.POSITIVE_INFINITY
  for (const other of done) {
    end = Math.max(end, other.steps[other.steps.length - 1] ?? 0)
    best = Math.min(best, other.losses[other.losses.length - 1] ?? Number.POSITIVE_INFINITY)
  }
  if (!(last < end) || !Number.isFinite(best)) return goOn(id, 'nothing is left to extrapolate')
  const { mean, deviation } = extrapolate(steps, losses, end, noise)
  const chance = normalCdf((best - mean) / Math.max(deviation, 1e-300))
  const text = `chance ${quoted(chance)} of beating ${quoted(Math.abs(best))} at step ${end}, expected ${quoted(Math.abs(mean))}`
  return chance < probability ? stop(id, `too small a ${text}`) : goOn(id, text)
}

/**
 * Extrapolates a trial's curve to the end and stops it where it will hardly beat the best done trial.
 *
 * @throws TradewrightError `BAD_OPTION` for a probability outside 0 to 1 or fewer than 4 reports.
 * @see Domhan et al. (2015), IJCAI.
 */
export function extrapolationPruner(options: ExtrapolationOptions = {}): Pruner {
  refuseUnknown('extrapolation', options, ['probability', 'minReports', 'startupTrials'])
  const { probability = 0.2, minReports = 6, startupTrials = 3 } = options
  if (!(probability >= 0 && probability <= 1) || !(minReports >= 4))
    throw new TradewrightError(
      'BAD_OPTION',
      `needs a probability from 0 to 1 and minReports >= 4, was ${probability}, ${minReports}`,
      {
        probability,
        minReports,
      },
    )
  // The noise of the same done trials, remembered from the last question.
  let asked: { readonly last: TrialCurve | undefined; readonly count: number; readonly noise: number } | undefined
  return {
    name: 'extrapolation',
    decide(reports, view) {
      const done = doneCurves(view).filter((c) => c.losses.length > 0)
      const last = done[done.length - 1]
      if (asked === undefined || asked.last !== last || asked.count !== done.length)
        asked = { last, count: done.length, noise: noiseOf(done) }
      const { noise } = asked
      return judgedCurves(reports, view).map((curve) =>
        judge(curve, done, { probability, minReports, startupTrials }, noise),
      )
    },
  }
}
