import {
  createRng,
  type Data,
  type FeatureMatrix,
  type FitOptions,
  type Model,
  TradewrightError,
} from '@tradewright/core'
import { checkFitData, columnsByName, predictionOut } from '../models/fit-data.ts'
import { type ModelState, modelState, untrained } from '../models/model-state.ts'
import { createPause } from '../models/pause.ts'
import { type ColumnScale, checkMissing, type MissingPolicy, measureColumns, scaleRow } from './column-scale.ts'
import type { Link } from './link.ts'
import { type OnlineOptions, OnlineSolver, type OnlineState, roundOrder } from './online.ts'

/** What a batch solver gets. */
export interface BatchProblem {
  readonly X: FeatureMatrix
  readonly y: Float32Array
  /** Weights of the rows and their sum. */
  readonly weights: Float32Array
  readonly total: number
  readonly at: Int32Array
  readonly scale: ColumnScale
  readonly outputs: number
  /** shape [outputs * (features + 1)], the intercept last in each output: the start, overwritten. */
  readonly theta: Float64Array
  readonly pause: () => Promise<void>
}

/** One kind of linear model. */
export interface LinearKind {
  readonly kind: string
  readonly missing: MissingPolicy
  readonly standardize: boolean
  /** Outputs for these targets. */
  outputs(y: Float32Array): number
  link(outputs: number): Link
  /** Absent where it learns online. @returns whether it converged. */
  solve?(problem: BatchProblem): Promise<boolean>
  readonly online?: OnlineOptions & { readonly rounds: number; readonly shuffle: boolean; readonly seed: number }
}

/** A trained linear model. Features are known by name. */
export interface LinearModel extends Model {
  /** Features that it was trained on. */
  readonly names: readonly string[]
  /** By feature, one an output, in the units of the features. @throws TradewrightError `BAD_OPTION` untrained. */
  readonly coefficients: Readonly<Record<string, readonly number[]>>
  /** One an output. */
  readonly intercepts: readonly number[]
  /** False where the solver stopped at its limit. */
  readonly converged: boolean
}

interface Trained {
  readonly scale: ColumnScale
  readonly outputs: number
  /** shape [outputs * (features + 1)], of scaled features. */
  readonly theta: Float64Array
  readonly rounds: number
  readonly converged: boolean
  readonly online: Omit<OnlineState, 'weights'> | undefined
}

interface SavedLinear extends ModelState, Trained {
  readonly missing: MissingPolicy
}

const VERSION = 1

/** theta of another scale: the same function of the raw features. */
function rescale(from: Trained, to: ColumnScale): Float64Array {
  const theta = from.theta.slice()
  const features = to.names.length
  const place = new Map(from.scale.names.map((name, index) => [name, index]))
  for (let k = 0; k < from.outputs; k++) {
    const base = k * (features + 1)
    let intercept = from.theta[base + features]
    to.names.forEach((name, j) => {
      const i = place.get(name) ?? j
      const raw = from.scale.scale[i] === 0 ? 0 : from.theta[base + i] / from.scale.scale[i]
      intercept += raw * (to.mean[j] - from.scale.mean[i])
      theta[base + j] = raw * to.scale[j]
    })
    theta[base + features] = intercept
  }
  return theta
}

class Linear implements LinearModel {
  readonly #kind: LinearKind
  #missing: MissingPolicy
  #trained: Trained | undefined

  constructor(kind: LinearKind) {
    this.#kind = kind
    this.#missing = kind.missing
  }

  get name(): string {
    return this.#kind.kind
  }

  get continuation(): 'exact' | 'approximate' {
    return this.#kind.online === undefined ? 'approximate' : 'exact'
  }

  #get(): Trained {
    if (this.#trained === undefined) throw untrained(this.name)
    return this.#trained
  }

