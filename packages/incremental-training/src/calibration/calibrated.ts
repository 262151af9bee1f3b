import { type Data, type FeatureMatrix, type FitOptions, type Model, TradewrightError } from '@tradewright/core'
import { sigmoid, softmax } from '../linear/link.ts'
import { checkChoice, checkInteger, checkNames, checkNumber } from '../models/check-options.ts'
import { checkFitData, predictionOut } from '../models/fit-data.ts'
import { type ModelState, modelState, untrained } from '../models/model-state.ts'
import { splitHoldout, viewRows } from '../models/view-rows.ts'
import { type IsotonicCurve, isotonicAt, isotonicCurve } from './isotonic.ts'
import { type PlattCurve, plattCurve } from './platt.ts'
import { bestTemperature } from './temperature.ts'

/** How probabilities are corrected. */
export type CalibrationMethod = 'platt' | 'isotonic' | 'temperature'

/** Options of {@link calibrated}. */
export interface CalibratedOptions {
  /** @default 'platt' */
  readonly method?: CalibrationMethod | undefined
  /** Share of the rows, the last ones, that the model is not trained on and the curve is. @default 0.2 */
  readonly holdout?: number | undefined
  /** Rows between the two parts that are in neither, for labels that reach ahead. @default 0 */
  readonly embargo?: number | undefined
}

/** One curve an output. */
type Curves =
  | { readonly method: 'platt'; readonly curves: readonly PlattCurve[] }
  | { readonly method: 'isotonic'; readonly curves: readonly IsotonicCurve[] }
  | { readonly method: 'temperature'; readonly temperature: number }

interface SavedCalibrated extends ModelState {
  readonly model: Data
  readonly curves: Curves | undefined
}

/** Probabilities nearer to 0 and 1 than this count as this: a float32 rounds to them. */
const EDGE = 1e-7
const logit = (p: number): number => {
  const q = Math.min(1 - EDGE, Math.max(EDGE, p))
  return Math.log(q / (1 - q))
}
const logOf = (p: number): number => Math.log(Math.max(EDGE, p))

function fitCurves(
  method: CalibrationMethod,
  predicted: Float32Array,
  outputs: number,
  y: Float32Array,
  weights: Float32Array,
): Curves {
  if (method === 'temperature') {
    const classes = Math.max(2, outputs)
    const logits = new Float64Array(y.length * classes)
    for (let i = 0; i < y.length; i++)
      if (outputs === 1) logits[i * 2 + 1] = logit(predicted[i])
      else for (let k = 0; k < classes; k++) logits[i * classes + k] = logOf(predicted[i * classes + k])
    return { method, temperature: bestTemperature(logits, y, classes, weights) }
  }
  const of = (k: number): { scores: Float64Array; labels: Float64Array } => ({
    scores: Float64Array.from(y, (_, i) => {
      const p = predicted[i * outputs + k]
      return method === 'platt' ? logit(p) : p
    }),
    labels: Float64Array.from(y, (label) => ((outputs === 1 ? label > 0 : label === k) ? 1 : 0)),
  })
  const each = Array.from({ length: outputs }, (_, k) => of(k))
  return method === 'platt'
    ? { method, curves: each.map(({ scores, labels }) => plattCurve(scores, labels, weights)) }
    : { method, curves: each.map(({ scores, labels }) => isotonicCurve(scores, labels, weights)) }
}

/** Corrects the predictions of one row, in place. */
function correct(curves: Curves, outputs: number, row: Float64Array): void {
  if (curves.method === 'temperature') {
    const { temperature } = curves
    if (outputs === 1) row[0] = sigmoid(logit(row[0]) / temperature)
    else {
      for (let k = 0; k < outputs; k++) row[k] = logOf(row[k]) / temperature
      softmax(row)
    }
    return
  }
  let sum = 0
  for (let k = 0; k < outputs; k++) {
    if (curves.method === 'platt') {
      const { slope, offset } = curves.curves[k]
      row[k] = sigmoid(-(slope * logit(row[k]) + offset))
    } else row[k] = isotonicAt(curves.curves[k], row[k])
    sum += row[k]
  }
  // One against the rest: brought back to a sum of 1.
  if (outputs > 1) for (let k = 0; k < outputs; k++) row[k] = sum > 0 ? row[k] / sum : 1 / outputs
}

class Calibrated implements Model {
  readonly name: string
  readonly #model: Model
  readonly #method: CalibrationMethod
  readonly #holdout: number
  readonly #embargo: number
  #curves: Curves | undefined

