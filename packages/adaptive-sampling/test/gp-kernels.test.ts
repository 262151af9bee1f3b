import { createRng, defineSpace, float, type Space } from '@tradewright/core'
import { expect, it } from 'vitest'
import { wasm } from '../scripts/build-wasm.mjs'
import { FeasibilityModel } from '../src/feasibility-model.ts'
import { GaussianProcess } from '../src/gaussian-process.ts'
import { firstTheta, fitGp } from '../src/gp-fit.ts'
import { BLOCK, type GpKernels } from '../src/gp-kernels.ts'
import { Observations } from '../src/observations.ts'
import { plainGpKernels } from '../src/plain-gp-kernels.ts'
import { wasmGpKernels } from '../src/wasm-gp-kernels.ts'

const compiled = wasmGpKernels() as GpKernels

it('the generated module is what the sources compile to', async () => {
  expect(await wasm.stale()).toEqual([])
})

it.each([
  [5, 1],
  [17, 2],
  [30, 3],
  [41, 10],
  [64, 7],
])('fits and compares points as the plain form, bit by bit: %i observations, %i axes', (n, d) => {
  const rng = createRng(n * 100 + d)
  const x = Float64Array.from({ length: n * d }, () => rng.uniform())
  const y = Float64Array.from({ length: n }, (_, i) => Math.sin(5 * x[i * d]) + 0.3 * rng.normal())
  const kinds = Array.from({ length: d }, (_, j) => (j % 4 === 3 ? ('category' as const) : ('number' as const)))
  const from = firstTheta(d, true)
  const fit = (kernels: GpKernels): ReturnType<typeof fitGp> => fitGp(x, y, kinds, { evaluations: 12, from, kernels })
  const [plain, fast] = [fit(plainGpKernels), fit(compiled)]
  expect(fast).toEqual(plain)
  expect(plain.parameters.theta).not.toEqual(from)

  const count = BLOCK + 3
  const points = Float64Array.from({ length: count * d }, () => rng.uniform())
  const numbers = Array.from({ length: d }, () => 'number' as const)
  const whiten = (kernels: GpKernels): readonly Float64Array[] => {
    const gp = new GaussianProcess(plain.parameters, numbers, n, kernels)
    gp.add(x, y, n)
    const out = new Float64Array(count * gp.stride)
    const means = new Float64Array(count)
    gp.whiten(points, count, out, means)
    const along = new Float64Array(5)
    gp.meansAlong(points.subarray(0, d), d - 1, Float64Array.of(0, 0.2, points[d - 1], 0.7, 1), along)
    return [means, along, ...Array.from({ length: count }, (_, c) => out.slice(c * gp.stride, c * gp.stride + n))]
  }
  const rows = whiten(plainGpKernels)
  expect(whiten(compiled)).toEqual(rows)
  // And both are what a point by itself gives.
  const gp = new GaussianProcess(plain.parameters, numbers, n)
  gp.add(x, y, n)
  expect(gp.mean(points, 0)).toBe(rows[0][0])
  expect(Math.abs(rows[1][2] - rows[0][0])).toBeLessThan(1e-9)
  const variance = gp.variance - rows[2].reduce((s, v) => s + v * v, 0)
  expect(gp.predict(points.subarray(0, d), new Float64Array(2 * d)).variance).toBeCloseTo(Math.max(1e-12, variance), 9)
})

it('tells the probability not to fail of many points as of one', () => {
  const space = defineSpace({ a: float(0, 1), b: float(0, 1) }) as unknown as Space
  const history = Array.from({ length: 30 }, (_, number) => {
    const rng = createRng(8, number)
    const [a, b] = [rng.uniform(), rng.uniform()]
    const status = a + b > 1 ? ('failed' as const) : ('done' as const)
    return { number, params: { a, b }, status, values: status === 'done' ? [a] : [], reports: [] }
  })
  const observations = new Observations()
  const request = { space, count: 1, firstTrial: 30, history, directions: ['minimize' as const], seed: 1 }
  observations.sync({ ...request, rng: (trial) => createRng(1, trial) })
  const model = new FeasibilityModel(observations, ['number', 'number'])
  const points = Float64Array.of(0.1, 0.2, 0.5, 0.6, 0.9, 0.95, 0.3, 0.1)
  const many = model.logs(points, 4)
  const [gradients, slope] = [new Float64Array(4), new Float64Array(2)]
  for (let c = 0; c < 4; c++)
    expect(Math.abs(model.log(points.slice(2 * c, 2 * c + 2), gradients, slope) - many[c])).toBeLessThan(1e-9)
  expect(many[0]).toBeGreaterThan(many[1])
  expect(many[1]).toBeGreaterThan(many[2])
})

it('compares points whose axes are inactive though every observation has them', () => {
  const gp = new GaussianProcess(
    fitGp(Float64Array.of(0.1, 0.5, 0.9), Float64Array.of(-1, 0, 1), ['number'], {
      evaluations: 2,
      from: firstTheta(1),
    }).parameters,
    ['number'],
    4,
  )
  gp.add(Float64Array.of(0.1, 0.5, 0.9), Float64Array.of(-1, 0, 1), 3)
  const out = new Float64Array(2 * gp.stride)
  const means = new Float64Array(2)
  gp.whiten(Float64Array.of(0.5, Number.NaN), 2, out, means)
  expect(Number.isFinite(means[1])).toBe(true)
  expect(means[1]).toBe(gp.mean(Float64Array.of(Number.NaN), 0))
  expect(Number.isFinite(gp.predict(Float64Array.of(Number.NaN), new Float64Array(2)).variance)).toBe(true)
})
