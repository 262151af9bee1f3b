import { readFileSync } from 'node:fs'
import { createRng, type Data, type FeatureMatrix } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isotonicAt, isotonicCurve } from '../src/calibration/isotonic.ts'
import { plattCurve } from '../src/calibration/platt.ts'
import { bestTemperature } from '../src/calibration/temperature.ts'
import { blendedModel, calibrated, linearRegression, logisticRegression, votingModel } from '../src/index.ts'

interface Golden {
  readonly scores: readonly number[]
  readonly labels: readonly number[]
  readonly weights: readonly number[]
  readonly platt: readonly { readonly best: readonly number[]; readonly sklearn: readonly number[] }[]
  readonly isotonic: readonly { readonly at: readonly number[]; readonly value: readonly number[] }[]
  readonly logits: readonly number[]
  readonly classes: readonly number[]
  readonly temperature: readonly number[]
}
const golden = JSON.parse(readFileSync(new URL('golden/calibration.json', import.meta.url), 'utf8')) as Golden
const scores = Float64Array.from(golden.scores)
const labels = Float64Array.from(golden.labels)
const weighting = [undefined, Float32Array.from(golden.weights)]

describe('calibration curves', () => {
  it.each([0, 1])("agree with scipy's minimum and scikit-learn (weights %i)", (w) => {
    const { slope, offset } = plattCurve(scores, labels, weighting[w])
    const { best, sklearn } = golden.platt[w]
    expect(slope).toBeCloseTo(best[0], 6)
    expect(offset).toBeCloseTo(best[1], 6)
    expect(slope).toBeCloseTo(sklearn[0], 3)
    expect(offset).toBeCloseTo(sklearn[1], 3)
    const curve = isotonicCurve(scores, labels, weighting[w])
    const { at, value } = golden.isotonic[w]
    for (const [i, x] of at.entries()) expect(isotonicAt(curve, x)).toBeCloseTo(value[i], 12)
    const logits = Float64Array.from(golden.logits)
    const temperature = bestTemperature(logits, Float64Array.from(golden.classes), 3, weighting[w])
    expect(temperature).toBeCloseTo(golden.temperature[w], 6)
  })

  it('isotonic: rises, keeps the mean, and is what no exchange of neighbours improves', () => {
    const value = fc.integer({ min: -50, max: 50 })
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, fc.integer({ min: 1, max: 4 })), { minLength: 1 }), (rows) => {
        const x = Float64Array.from(rows, ([a]) => a)
        const y = Float64Array.from(rows, ([, b]) => b)
        const w = Float32Array.from(rows, ([, , c]) => c)
        const curve = isotonicCurve(x, y, w)
        for (let i = 1; i < curve.y.length; i++) {
          expect(curve.x[i]).toBeGreaterThan(curve.x[i - 1])
          expect(curve.y[i]).toBeGreaterThanOrEqual(curve.y[i - 1])
        }
        let rest = 0
        let inner = 0
        for (let i = 0; i < x.length; i++) {
          const fitted = isotonicAt(curve, x[i])
          rest += w[i] * (y[i] - fitted)
          inner += w[i] * (y[i] - fitted) * fitted
        }
        // The conditions of a projection onto a cone.
        expect(rest).toBeCloseTo(0, 6)
        expect(inner).toBeCloseTo(0, 5)
      }),
    )
    expect(isotonicAt({ x: new Float64Array(0), y: new Float64Array(0) }, 1)).toBeNaN()
  })

  it('survives the edges: one class, equal scores, certain models', () => {
    const ones = new Float64Array(5).fill(1)
    const { slope, offset } = plattCurve(Float64Array.of(1, 2, 3, 4, 5), ones)
    for (const score of [1, 3, 5]) expect(1 / (1 + Math.exp(slope * score + offset))).toBeCloseTo(6 / 7, 5)
    const flat = plattCurve(ones, Float64Array.of(0, 1, 0, 1, 0))
    expect(1 / (1 + Math.exp(flat.slope + flat.offset))).toBeCloseTo((3 * (1 / 5) + 2 * (3 / 4)) / 5, 6)
    expect(bestTemperature(Float64Array.of(0, 9, 9, 0), Float64Array.of(1, 0), 2)).toBeCloseTo(1e-3, 9)
    expect(bestTemperature(Float64Array.of(0, 9, 9, 0), Float64Array.of(0, 1), 2)).toBeCloseTo(1e3, 6)
  })
})