  get bytes(): number {
    if (this.#trained === undefined) return 0
    const { theta, scale, online } = this.#trained
    return theta.byteLength + 2 * scale.mean.byteLength + (online === undefined ? 0 : 2 * online.z.byteLength)
  }

  get names(): readonly string[] {
    return this.#get().scale.names
  }

  get converged(): boolean {
    return this.#get().converged
  }

  get coefficients(): Readonly<Record<string, readonly number[]>> {
    const { scale, theta, outputs } = this.#get()
    const stride = scale.names.length + 1
    const of = (j: number, k: number): number => (scale.scale[j] === 0 ? 0 : theta[k * stride + j] / scale.scale[j])
    return Object.fromEntries(
      scale.names.map((name, j) => [name, Array.from({ length: outputs }, (_, k) => of(j, k))] as const),
    )
  }

  get intercepts(): readonly number[] {
    const { scale, theta, outputs } = this.#get()
    const features = scale.names.length
    return Array.from({ length: outputs }, (_, k) => {
      const base = k * (features + 1)
      let value = theta[base + features]
      for (let j = 0; j < features; j++)
        if (scale.scale[j] !== 0) value -= (theta[base + j] * scale.mean[j]) / scale.scale[j]
      return value
    })
  }

  get importances(): Readonly<Record<string, number>> | undefined {
    if (this.#trained === undefined) return undefined
    const { scale, theta, outputs } = this.#trained
    const stride = scale.names.length + 1
    const sizes = scale.names.map((_, j) => {
      let sum = 0
      for (let k = 0; k < outputs; k++) sum += Math.abs(theta[k * stride + j])
      return sum
    })
    const total = sizes.reduce((a, b) => a + b, 0)
    return Object.fromEntries(scale.names.map((name, j) => [name, total === 0 ? 0 : sizes[j] / total]))
  }

  async fit(X: FeatureMatrix, y: Float32Array, options: FitOptions = {}): Promise<void> {
    const { initial, sampleWeight, validation, signal } = options
    const pause = createPause(signal)
    const weights = checkFitData(X, y, sampleWeight)
    checkMissing(X, this.#missing)
    const outputs = this.#kind.outputs(y)
    if (validation !== undefined) checkFitData(validation.X, validation.y, undefined)
    const before = initial === undefined ? undefined : this.#read(initial)
    if (before !== undefined) this.#checkContinues(before, X, outputs)
    if (this.#kind.online !== undefined) return this.#learn(X, y, weights, outputs, before, options, pause)
    const scale = measureColumns(X, weights, this.#kind.standardize)
    const at = columnsByName(X, scale.names)
    const theta = before === undefined ? new Float64Array(outputs * (X.columns + 1)) : rescale(before, scale)
    let total = 0
    for (let i = 0; i < weights.length; i++) total += weights[i]
    const problem: BatchProblem = { X, y, weights, total, at, scale, outputs, theta, pause }
    const converged = (await this.#kind.solve?.(problem)) ?? true
    this.#trained = { scale, outputs, theta, rounds: 0, converged, online: undefined }
  }

  #checkContinues(before: Trained, X: FeatureMatrix, outputs: number): void {
    columnsByName(X, before.scale.names)
    if (X.columns !== before.scale.names.length || before.outputs !== outputs)
      throw new TradewrightError(
        'BAD_SHAPE',
        `a state must be continued with its ${before.scale.names.length} features and ${before.outputs} outputs, were ${X.columns} and ${outputs}`,
        { features: X.columns, outputs },
      )
  }

  async #learn(
    X: FeatureMatrix,
    y: Float32Array,
    weights: Float32Array,
    outputs: number,
    before: Trained | undefined,
    { rounds: asked, onProgress, validation }: FitOptions,
    pause: () => Promise<void>,
  ): Promise<void> {
    const online = this.#kind.online
    if (online === undefined) return
    const rounds = asked ?? online.rounds
    const scale = before?.scale ?? measureColumns(X, weights, this.#kind.standardize)
    const at = columnsByName(X, scale.names)
    const features = scale.names.length
    const state = before?.online === undefined ? undefined : { ...before.online, weights: before.theta }
    const solver = new OnlineSolver(features, outputs, online, state)
    if (before !== undefined && state === undefined) solver.weights.set(before.theta)
    const link = this.#kind.link(outputs)
    const x = new Float64Array(features)
    const scores = new Float64Array(outputs)
    const keep = (made: number): void => {
      const { weights: theta, ...rest } = solver.save()
      this.#trained = { scale, outputs, theta, rounds: made, converged: true, online: rest }
    }
    const first = before?.rounds ?? 0
    keep(first)
    for (let round = first; round < rounds; round++) {
      const order = roundOrder(X.rows, online.shuffle ? createRng(online.seed, round) : undefined)
      let loss = 0
      let total = 0
      for (let i = 0; i < order.length; i++) {
        if ((i & 1023) === 0) await pause()
        const row = order[i]
        scaleRow(X, row, at, scale, x)
        solver.scores(x, scores)
        loss += weights[row] * link.slope(scores, y[row])
        total += weights[row]
        solver.step(x, scores, weights[row])
      }
      if (!Number.isFinite(loss))
        throw new TradewrightError(
          'TRIAL_FAILED',
          `the loss must be finite, was ${loss} in round ${round + 1}: a smaller rate may help`,
          { round: round + 1, rate: online.rate },
        )
      keep(round + 1)
      const validationLoss = validation === undefined ? undefined : this.#loss(validation.X, validation.y)
      onProgress?.({ round: round + 1, rounds, loss: loss / total, validationLoss })
    }
  }

  /** Calls `each` with the linear scores of every row. */
  #score(X: FeatureMatrix, each: (row: number, scores: Float64Array) => void): void {
    const { scale, outputs, theta } = this.#get()
    const at = columnsByName(X, scale.names)
    checkMissing(X, this.#missing)
    const features = scale.names.length
    const x = new Float64Array(features)
    const scores = new Float64Array(outputs)
    for (let row = 0; row < X.rows; row++) {
      scaleRow(X, row, at, scale, x)
      for (let k = 0; k < outputs; k++) {
        const base = k * (features + 1)
        let sum = theta[base + features]
        for (let j = 0; j < features; j++) sum += theta[base + j] * x[j]
        scores[k] = sum
      }
      each(row, scores)
    }
  }

  #loss(X: FeatureMatrix, y: Float32Array): number {
    const link = this.#kind.link(this.#get().outputs)
    let sum = 0
    this.#score(X, (row, scores) => {
      sum += link.slope(scores, y[row])
    })
    return sum / X.rows
  }

  predict(X: FeatureMatrix, out?: Float32Array): Float32Array {
    const { outputs } = this.#get()
    const link = this.#kind.link(outputs)
    const filled = predictionOut(out, X.rows * outputs)
    this.#score(X, (row, scores) => {
      link.predict(scores)
      for (let k = 0; k < outputs; k++) filled[row * outputs + k] = scores[k]
    })
    return filled
  }

