import { isTradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { gradientBoosting } from '../../src/trees/gradient-boosting.ts'
import { fromXgboostJson } from '../../src/xgboost/read-xgboost-json.ts'
import { type XgboostLibraryModel, xgboostLibrary } from '../../src/xgboost/xgboost-library.ts'
import { dataSets } from '../trees/data-sets.ts'

const found = dataSets().find(({ name }) => name === 'cars')
if (found === undefined) throw new Error('data set is gone')
const cars = found

let probe: XgboostLibraryModel | undefined
let why = ''
try {
  probe = await xgboostLibrary()
} catch (error) {
  why = String(error)
}

it('says how to get what is missing', async () => {
  const attempt = xgboostLibrary({ libraries: ['libno-such-xgboost.so'] })
  await expect(attempt).rejects.toSatisfy(
    (e) => isTradewrightError(e) && e.code === 'NOT_AVAILABLE' && e.message.includes('apt-get install libxgboost0'),
  )
})

describe.skipIf(probe === undefined)(`the real library${probe === undefined ? ` (skipped: ${why})` : ''}`, () => {
  const options = {
    objective: 'regression',
    rounds: 30,
    maxDepth: 4,
    baseScore: 0.5,
    categorical: cars.categorical,
  } as const

  it('trains to what our own booster predicts', async () => {
    const theirs = await xgboostLibrary(options)
    const losses: (number | undefined)[] = []
    await theirs.fit(cars.X, cars.y, {
      validation: { X: cars.testX, y: cars.testY },
      onProgress: ({ loss, validationLoss }) => void losses.push(loss, validationLoss),
    })
    const ours = gradientBoosting(options)
    await ours.fit(cars.X, cars.y)
    const [a, b] = [theirs.predict(cars.testX), ours.predict(cars.testX)]
    a.forEach((value, i) => {
      expect(Math.abs(value - b[i]) / Math.max(1, Math.abs(value))).toBeLessThan(1e-4)
    })
    expect(losses.length).toBe(60)
    expect(losses[58]).toBeLessThan(losses[0] ?? 0)
    // Its JSON, and its state as plain data, predict the same.
    fromXgboostJson(theirs.toJson())
      .predict(cars.testX)
      .forEach((value, i) => {
        expect(Math.abs(value - a[i]) / Math.max(1, Math.abs(a[i]))).toBeLessThan(1e-6)
      })
    const loaded = await xgboostLibrary({ categorical: cars.categorical })
    loaded.load(structuredClone(theirs.save()))
    expect(loaded.predict(cars.testX)).toEqual(a)
    // More rounds from a state, and fewer.
    const more = await xgboostLibrary(options)
    const short = await xgboostLibrary({ ...options, rounds: 10 })
    await short.fit(cars.X, cars.y)
    await more.fit(cars.X, cars.y, { initial: short.save() })
    more.predict(cars.testX).forEach((value, i) => {
      expect(Math.abs(value - a[i]) / Math.max(1, Math.abs(a[i]))).toBeLessThan(1e-4)
    })
    for (const model of [theirs, loaded, more, short]) model[Symbol.dispose]()
    expect(() => theirs.predict(cars.testX)).toThrow('DISPOSED')
  })

  it('gives one clear error for what is wrong', async () => {
    const model = await xgboostLibrary(options)
    expect(() => model.save()).toThrow('NOT_AVAILABLE')
    await expect(model.fit(cars.X, cars.y.with(0, Number.NaN))).rejects.toThrow('BAD_DATA')
    expect(() =>
      model.load({ kind: 'xgboost-library', version: 1, names: ['a'], groups: 1, model: new Uint8Array(9) }),
    ).toThrow('BAD_DATA')
    await expect(xgboostLibrary({ earlyStopping: 3 })).rejects.toThrow('NOT_AVAILABLE')
  })
})
