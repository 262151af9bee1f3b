import { readFileSync } from 'node:fs'
import type { Data, FeatureMatrix } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LinearModel, type LogisticRegressionOptions, linearRegression, logisticRegression } from '../src/index.ts'

interface Golden {
  readonly rows: number
  readonly columns: number
  readonly X: readonly number[]
  readonly yr: readonly number[]
  readonly yb: readonly number[]
  readonly ym: readonly number[]
  readonly w: readonly number[]
  readonly cases: readonly {
    readonly kind: 'regression' | 'logistic'
    readonly options: Record<string, never>
    readonly y: 'yr' | 'yb' | 'ym'
    readonly weighted: boolean
    readonly coef: readonly (readonly number[])[]
    readonly intercept: readonly number[]
    readonly prediction: readonly (number | readonly number[])[]
    readonly tolerance: number
  }[]
}
const golden = JSON.parse(readFileSync(new URL('golden/linear.json', import.meta.url), 'utf8')) as Golden
const names = ['a', 'b', 'c', 'd', 'e']
const X: FeatureMatrix = { names, data: Float32Array.from(golden.X), rows: golden.rows, columns: golden.columns }
const yb = Float32Array.from(golden.yb)
const ym = Float32Array.from(golden.ym)
const yr = Float32Array.from(golden.yr)

/** The matrix with its columns in another order. */
function reordered(matrix: FeatureMatrix, order: readonly number[]): FeatureMatrix {
  const { rows, columns, data } = matrix
  const moved = new Float32Array(data.length)
  for (let i = 0; i < rows; i++)
    order.forEach((from, to) => {
      moved[i * columns + to] = data[i * columns + from]
    })
  return { names: order.map((j) => matrix.names[j]), data: moved, rows, columns }
}

const close = (a: Float32Array, b: Float32Array, digits: number): void => {
  expect(a).toHaveLength(b.length)
  for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i], digits)
}

const online = (options: LogisticRegressionOptions = {}) => logisticRegression({ solver: 'online', ...options })

