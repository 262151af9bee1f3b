import type { FittedModel, Model } from '@tradewright/core'
import { meanLoss } from './expected-label.ts'
import type { ModelFold } from './model-folds.ts'
import type { ModelRows } from './model-rows.ts'

/** How the models of a search were trained. */
export interface ModelSearchSummary {
  /** Trainings, one a fold and trial. */
  readonly trainings: number
  /** Of them: equal to a cold training; near one, gone on from another model. */
  readonly exact: number
  readonly approximate: number
  /** Of them: gone on from a state, or found whole. */
  readonly continued: number
  readonly rounds: number
  /** Rounds that were not made again. */
  readonly roundsSaved: number
  readonly ms: number
  /** What those rounds had cost, in ms. */
  readonly msSaved: number
}

/** One fold of the best trial's walk forward; the last is the newest model, whose test lies ahead. */
export interface FoldReport {
  readonly fold: number
  /** Epoch ms: first bar trained on, first and last bar predicted. */
  readonly trainFrom: number
  readonly testFrom: number
  /** Epoch ms; Infinity for the newest model. */
  readonly testTo: number
  /** Rows trained on, and rows of the test whose labels are known. */
  readonly rows: number
  readonly testRows: number
  /** Mean loss on the rows trained on: log loss of classes, squared error of numbers. */
  readonly trainLoss: number
  /** The same on the test, which the model never saw; NaN where no label is known. */
  readonly testLoss: number
  /** What guessing gives on the test: the training's class frequencies, or its mean. */
  readonly baseLoss: number
  readonly rounds: number | undefined
  readonly exact: boolean
  /** Share of each feature, by name; undefined where the model has none. */
  readonly importances: Readonly<Record<string, number>> | undefined
}

/** The best trial's model, and how the search's were trained. */
export interface ModelSummary {
  readonly name: string
  readonly features: readonly string[]
  readonly classes: readonly number[] | undefined
  readonly folds: readonly FoldReport[]
  readonly search: ModelSearchSummary
}

/** Counts trainings. */
export class ModelTally {
  #trainings = 0
  #exact = 0
  #continued = 0
  #rounds = 0
  #roundsSaved = 0
  #ms = 0
  #msSaved = 0

  add({ exact, cost, continued }: FittedModel): void {
    this.#trainings++
    if (exact) this.#exact++
    this.#rounds += cost.rounds
    this.#ms += cost.ms
    if (continued === undefined) return
    this.#continued++
    this.#roundsSaved += continued.rounds
    this.#msSaved += continued.ms
  }

  summary(): ModelSearchSummary {
    return {
      trainings: this.#trainings,
      exact: this.#exact,
      approximate: this.#trainings - this.#exact,
      continued: this.#continued,
      rounds: this.#rounds,
      roundsSaved: this.#roundsSaved,
      ms: this.#ms,
      msSaved: this.#msSaved,
    }
  }
}

/** What every row is expected to be without a look at its features. */
function guess({ y, weight, classes }: ModelRows, rows: number): Float32Array {
  let total = 0
  for (const w of weight) total += w
  if (classes === undefined) {
    let sum = 0
    for (let i = 0; i < y.length; i++) sum += weight[i] * y[i]
    return new Float32Array(rows).fill(sum / total)
  }
  const shares = new Float32Array(classes.length)
  for (let i = 0; i < y.length; i++) shares[y[i]] += weight[i] / total
  return Float32Array.from({ length: rows * classes.length }, (_, k) => shares[k % classes.length])
}

/** Judges one fold's model. @param model has the fold's state loaded. */
export function foldReport(
  model: Model,
  part: {
    readonly fold: ModelFold
    readonly fitted: FittedModel
    readonly rows: ModelRows
    readonly test: ModelRows | undefined
  },
): FoldReport {
  const { fold, fitted, rows, test } = part
  const loss = ({ X, y, weight, classes }: ModelRows): number =>
    X.rows === 0 ? Number.NaN : meanLoss(model.predict(X), y, weight, classes)
  return {
    fold: fold.fold,
    trainFrom: fold.trainFrom,
    testFrom: fold.from,
    testTo: fold.to,
    rows: rows.X.rows,
    testRows: test?.X.rows ?? 0,
    trainLoss: loss(rows),
    testLoss: test === undefined ? Number.NaN : loss(test),
    baseLoss:
      test === undefined || test.X.rows === 0
        ? Number.NaN
        : meanLoss(guess(rows, test.X.rows), test.y, test.weight, test.classes),
    rounds: fitted.rounds,
    exact: fitted.exact,
    importances: model.importances,
  }
}
