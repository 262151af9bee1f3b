import { type FeatureMatrix, type Key, TradewrightError } from '@tradewright/core'
import type { Columns } from './columns.ts'
import { type Expr, valueExpr } from './expression.ts'
import { type FeatureSpecs, featureNodes } from './feature-nodes.ts'
import { featureValue, packRows } from './feature-rows.ts'
import type { NodeGraph } from './node-graph.ts'
import { kernelCode, Op } from './operation.ts'
import { defineIndicator, type Kernel, type KernelStream } from './user-kernel.ts'

/** What computes a strategy's column `prediction`: trained models, and from when on each may be asked. */
export interface Predictor {
  /**
   * Content key of everything a prediction depends on beside the features' values: the models' content, and their
   * times. Two predictors with one key must predict the same: results are cached by it.
   */
  readonly key: Key
  /** Names of the features, in order. */
  readonly names: readonly string[]
  /**
   * @param timestamp shape [X.rows], epoch ms of each row's bar. Read only.
   * @param X         features of those bars. Read only.
   * @returns shape [X.rows]: what is expected of the label; NaN where no model may be asked. A row alone gives the same
   *   as among others.
   */
  predict(timestamp: Float64Array, X: FeatureMatrix): Float64Array
}

/** What `columns.prediction` is while a strategy is bound. */
export interface Prediction {
  /** Of the {@link Predictor}. */
  readonly key: Key
  readonly features: FeatureSpecs
}

const NAME = 'model-prediction'
const VERSION = '1'

interface Loan {
  readonly predictor: Predictor
  loans: number
}

const lent = new Map<Key, Loan>()
let current: Prediction | undefined
let defined = false

function predictorOf(key: unknown, features: number): Predictor {
  const found = lent.get(String(key))?.predictor
  if (found === undefined)
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `the model behind this strategy's prediction is not loaded in this process, was ${String(key)}: load the strategy with loadStrategy`,
      { key },
    )
  if (found.names.length !== features)
    throw new TradewrightError(
      'BAD_SHAPE',
      `the model takes ${found.names.length} features (${found.names.join(', ')}), was given ${features}`,
      { names: found.names },
    )
  return found
}

function rowStream(key: unknown): KernelStream {
  let ready = false
  return {
    next([timestamp, ...features]) {
      const row = Float32Array.from(features, featureValue)
      ready ||= row.every((value) => value === value)
      if (!ready) return Number.NaN
      const predictor = predictorOf(key, features.length)
      const X = { names: predictor.names, data: row, rows: 1, columns: row.length }
      return predictor.predict(Float64Array.of(timestamp), X)[0]
    },
    save: () => ready,
    restore: (state) => {
      ready = state === true
    },
  }
}

const kernel: Kernel = {
  compute([timestamp, ...features], params, length) {
    const predictor = predictorOf(params[0], features.length)
    const { data, firstRow } = packRows(features, length)
    const out = new Float64Array(length).fill(Number.NaN)
    const rows = length - firstRow
    if (rows === 0) return out
    const columns = features.length
    const X = { names: predictor.names, data: data.subarray(firstRow * columns), rows, columns }
    out.set(predictor.predict(timestamp.subarray(firstRow, length), X), firstRow)
    return out
  },
  createStream: (params) => rowStream(params[0]),
}

/** The kernel is known from the first use on: importing a module registers nothing. */
function define(): void {
  if (defined) return
  defined = true
  defineIndicator({ name: NAME, version: VERSION, kernel })
}

/**
 * Makes a predictor known to this process until the returned function is called: nodes with its key ask it.
 *
 * A prediction is a node of the bound graph, like an indicator: from the bar's time and its features. So it is cached,
 * streamed bar by bar and saved like any other, under a key that covers the models.
 */
export function lendPredictor(predictor: Predictor): () => void {
  define()
  const loan = lent.get(predictor.key) ?? { predictor, loans: 0 }
  loan.loans++
  lent.set(predictor.key, loan)
  let returned = false
  return () => {
    if (returned) return
    returned = true
    if (--loan.loans === 0) lent.delete(predictor.key)
  }
}

/** Runs `body`; strategies that are bound in it find `prediction` among their columns. */
export function withPrediction<T>(prediction: Prediction, body: () => T): T {
  define()
  const outer = current
  current = prediction
  try {
    return body()
  } finally {
    current = outer
  }
}

/** The column `prediction` of a graph that is being bound. @throws TradewrightError `BAD_STRATEGY` without a model. */
export function predictionExpr(graph: NodeGraph, columns: Columns): Expr {
  const prediction = current
  if (prediction === undefined)
    throw new TradewrightError(
      'BAD_STRATEGY',
      'the column prediction needs a model: give the training one, as executeOptimizedTraining({ strategy, model })',
    )
  // Features of features would ask for themselves.
  current = undefined
  try {
    const { nodes } = featureNodes(graph, prediction.features(columns))
    const operands = [graph.intern(Op.timestamp, []), ...nodes]
    return valueExpr(graph, graph.intern(kernelCode, operands, [NAME, VERSION, '', prediction.key]))
  } finally {
    current = prediction
  }
}