/** Rows whose classes depend on two features. */
function sample(rows: number, classes: number, seed: number): { X: FeatureMatrix; y: Float32Array } {
  const rng = createRng(seed)
  const data = Float32Array.from({ length: rows * 2 }, () => rng.normal())
  const y = Float32Array.from({ length: rows }, (_, i) => {
    const score = 1.5 * data[2 * i] - data[2 * i + 1] + rng.normal()
    return classes === 2 ? (score > 0.5 ? 1 : 0) : score < -1 ? 0 : score > 1 ? 2 : 1
  })
  return { X: { names: ['a', 'b'], data, rows, columns: 2 }, y }
}

function logLoss(p: Float32Array, y: Float32Array, outputs: number): number {
  let sum = 0
  for (let i = 0; i < y.length; i++)
    sum -= Math.log(outputs === 1 ? (y[i] > 0 ? p[i] : 1 - p[i]) : p[i * outputs + y[i]])
  return sum / y.length
}

describe('calibrated', () => {
  it.each(['platt', 'isotonic', 'temperature'] as const)('%s mends a model that is too sure', async (method) => {
    for (const classes of [2, 3]) {
      const outputs = classes === 2 ? 1 : 3
      const train = sample(3000, classes, 1)
      const test = sample(3000, classes, 2)
      // Certain beyond reason: the same rows with every weight of the linear scores tripled.
      const sure = () => {
        const inner = logisticRegression({ l2: 0 })
        return {
          ...inner,
          name: 'sure',
          bytes: 0,
          fit: (X: FeatureMatrix, y: Float32Array) => inner.fit(X, y),
          save: () => inner.save(),
          load: (data: Data) => inner.load(data),
          predict(X: FeatureMatrix) {
            const p = inner.predict(X)
            if (outputs === 1) return p.map((q) => 1 / (1 + ((1 - q) / q) ** 3))
            for (let i = 0; i < p.length; i += 3) {
              const cubes = [0, 1, 2].map((k) => p[i + k] ** 3)
              const sum = cubes[0] + cubes[1] + cubes[2]
              for (const k of [0, 1, 2]) p[i + k] = cubes[k] / sum
            }
            return p
          },
        }
      }
      const model = calibrated(sure(), { method })
      await model.fit(train.X, train.y)
      const plain = logisticRegression({ l2: 0 })
      await plain.fit(train.X, train.y)
      const p = model.predict(test.X)
      const best = logLoss(plain.predict(test.X), test.y, outputs)
      const before = sure()
      await before.fit(train.X, train.y)
      const worst = logLoss(before.predict(test.X), test.y, outputs)
      expect(worst).toBeGreaterThan(best * 1.2)
      if (method !== 'isotonic') expect(logLoss(p, test.y, outputs)).toBeLessThan(best * 1.02)
      if (outputs === 3) for (let i = 0; i < p.length; i += 3) expect(p[i] + p[i + 1] + p[i + 2]).toBeCloseTo(1, 5)
      const loaded = calibrated(sure(), { method })
      loaded.load(structuredClone(model.save()))
      expect(loaded.predict(test.X)).toEqual(p)
      // The curve alone against the known one: Brier score, which isotonic's certain ends do not spoil.
      if (outputs === 1) {
        const brier = (q: Float32Array) => q.reduce((sum, v, i) => sum + (v - test.y[i]) ** 2, 0) / q.length
        expect(brier(p)).toBeLessThan(brier(before.predict(test.X)))
      }
    }
  })

  it('trains its curve on rows that the model has not seen', async () => {
    const { X, y } = sample(100, 2, 3)
    const seen: number[] = []
    const inner = logisticRegression()
    const spy = {
      name: 'spy',
      bytes: 1,
      fit: (part: FeatureMatrix, targets: Float32Array) => {
        seen.push(part.rows)
        return inner.fit(part, targets)
      },
      predict: (part: FeatureMatrix) => {
        seen.push(part.rows)
        return inner.predict(part)
      },
      save: () => inner.save(),
      load: (data: Data) => inner.load(data),
    }
    await calibrated(spy, { holdout: 0.25, embargo: 5 }).fit(X, y)
    expect(seen).toEqual([70, 25])
  })

  it('continues as its model does', async () => {
    const { X, y } = sample(300, 2, 4)
    const make = () => calibrated(logisticRegression({ solver: 'online' }))
    const whole = make()
    await whole.fit(X, y, { rounds: 5 })
    const states: Data[] = []
    const part = make()
    await part.fit(X, y, { rounds: 2, onProgress: () => states.push(part.save()) })
    for (const initial of [part.save(), ...states]) {
      const rest = make()
      await rest.fit(X, y, { rounds: 5, initial })
      expect(rest.save()).toEqual(whole.save())
    }
    expect(whole.continuation).toBe('exact')
  })

  it('refuses what cannot be calibrated', async () => {
    const { X, y } = sample(100, 2, 5)
    await expect(calibrated(linearRegression()).fit(X, y)).rejects.toThrow('only probabilities can be calibrated')
    await expect(calibrated(logisticRegression(), { embargo: 90 }).fit(X, y)).rejects.toThrow('must leave rows')
    expect(() => calibrated(logisticRegression(), { method: 'plat' as never })).toThrow("did you mean 'platt'?")
    expect(() => calibrated(logisticRegression(), { holdout: 0 })).toThrow('holdout must be a number')
    expect(() => calibrated(logisticRegression()).predict(X)).toThrow('must be trained or loaded first')
    expect(() => calibrated(logisticRegression()).load({ kind: 'voting', version: 1 })).toThrow("was 'voting'")
  })
})

