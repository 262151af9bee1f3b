import { createRng, isTradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { randomForest } from '../../src/trees/random-forest.ts'
import { fromXgboostJson } from '../../src/xgboost/read-xgboost-json.ts'
import { toXgboostJson } from '../../src/xgboost/write-xgboost-json.ts'
import { dataSets } from './data-sets.ts'
import { askXgboost, noXgboost } from './xgboost-oracle.ts'

const sets = new Map(dataSets().map((set) => [set.name.split(' ')[0], set]))
const [iris, cars] = [sets.get('iris'), sets.get('cars')]
if (iris === undefined || cars === undefined) throw new Error('data sets are gone')

describe('random forest', () => {
  it('classifies iris, and its out-of-bag score tells how well', async () => {
    const model = randomForest({ objective: 'multi-class', trees: 200 })
    await model.fit(iris.X, iris.y)
    const p = model.predict(iris.testX)
    let right = 0
    for (let r = 0; r < iris.testX.rows; r++) {
      const row = Array.from(p.subarray(3 * r, 3 * r + 3))
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 4)
      right += Number(row.indexOf(Math.max(...row)) === iris.testY[r])
    }
    expect(right / iris.testX.rows).toBeGreaterThan(0.9)
    expect(model.outOfBag?.rows).toBe(iris.X.rows)
    expect(model.outOfBag?.score).toBeGreaterThan(0.9)
  })

  it('regresses: out-of-bag R2 is near that of rows not seen', async () => {
    const model = randomForest({ objective: 'regression', trees: 150, categorical: cars.categorical })
    await model.fit(cars.X, cars.y)
    const p = model.predict(cars.testX)
    const mean = cars.testY.reduce((a, b) => a + b, 0) / cars.testY.length
    let [error, variance] = [0, 0]
    cars.testY.forEach((y, r) => {
      error += (y - p[r]) ** 2
      variance += (y - mean) ** 2
    })
    const r2 = 1 - error / variance
    expect(r2).toBeGreaterThan(0.75)
    expect(Math.abs((model.outOfBag?.score ?? 0) - r2)).toBeLessThan(0.08)
  })

  it('60 bags and then 40 are 100, bit for bit, votes out of the bag included; on any kernels and threads', async () => {
    for (const set of [iris, cars]) {
      const options = { objective: set.objective, maxDepth: 9, rowSample: 0.8, categorical: set.categorical }
      const whole = randomForest({ ...options, trees: 20 })
      await whole.fit(set.X, set.y)
      const first = randomForest({ ...options, trees: 12 })
      await first.fit(set.X, set.y)
      const rest = randomForest({ ...options, trees: 20, engine: 'plain' })
      await rest.fit(set.X, set.y, { initial: structuredClone(first.save()) })
      expect(rest.save()).toEqual(whole.save())
      expect(rest.outOfBag).toEqual(whole.outOfBag)
      const threaded = randomForest({ ...options, trees: 20, threads: 2 })
      await threaded.fit(set.X, set.y)
      expect(threaded.save()).toEqual(whole.save())
    }
  })

  it('one deep tree of all rows once is a tree of means', async () => {
    const rng = createRng(1)
    const data = Float32Array.from({ length: 200 }, () => rng.below(5))
    const y = data.map((x) => x * x)
    const model = randomForest({ objective: 'regression', trees: 30, columnSample: 1 })
    await model.fit({ names: ['a'], data, rows: 200, columns: 1 }, y)
    const p = model.predict({ names: ['a'], data: Float32Array.of(0, 1, 2, 3, 4), rows: 5, columns: 1 })
    for (let i = 0; i < 5; i++) expect(p[i]).toBeCloseTo(i * i, 4)
  })

  it.skipIf(noXgboost !== undefined)('moves to XGBoost and predicts the same to 1e-6', async () => {
    const binary = { ...iris, objective: 'binary' as const, y: iris.y.map((c) => Number(c === 1)) }
    for (const set of [binary, cars]) {
      const model = randomForest({ objective: set.objective, trees: 25, categorical: set.categorical })
      await model.fit(set.X, set.y)
      const text = toXgboostJson(model)
      const types = set.X.names.map((name) => (set.categorical.includes(name) ? 'c' : 'float'))
      const [answer] = askXgboost([{ model: text, test: set.testX, types }])
      const theirs = answer.predictions.flat()
      model.predict(set.testX).forEach((p, i) => {
        expect(Math.abs(p - theirs[i]) / Math.max(1, Math.abs(p))).toBeLessThan(1e-6)
      })
      if (set === cars) expect(fromXgboostJson(text).predict(set.testX)[0]).toBeCloseTo(theirs[0], 4)
    }
  })

  it('keeps finished bags when aborted, and refuses what is wrong', async () => {
    const model = randomForest({ objective: 'multi-class', trees: 50 })
    const controller = new AbortController()
    const run = model.fit(iris.X, iris.y, {
      signal: controller.signal,
      onProgress: ({ round }) => {
        if (round === 5) controller.abort('stop')
      },
    })
    await expect(run).rejects.toBe('stop')
    expect(model.rounds).toBe(5)
    await expect(model.fit(iris.X, iris.y.with(0, Number.NaN))).rejects.toSatisfy(
      (e) => isTradewrightError(e) && e.code === 'BAD_DATA',
    )
    expect(model.rounds).toBe(5)
    expect(() => randomForest({ trees: -1 })).toThrow('BAD_OPTION')
    expect(() => randomForest({ rounds: 3 } as object)).toThrow('UNKNOWN_NAME')
  })
})
