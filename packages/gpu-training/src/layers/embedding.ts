import { TradewrightError } from '@tradewright/core'
import type { LayerDefinition, LayerSpec } from '../layer.ts'

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** Which column of the input holds the category, from 0. */
  readonly column: number
  /** How many categories there are: the column holds whole numbers from 0 to below this. */
  readonly categories: number
  /** Numbers a category. */
  readonly size: number
  readonly name?: string | undefined
}

/**
 * Replaces one column of category numbers by the learned vector of its category, put behind the other columns. For
 * several such columns, one layer each, the last column first.
 */
export function embedding({ column, categories, size, name }: EmbeddingOptions): LayerSpec {
  return { type: 'embedding', name, options: { column, categories, size } }
}

/** See {@link embedding}. */
export const embeddingLayer: LayerDefinition = {
  type: 'embedding',
  shape(options, columns, name) {
    const { column, categories, size } = options as Readonly<Record<'column' | 'categories' | 'size', number>>
    for (const [key, value, least, most] of [
      ['column', column, 0, columns - 1],
      ['categories', categories, 1, 2 ** 24],
      ['size', size, 1, 2 ** 20],
    ] as const)
      if (!(Number.isInteger(value) && value >= least && value <= most))
        throw new TradewrightError(
          'BAD_OPTION',
          `${key} of layer '${name}' must be an integer from ${least} to ${most}, was ${value}`,
          { layer: name, [key]: value },
        )
    return {
      columns: columns - 1 + size,
      parameters: [{ name: 'table', shape: [categories, size], init: { normal: 0.05 }, decay: false }],
      statColumns: 0,
      needs: { input: true, output: false },
      extra: { column, categories, size },
    }
  },
  fused: {
    workspace: () => ({ forwardPacked: 0, backwardPacked: 0, scratch: 0 }),
    forward(kernels, { extra: { column = 0, size = 0 } = {} }, columns, { x, y, parameters: [table] }, run) {
      return () => kernels.embed(run.rows, columns, column, size, x, table, y)
    },
    backward(
      kernels,
      { extra: { column = 0, size = 0, categories = 0 } = {} },
      columns,
      { x, dy, dx, gradients: [dtable] },
      run,
    ) {
      return () => {
        if (!run.accumulate) kernels.fill(categories * size, 0, dtable)
        kernels.embedGrad(run.rows, columns, column, size, x, dy, dx, dtable)
      }
    },
  },
  tf({ tf, matMul }, { options }, x, [table]) {
    const column = options.column as number
    const rows = x.shape[0]
    const columns = x.shape[1]
    const index = tf.cast(tf.reshape(tf.slice(x, [0, column], [rows, 1]), [rows]), 'int32')
    const parts = [
      tf.slice(x, [0, 0], [rows, column]),
      tf.slice(x, [0, column + 1], [rows, columns - column - 1]),
      // Not gather: its gradient is missing from the WebAssembly backend of TensorFlow.js.
      matMul(tf.cast(tf.oneHot(index, options.categories), 'float32'), table),
    ]
    return tf.concat(
      parts.filter((part) => part.shape[1] > 0),
      1,
    )
  },
}