  constructor(model: Model, options: CalibratedOptions) {
    checkNames('calibrated', options, ['method', 'holdout', 'embargo'])
    const { method = 'platt', holdout = 0.2, embargo = 0 } = options
    checkChoice('method', method, ['platt', 'isotonic', 'temperature'])
    checkNumber('holdout', holdout, Number.MIN_VALUE, 0.9)
    checkInteger('embargo', embargo, 0)
    this.name = `calibrated-${model.name}`
    this.#model = model
    this.#method = method
    this.#holdout = holdout
    this.#embargo = embargo
  }

  get continuation(): Model['continuation'] {
    return this.#model.continuation
  }

  get truncates(): boolean | undefined {
    return this.#model.truncates
  }

  get importances(): Model['importances'] {
    return this.#model.importances
  }

  get bytes(): number {
    if (this.#curves?.method !== 'isotonic') return this.#model.bytes + 32
    return this.#curves.curves.reduce((sum, { x }) => sum + 2 * x.byteLength, this.#model.bytes)
  }

  async fit(X: FeatureMatrix, y: Float32Array, options: FitOptions = {}): Promise<void> {
    const { initial, sampleWeight, ...rest } = options
    const weights = checkFitData(X, y, sampleWeight)
    const before = initial === undefined ? undefined : this.#read(initial)
    const { trainEnd, holdStart } = splitHoldout(X.rows, this.#holdout, this.#embargo)
    this.#curves = undefined
    await this.#model.fit(viewRows(X, 0, trainEnd), y.subarray(0, trainEnd), {
      ...rest,
      initial: before?.model,
      sampleWeight: sampleWeight?.subarray(0, trainEnd),
    })
    const held = viewRows(X, holdStart, X.rows)
    const predicted = this.#model.predict(held)
    const outputs = predicted.length / held.rows
    const labels = y.subarray(holdStart)
    const classes = Math.max(2, outputs)
    for (let i = 0; i < predicted.length; i++)
      if (!(predicted[i] >= 0 && predicted[i] <= 1))
        throw new TradewrightError(
          'BAD_DATA',
          `only probabilities can be calibrated, was ${predicted[i]} of model '${this.#model.name}'`,
          { model: this.#model.name },
        )
    const strange = labels.find((label) => !Number.isInteger(label) || label < 0 || label >= classes)
    if (strange !== undefined)
      throw new TradewrightError('BAD_DATA', `held out classes must be below ${classes}, was ${strange}`, { classes })
    this.#curves = fitCurves(this.#method, predicted, outputs, labels, weights.subarray(holdStart))
  }

  predict(X: FeatureMatrix, out?: Float32Array): Float32Array {
    if (this.#curves === undefined) throw untrained(this.name)
    const predicted = this.#model.predict(X)
    const filled = predictionOut(out, predicted.length)
    if (X.rows === 0) return filled
    const outputs = predicted.length / X.rows
    const row = new Float64Array(outputs)
    for (let i = 0; i < predicted.length; i += outputs) {
      for (let k = 0; k < outputs; k++) row[k] = predicted[i + k]
      correct(this.#curves, outputs, row)
      for (let k = 0; k < outputs; k++) filled[i + k] = row[k]
    }
    return filled
  }

  save(): Data {
    const saved: SavedCalibrated = { kind: this.name, version: 1, model: this.#model.save(), curves: this.#curves }
    return structuredClone(saved) as unknown as Data
  }

  #read(data: Data): SavedCalibrated {
    return modelState<SavedCalibrated>(data, this.name, 1)
  }

  load(data: Data): void {
    const { model, curves } = this.#read(data)
    this.#model.load(model)
    this.#curves = structuredClone(curves)
  }
}

/**
 * A classifier whose probabilities are corrected by a curve that is trained on later rows than the model: Platt's sigmoid
 * over the log odds, isotonic regression over the probabilities, or one temperature. K >= 3 classes are corrected one
 * against the rest and brought back to a sum of 1, by the temperature all at once.
 *
 * @param model untrained or not; it is trained by this one's `fit`, and belongs to it from now on.
 * @returns a model that continues as its inner one does; the curve is always trained anew.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`; `fit` throws `BAD_DATA` for a model whose predictions are no
 *   probabilities, and what the model throws.
 * @see Niculescu-Mizil, Caruana (2005), "Predicting good probabilities with supervised learning", ICML.
 * @example
 * ```ts
 * import { calibrated, logisticRegression } from '@tradewright/incremental-training'
 * const X = { names: ['a'], data: Float32Array.from({ length: 100 }, (_, i) => (i * 37) % 100), rows: 100, columns: 1 }
 * const model = calibrated(logisticRegression(), { method: 'isotonic' })
 * await model.fit(X, X.data.map((a) => (a > 40 ? 1 : 0)))
 * console.log(model.predict(X).every((p) => p >= 0 && p <= 1)) // true
 * ```
 */
export function calibrated(model: Model, options: CalibratedOptions = {}): Model {
  return new Calibrated(model, options)
}