describe('linear models', () => {
  it.each(golden.cases.map((c, i) => ({ ...c, i })))(
    'agree with scikit-learn: case $i, $kind $options, weighted $weighted',
    async ({ kind, options, y, weighted, coef, intercept, prediction, tolerance }) => {
      const model = kind === 'regression' ? linearRegression(options) : logisticRegression(options)
      const sampleWeight = weighted ? Float32Array.from(golden.w) : undefined
      await model.fit(X, Float32Array.from(golden[y]), { sampleWeight })
      expect(model.converged).toBe(true)
      // Scaled by the feature's spread, so that one tolerance is fair to all.
      const spread = [1, 10, 0.1, 1, 3]
      for (const [j, name] of names.entries())
        for (const [k, value] of model.coefficients[name].entries())
          expect(Math.abs(value - coef[j][k]) * spread[j]).toBeLessThan(tolerance * 10)
      const predicted = model.predict(X)
      expect(predicted).toHaveLength(prediction.flat().length)
      prediction.flat().forEach((value, i) => {
        expect(Math.abs(predicted[i] - value)).toBeLessThan(tolerance * 10 + Math.abs(value) * 1e-6)
      })
      if (model.intercepts.length === 1)
        expect(Math.abs(model.intercepts[0] - intercept[0])).toBeLessThan(tolerance * 1000)
    },
  )

  it('knows features by name, whatever their order', async () => {
    const order = [3, 0, 4, 1, 2]
    for (const make of [() => linearRegression({ l1: 0.05 }), () => online({ rounds: 3 })]) {
      const y = make().name === 'linear-regression' ? yr : yb
      const model = make()
      await model.fit(X, y)
      expect(model.predict(reordered(X, order))).toEqual(model.predict(X))
      const loaded = make()
      loaded.load(structuredClone(model.save()))
      expect(loaded.predict(X)).toEqual(model.predict(X))
      expect(loaded.save()).toEqual(model.save())
      const moved = make()
      await moved.fit(reordered(X, order), y, { initial: model.save(), rounds: 5 })
      const still = make()
      await still.fit(X, y, { initial: model.save(), rounds: 5 })
      for (const name of names) expect(moved.coefficients[name][0]).toBeCloseTo(still.coefficients[name][0], 9)
    }
    const { a } = (await fitted(linearRegression(), yr)).coefficients
    expect(a[0]).toBeCloseTo(golden.cases[0].coef[0][0], 6)
  })

  const fitted = async (model: LinearModel, y: Float32Array) => {
    await model.fit(X, y)
    return model
  }

  it('continues online exactly: 2 + 3 rounds are 5, to the bit', async () => {
    for (const update of ['ftrl', 'sgd'] as const)
      for (const y of [yb, ym]) {
        const make = () => online({ update, l1: 0.001, seed: 3 })
        const whole = make()
        const rounds: number[] = []
        await whole.fit(X, y, { rounds: 5, onProgress: ({ round }) => rounds.push(round) })
        const first = make()
        await first.fit(X, y, { rounds: 2 })
        const second = make()
        await second.fit(X, y, {
          rounds: 5,
          initial: structuredClone(first.save()),
          onProgress: ({ round }) => rounds.push(round),
        })
        expect(second.save()).toEqual(whole.save())
        expect(rounds).toEqual([1, 2, 3, 4, 5, 3, 4, 5])
        expect(whole.continuation).toBe('exact')
      }
  })

  it('gives at each round a state to continue from', async () => {
    const states: Data[] = []
    const model = online({ rounds: 4 })
    await model.fit(X, yb, { onProgress: () => states.push(model.save()) })
    for (const initial of states) {
      const again = online({ rounds: 4 })
      await again.fit(X, yb, { initial })
      expect(again.save()).toEqual(model.save())
    }
  })

  it('comes near the batch solution online, for every penalty', async () => {
    for (const [l1, l2] of [
      [0, 0.05],
      [0.05, 0.01],
    ]) {
      const batch = await fitted(logisticRegression({ l1, l2 }), yb)
      const learned = await fitted(online({ l1, l2, rounds: 400, rate: 0.3 }), yb)
      const a = batch.predict(X)
      expect(Math.max(...learned.predict(X).map((p, i) => Math.abs(p - a[i])))).toBeLessThan(0.03)
    }
  })

  it('starts warm: the same minimum in fewer steps', async () => {
    const cold = await fitted(logisticRegression({ l2: 0.01 }), yb)
    const near = logisticRegression({ l2: 0.01, maxIterations: 1 })
    await near.fit(X, yb, { initial: (await fitted(logisticRegression({ l2: 0.0100001 }), yb)).save() })
    close(near.predict(X), cold.predict(X), 5)
    const far = await fitted(logisticRegression({ l2: 0.01, maxIterations: 1 }), yb)
    expect(Math.max(...far.predict(X).map((p, i) => Math.abs(p - cold.predict(X)[i])))).toBeGreaterThan(0.01)
    expect(far.converged).toBe(false)
  })

  it('counts a missing value as the mean, or refuses it', async () => {
    const data = X.data.slice()
    data[3 * 5 + 1] = Number.NaN
    const holes = { ...X, data }
    const model = linearRegression()
    await model.fit(holes, yr)
    let mean = 0
    for (let i = 0; i < X.rows; i++) if (i !== 3) mean += data[i * 5 + 1] / (X.rows - 1)
    const filled = data.slice()
    filled[3 * 5 + 1] = mean
    const same = linearRegression()
    await same.fit({ ...X, data: filled }, yr)
    for (const name of names) expect(model.coefficients[name][0]).toBeCloseTo(same.coefficients[name][0], 5)
    expect(model.predict(holes)[3]).toBeCloseTo(same.predict({ ...X, data: filled })[3], 4)
    await expect(linearRegression({ missing: 'error' }).fit(holes, yr)).rejects.toThrow("was NaN in row 3 of 'b'")
    const strict = await fitted(linearRegression({ missing: 'error' }), yr)
    expect(() => strict.predict(holes)).toThrow('[BAD_DATA]')
  })

  it('gives constant, missing and repeated columns no weight of their own', async () => {
    const wide = (i: number) => [X.data[i * 5], 7, Number.NaN, X.data[i * 5]]
    const data = Float32Array.from({ length: X.rows }, (_, i) => i).reduce(
      (all, i) => all.concat(wide(i)),
      [] as number[],
    )
    const odd: FeatureMatrix = {
      names: ['a', 'constant', 'missing', 'copy'],
      data: Float32Array.from(data),
      rows: X.rows,
      columns: 4,
    }
    const one: FeatureMatrix = { names: ['a'], data: X.data.filter((_, k) => k % 5 === 0), rows: X.rows, columns: 1 }
    for (const make of [
      linearRegression,
      () => linearRegression({ solver: 'coordinate-descent' }),
      () => logisticRegression({ l2: 0 }),
    ]) {
      const y = make().name === 'linear-regression' ? yr : yb
      const alone = make()
      await alone.fit(one, y)
      const model = make()
      await model.fit(odd, y)
      expect(model.coefficients.constant).toEqual([0])
      expect(model.coefficients.missing).toEqual([0])
      const { a, copy } = model.coefficients
      expect(a[0] + copy[0]).toBeCloseTo(alone.coefficients.a[0], 6)
      close(model.predict(odd), alone.predict(one), 5)
      expect(model.importances?.constant).toBe(0)
    }
  })

  it('weights count as repeated rows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 30, maxLength: 30 }), async (counts) => {
        counts[0] = 1
        counts[1] = 1
        const y = Float32Array.from(counts, (_, i) => (i < 2 ? i : golden.yb[i]))
        const rows = counts.flatMap((count, i) => Array<number>(count).fill(i))
        const part = { ...X, data: X.data.subarray(0, 150), rows: 30 }
        const repeated = {
          ...X,
          data: Float32Array.from(rows.flatMap((i) => [...X.data.subarray(i * 5, i * 5 + 5)])),
          rows: rows.length,
        }
        const weighted = logisticRegression({ l2: 0.1 })
        await weighted.fit(part, y, { sampleWeight: Float32Array.from(counts) })
        const plain = logisticRegression({ l2: 0.1 })
        await plain.fit(
          repeated,
          Float32Array.from(rows, (i) => y[i]),
        )
        close(weighted.predict(part), plain.predict(part), 5)
      }),
      { numRuns: 20 },
    )
  })

  it("predicts a row alone as in its batch, and into the caller's array", async () => {
    const model = await fitted(logisticRegression(), ym)
    const out = new Float32Array(X.rows * 3)
    expect(model.predict(X, out)).toBe(out)
    for (let i = 0; i < X.rows; i++) {
      const row = { ...X, data: X.data.slice(i * 5, i * 5 + 5), rows: 1 }
      expect(model.predict(row)).toEqual(out.slice(i * 3, i * 3 + 3))
      expect(out[i * 3] + out[i * 3 + 1] + out[i * 3 + 2]).toBeCloseTo(1, 6)
    }
    expect(() => model.predict(X, new Float32Array(1))).toThrow('out must have 360 slots, had 1')
    expect(() => model.predict({ ...X, names: ['a', 'b', 'c', 'd', 'x'] })).toThrow("must have the feature 'e'")
  })

  it('stops when asked, and reports losses', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const model = online({ rounds: 1_000_000 })
    const fitting = model.fit(X, yb, {
      signal: controller.signal,
      validation: { X, y: yb },
      onProgress({ round, loss, validationLoss }) {
        if (round === 3) {
          expect(loss).toBeLessThan(0.7)
          expect(validationLoss).toBeLessThan(loss ?? 0)
          controller.abort(reason)
        }
      },
    })
    await expect(fitting).rejects.toBe(reason)
  })

  it('refuses bad input with one clear error', async () => {
    const changed = (k: number, value: number) => ({ ...X, data: X.data.map((v, i) => (i === k ? value : v)) })
    const target = (value: number) => yb.map((v, i) => (i === 5 ? value : v))
    const cases: readonly [() => Promise<void>, string][] = [
      [() => linearRegression().fit(X, target(Number.NaN)), '[BAD_DATA] targets must be finite, was NaN in row 5'],
      [() => linearRegression().fit(X, target(Number.POSITIVE_INFINITY)), 'was Infinity in row 5'],
      [() => linearRegression().fit(changed(7, Number.NEGATIVE_INFINITY), yr), "was -Infinity in row 1 of 'c'"],
      [
        () => linearRegression().fit(X, yr.subarray(1)),
        '[BAD_SHAPE] targets and weights must be as many as rows, were 119',
      ],
      [() => linearRegression().fit({ ...X, rows: 100 }, yr), '[BAD_SHAPE]'],
      [() => linearRegression().fit({ ...X, names: ['a', 'a', 'b', 'c', 'd'] }, yr), 'one name of its own'],
      [
        () => linearRegression().fit({ ...X, data: new Float32Array(0), rows: 0 }, new Float32Array(0)),
        'was given none',
      ],
      [() => linearRegression().fit(X, yr, { sampleWeight: yr.map((v) => -v) }), 'weights must be finite and >= 0'],
      [() => linearRegression().fit(X, yr, { sampleWeight: new Float32Array(120) }), 'weights must not all be 0'],
      [() => logisticRegression().fit(X, target(0.5)), 'classes must be integers from 0, was 0.5 in row 5'],
      [() => logisticRegression().fit(X, target(-1)), 'was -1'],
      [
        () =>
          logisticRegression().fit(
            X,
            yb.map(() => 1),
          ),
        'two classes or more, had only 1',
      ],
      [() => logisticRegression().fit(X, target(500)), 'classes must be fewer than rows, were 501 of 120'],
      [() => logisticRegression({ classes: 2 }).fit(X, ym), 'classes must be below 2, was 2'],
      [
        () => online({ update: 'sgd', rate: 1e200, schedule: 'constant' }).fit(X, ym),
        '[TRIAL_FAILED] the loss must be finite',
      ],
      [
        () => linearRegression().fit(X, yr, { initial: { kind: 'tree', version: 1 } }),
        "[BAD_DATA] a state of 'linear-regression'",
      ],
    ]
    for (const [fitting, message] of cases) await expect(fitting(), message).rejects.toThrow(message)
    expect(() => linearRegression().predict(X)).toThrow('must be trained or loaded first')
    expect(() => linearRegression().load('nonsense')).toThrow('[BAD_DATA]')
    const state = (await fitted(linearRegression(), yr)).save() as Record<string, Data>
    expect(() => linearRegression().load({ ...state, theta: new Float64Array(2) })).toThrow('must be whole')
    expect(() => logisticRegression().load(state)).toThrow("was 'linear-regression'")
    expect(() => linearRegression({ l1: -1 })).toThrow('l1 must be a number from 0, was -1')
    expect(() => linearRegression({ solver: 'closed-form', l1: 1 })).toThrow('the closed form must have l1 0')
    expect(() => linearRegression({ solver: 'closed' as never })).toThrow("'closed'")
    expect(() => logisticRegression({ L2: 1 } as never)).toThrow("did you mean 'l2'?")
  })
})
