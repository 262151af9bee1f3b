import { describe, expect, it } from 'vitest'
import { gradientBoosting, type TreeModel } from '../../src/trees/gradient-boosting.ts'
import { fromXgboostJson } from '../../src/xgboost/read-xgboost-json.ts'
import { toXgboostJson } from '../../src/xgboost/write-xgboost-json.ts'
import { bars, type DataSet, dataSets, noBars } from './data-sets.ts'
import { askXgboost, noXgboost, type OracleAnswer } from './xgboost-oracle.ts'

const ROUNDS = 60
const sets = [...dataSets(), ...(noBars === undefined ? [bars()] : [])]

const classesOf = ({ y }: DataSet): number => Math.max(...y) + 1

const objectiveOf = (set: DataSet): Record<string, unknown> =>
  set.objective === 'binary'
    ? { objective: 'binary:logistic' }
    : set.objective === 'multi-class'
      ? { objective: 'multi:softprob', num_class: classesOf(set) }
      : { objective: 'reg:squarederror' }

const PARAMS = { tree_method: 'hist', eta: 0.1, max_depth: 4, max_bin: 256, base_score: 0.5 }

const typesOf = (set: DataSet): string[] => set.X.names.map((name) => (set.categorical.includes(name) ? 'c' : 'float'))

async function ours(set: DataSet): Promise<TreeModel> {
  const model = gradientBoosting({
    objective: set.objective,
    rounds: ROUNDS,
    learningRate: 0.1,
    maxDepth: 4,
    baseScore: 0.5,
    categorical: set.categorical,
  })
  await model.fit(set.X, set.y)
  return model
}

/** Mean loss of predictions, row by row. */
function loss({ objective }: DataSet, y: Float32Array, predicted: ArrayLike<number>): number {
  const outputs = predicted.length / y.length
  let sum = 0
  for (let r = 0; r < y.length; r++) {
    const p = predicted[objective === 'multi-class' ? r * outputs + y[r] : r]
    if (objective === 'regression') sum += (p - y[r]) ** 2
    else sum -= Math.log(objective === 'binary' && y[r] === 0 ? 1 - p : p)
  }
  return objective === 'regression' ? Math.sqrt(sum / y.length) : sum / y.length
}

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let found = a.length === b.length ? 0 : Number.POSITIVE_INFINITY
  for (let i = 0; i < a.length; i++) found = Math.max(found, Math.abs(a[i] - b[i]) / Math.max(1, Math.abs(b[i])))
  return found
}

const flat = (values: OracleAnswer['predictions']): number[] => values.flat()

describe.skipIf(noXgboost !== undefined)(
  `against XGBoost${noXgboost === undefined ? '' : ` (skipped: ${noXgboost})`}`,
  () => {
    // One Python for all jobs: it takes a second to start.
    const answers = new Map<string, { theirs: OracleAnswer; onTrain: OracleAnswer }>()
    const trained = new Map<string, TreeModel>()
    it('trains on every data set', { timeout: 120_000 }, async () => {
      const jobs = sets.flatMap((set) => {
        const job = {
          train: { X: set.X, y: set.y },
          params: { ...PARAMS, ...objectiveOf(set) },
          rounds: ROUNDS,
          types: typesOf(set),
        }
        return [
          { ...job, test: set.testX, save: true },
          { ...job, test: set.X },
        ]
      })
      const found = askXgboost(jobs)
      for (const [i, set] of sets.entries()) {
        answers.set(set.name, { theirs: found[2 * i], onTrain: found[2 * i + 1] })
        trained.set(set.name, await ours(set))
      }
      expect(answers.size).toBe(sets.length)
    })

    for (const set of sets)
      describe(set.name, () => {
        const get = (): { model: TreeModel; theirs: OracleAnswer; onTrain: OracleAnswer } => {
          const model = trained.get(set.name)
          const answer = answers.get(set.name)
          if (model === undefined || answer === undefined) throw new Error('not trained')
          return { model, ...answer }
        }

        it('has a loss within 1 % of theirs, on rows seen and not seen', () => {
          const { model, theirs, onTrain } = get()
          const seen = loss(set, set.y, model.predict(set.X)) / loss(set, set.y, flat(onTrain.predictions))
          const unseen = loss(set, set.testY, model.predict(set.testX)) / loss(set, set.testY, flat(theirs.predictions))
          if (process.env.SHOW_RATIOS) process.stderr.write(`RATIO ${set.name} ${seen} ${unseen}\n`)
          expect(Math.abs(seen - 1)).toBeLessThan(0.01)
          expect(unseen - 1).toBeLessThan(0.01)
        })

        it('reads their model and predicts the same to 1e-6', () => {
          const { theirs } = get()
          const model = fromXgboostJson(theirs.model ?? '')
          expect(worst(model.predict(set.testX), flat(theirs.predictions))).toBeLessThan(1e-6)
          expect(model.rounds).toBe(ROUNDS)
        })

        it('writes a model that XGBoost loads and predicts the same with to 1e-6', () => {
          const { model } = get()
          const [answer] = askXgboost([
            { model: toXgboostJson(model), test: set.testX, types: typesOf(set), save: true },
          ])
          expect(worst(model.predict(set.testX), flat(answer.predictions))).toBeLessThan(1e-6)
          expect(answer.rounds).toBe(ROUNDS)
          // What XGBoost makes of it is still ours.
          const back = fromXgboostJson(answer.model ?? '')
          expect(worst(back.predict(set.testX), model.predict(set.testX))).toBeLessThan(1e-6)
        })
      })
  },
)
