import { createRng, type StudyView } from '@tradewright/core'
import { GaussianProcess } from './gaussian-process.ts'
import { firstTheta, fitGp } from './gp-fit.ts'
import { fitSubset, gather, kindsOf } from './gp-fits.ts'
import { logExpectedImprovement } from './log-expected-improvement.ts'
import { isActive, Observations } from './observations.ts'

const STREAM = 2 ** 46 - 1

/** The largest expected improvement that a Gaussian process sees, in units of the first objective. */
export function expectedImprovementOf({ space, trials, directions, seed }: StudyView): number {
  const observations = new Observations()
  const request = { space, count: 1, firstTrial: trials.length, history: trials, directions, seed }
  observations.sync({ ...request, rng: (trial) => createRng(seed, trial) })
  const { succeeded, axes, points, losses } = observations
  if (succeeded < 2) return Number.POSITIVE_INFINITY
  const d = axes.length
  const kinds = kindsOf(axes)
  const rows = observations.successes()
  const values = Float64Array.from(rows, (row) => losses[row * directions.length])
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)
  if (!(deviation > 0) || !Number.isFinite(deviation)) return deviation === 0 ? 0 : Number.POSITIVE_INFINITY
  const standard = values.map((v) => (v - mean) / deviation)
  const chosen = fitSubset(Int32Array.from(rows.keys()).sort((a, b) => standard[a] - standard[b] || a - b))
  const y = Float64Array.from(chosen, (i) => standard[i])
  const x = gather(gather(points, d, rows), d, chosen)
  const gp = new GaussianProcess(
    fitGp(x, y, kinds, { evaluations: 24, from: firstTheta(d) }).parameters,
    kinds,
    y.length,
  )
  gp.add(x, y, y.length)
  const best = y.reduce((a, b) => Math.min(a, b))
  const rng = createRng(seed, STREAM)
  const center = observations.copyPoint(observations.ranked()[0])
  const gradients = new Float64Array(2 * d)
  let most = Number.NEGATIVE_INFINITY
  for (let c = 0; c < 400; c++) {
    const near = c % 2 === 0 ? undefined : 10 ** (-3 * rng.uniform())
    const unit = space.toUnit(
      space.fromUnit(center.map((u) => (near === undefined ? rng.uniform() : u + near * 0.3 * rng.normal()))),
    )
    const at = unit.map((u, a) => (isActive(axes, a, unit) ? u : Number.NaN))
    const { mean: mu, variance } = gp.predict(at, gradients)
    most = Math.max(most, logExpectedImprovement(mu, Math.sqrt(variance), best))
  }
  return deviation * Math.exp(most)
}