  save(): Data {
    const { scale, theta, online, ...rest } = this.#get()
    const copy = { names: [...scale.names], mean: scale.mean.slice(), scale: scale.scale.slice() }
    const kept = online === undefined ? undefined : { ...online, z: online.z.slice(), n: online.n.slice() }
    const saved = { kind: this.name, version: VERSION, missing: this.#missing, ...rest, scale: copy }
    return { ...saved, theta: theta.slice(), online: kept } as unknown as Data
  }

  #read(data: Data): SavedLinear {
    const state = modelState<SavedLinear>(data, this.name, VERSION)
    const features = state.scale?.names?.length
    const right =
      state.theta instanceof Float64Array &&
      state.theta.length === state.outputs * (features + 1) &&
      state.scale.mean?.length === features &&
      state.scale.scale?.length === features
    if (!right)
      throw new TradewrightError('BAD_DATA', `a state of '${this.name}' must be whole, had other lengths`, { features })
    return state
  }

  load(data: Data): void {
    const { missing, scale, outputs, theta, rounds, converged, online } = this.#read(data)
    this.#missing = missing
    const copy = { names: [...scale.names], mean: scale.mean.slice(), scale: scale.scale.slice() }
    const kept = online === undefined ? undefined : { ...online, z: online.z.slice(), n: online.n.slice() }
    this.#trained = { scale: copy, outputs, theta: theta.slice(), rounds, converged, online: kept }
  }
}

/** Makes a linear model of one kind. */
export function createLinearModel(kind: LinearKind): LinearModel {
  return new Linear(kind)
}
