import type { Predictor } from '@tradewright/backtest'
import { contentKey, type Data, type FeatureMatrix, type Model } from '@tradewright/core'
import { expectedLabels } from './expected-label.ts'
import type { ResolvedSource } from './model-registry.ts'

/** A trained model, and the time in which it may be asked. */
export interface PredictingFold {
  /** Epoch ms, included. */
  readonly from: number
  /** Epoch ms, excluded. */
  readonly to: number
  /** What `Model.save` gave. */
  readonly model: Data
}

/** What {@link walkForwardPredictor} takes. */
export interface WalkForwardModels {
  /** Loads one fold's state at a time. Taken over. */
  readonly model: Model
  readonly source: ResolvedSource
  readonly options: Data
  readonly names: readonly string[]
  readonly classes: readonly number[] | undefined
  /** In the order of their times, which do not overlap. */
  readonly folds: readonly PredictingFold[]
}

/** Rows `from` to `to` of a matrix, as a view. */
function viewRows({ names, data, columns }: FeatureMatrix, from: number, to: number): FeatureMatrix {
  return { names, data: data.subarray(from * columns, to * columns), rows: to - from, columns }
}

/**
 * Asks of each bar the model whose time it lies in; NaN where there is none. One fold's model is in memory at a time.
 */
export function walkForwardPredictor(models: WalkForwardModels): Predictor {
  const { model, source, options, names, classes, folds } = models
  let loaded = -1
  return {
    key: contentKey([
      'walk-forward',
      [source.module, source.export, source.version],
      options,
      names,
      classes,
      folds.map(({ from, to, model: state }) => [from, to, state]),
    ]),
    names,
    predict(timestamp, X) {
      const out = new Float64Array(X.rows).fill(Number.NaN)
      let fold = 0
      for (let row = 0; row < X.rows; ) {
        while (fold < folds.length && timestamp[row] >= folds[fold].to) fold++
        if (fold === folds.length) break
        if (timestamp[row] < folds[fold].from) {
          row++
          continue
        }
        let end = row + 1
        while (end < X.rows && timestamp[end] < folds[fold].to) end++
        if (loaded !== fold) {
          model.load(folds[fold].model)
          loaded = fold
        }
        out.set(expectedLabels(model.predict(viewRows(X, row, end)), end - row, classes), row)
        row = end
      }
      return out
    },
  }
}