describe('ensembles', () => {
  it('vote: the weighted mean, or the share of votes', async () => {
    for (const classes of [2, 3]) {
      const { X, y } = sample(400, classes, 6)
      const outputs = classes === 2 ? 1 : 3
      const a = logisticRegression()
      const b = logisticRegression({ l2: 3 })
      const make = (vote: 'soft' | 'hard') =>
        votingModel({ a: logisticRegression(), b: logisticRegression({ l2: 3 }) }, { vote, weights: { b: 3 } })
      const soft = make('soft')
      const hard = make('hard')
      for (const model of [a, b, soft, hard]) await model.fit(X, y)
      const pa = a.predict(X)
      const pb = b.predict(X)
      soft.predict(X).forEach((p, i) => {
        expect(p).toBeCloseTo(0.25 * pa[i] + 0.75 * pb[i], 6)
      })
      const votes = hard.predict(X)
      const classOf = (p: Float32Array, i: number) =>
        outputs === 1 ? Number(p[i] >= 0.5) : [0, 1, 2].reduce((m, k) => (p[i * 3 + k] > p[i * 3 + m] ? k : m), 0)
      for (let i = 0; i < X.rows; i++) {
        const share = [0, 0, 0]
        share[classOf(pa, i)] += 0.25
        share[classOf(pb, i)] += 0.75
        expect([...votes.subarray(i * outputs, (i + 1) * outputs)]).toEqual(outputs === 1 ? [share[1]] : share)
      }
      const loaded = make('soft')
      loaded.load(structuredClone(soft.save()))
      expect(loaded.predict(X)).toEqual(soft.predict(X))
      const sums = Object.values(soft.importances ?? {}).reduce((s, v) => s + v, 0)
      expect(sums).toBeCloseTo(1, 9)
    }
  })

  it('vote: continue exactly where all members do', async () => {
    const { X, y } = sample(200, 2, 8)
    const make = (second: 'ftrl' | 'sgd') =>
      votingModel({
        one: logisticRegression({ solver: 'online' }),
        two: logisticRegression({ solver: 'online', update: second }),
      })
    const whole = make('sgd')
    await whole.fit(X, y, { rounds: 4 })
    const part = make('sgd')
    await part.fit(X, y, { rounds: 1 })
    const rest = make('sgd')
    await rest.fit(X, y, { rounds: 4, initial: part.save() })
    expect(rest.save()).toEqual(whole.save())
    expect(whole.continuation).toBe('exact')
    expect(votingModel({ a: logisticRegression(), b: make('ftrl') }).continuation).toBe('approximate')
  })

  it('blend: the blender learns only from rows its models have not seen', async () => {
    const { X, y } = sample(1000, 2, 9)
    // A model that remembers its rows by heart, and knows nothing else: blending in its own rows would trust it.
    const rote = () => {
      let known = new Map<string, number>()
      const key = (M: FeatureMatrix, i: number) => `${M.data[2 * i]},${M.data[2 * i + 1]}`
      return {
        name: 'rote',
        bytes: 1,
        async fit(M: FeatureMatrix, targets: Float32Array) {
          known = new Map(Array.from(targets, (target, i) => [key(M, i), target]))
        },
        predict: (M: FeatureMatrix) => Float32Array.from({ length: M.rows }, (_, i) => known.get(key(M, i)) ?? 0.5),
        save: () => [...known] as unknown as Data,
        load(data: Data) {
          known = new Map(data as unknown as [string, number][])
        },
      }
    }
    const make = (refit: boolean) =>
      blendedModel({ rote: rote(), line: logisticRegression() }, { blender: logisticRegression({ l2: 0 }), refit })
    const test = sample(1000, 2, 10)
    const line = logisticRegression()
    await line.fit(X, y)
    for (const refit of [true, false]) {
      const model = make(refit)
      await model.fit(X, y)
      const loss = logLoss(model.predict(test.X), test.y, 1)
      expect(loss).toBeLessThan(logLoss(line.predict(test.X), test.y, 1) * 1.1)
      const loaded = make(refit)
      loaded.load(structuredClone(model.save()))
      expect(loaded.predict(test.X)).toEqual(model.predict(test.X))
    }
  })

  it('refuse what does not fit', async () => {
    const { X, y } = sample(60, 2, 11)
    const one = logisticRegression()
    expect(() => votingModel({})).toThrow('must have a model')
    expect(() => votingModel({ a: one, b: one })).toThrow('[DUPLICATE_NAME]')
    expect(() => votingModel({ a: one }, { weights: { aa: 1 } })).toThrow("did you mean 'a'?")
    expect(() => votingModel({ a: one }, { weights: { a: 0 } })).toThrow('the sum of weights')
    expect(() => blendedModel({ a: one }, { blender: one })).toThrow('[DUPLICATE_NAME]')
    expect(() => blendedModel({ a: one }, {} as never)).toThrow('blender must be a model')
    const mixed = votingModel({ a: logisticRegression(), b: logisticRegression({ classes: 3 }) })
    await mixed.fit(X, y)
    expect(() => mixed.predict(X)).toThrow("must have the same outputs, 'b' gave 180 numbers, others 60")
    expect(() => mixed.load({ kind: 'voting', version: 1, models: {} })).toThrow("must have the model 'a'")
    await expect(
      blendedModel({ a: logisticRegression() }, { blender: logisticRegression(), embargo: 50 }).fit(X, y),
    ).rejects.toThrow('must leave rows')
  })
})
