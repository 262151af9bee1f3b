import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { gradientBoosting } from '../../src/trees/gradient-boosting.ts'
import { fromXgboostJson } from '../../src/xgboost/read-xgboost-json.ts'

interface Golden {
  readonly columns: number
  readonly data: readonly (number | null)[]
  readonly cases: readonly {
    readonly objective: string
    readonly y: readonly number[]
    readonly model: string
    readonly predictions: readonly number[]
    readonly loss: number
  }[]
}

// Made by golden/make_xgboost.py with XGBoost 1.7.4: holds where Python is absent.
const golden = JSON.parse(readFileSync(new URL('golden/xgboost.json', import.meta.url), 'utf8')) as Golden
const data = Float32Array.from(golden.data, (x) => x ?? Number.NaN)
const X = { names: ['a', 'b', 'c', 'd'], data, rows: data.length / golden.columns, columns: golden.columns }
const objectives = new Map([
  ['binary:logistic', 'binary' as const],
  ['multi:softprob', 'multi-class' as const],
  ['reg:squarederror', 'regression' as const],
])

it.each(golden.cases)('reads $objective and predicts what XGBoost did; ours has its loss', async (found) => {
  const theirs = fromXgboostJson(found.model).predict(X)
  expect(theirs.length).toBe(found.predictions.length)
  theirs.forEach((value, i) => {
    expect(Math.abs(value - found.predictions[i])).toBeLessThan(1e-6)
  })
  const objective = objectives.get(found.objective)
  const model = gradientBoosting({
    ...(objective === undefined ? {} : { objective }),
    rounds: 8,
    maxDepth: 3,
    learningRate: 0.2,
    baseScore: 0.5,
    categorical: ['d'],
  })
  let loss = 0
  await model.fit(X, Float32Array.from(found.y), {
    onProgress: (progress) => {
      loss = progress.loss ?? Number.NaN
    },
  })
  expect(Math.abs(loss / found.loss - 1)).toBeLessThan(0.01)
})
