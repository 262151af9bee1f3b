import { TradewrightError } from '@tradewright/core'
import type { LayerDefinition, LayerSpec } from '../layer.ts'

/**
 * Sets a share of the numbers to zero while training, and scales the others by 1 / (1 - rate).
 *
 * The mask is a function of seed, step and layer (Philox 4x32-10, 16 bits a number, so the rate is kept to 1 / 65536),
 * so backward makes it again instead of keeping it.
 *
 * @param rate 0 to below 1.
 * @see Srivastava et al. (2014), JMLR 15.
 */
export function dropout(rate: number, name?: string): LayerSpec {
  return { type: 'dropout', name, options: { rate } }
}

/** Draws below this are dropped, out of 65536. */
export const dropoutThreshold = (rate: number): number => Math.round(rate * 65536)

/** Distinguishes the masks of a model's layers; from the layer's name, so that another layer's does not shift it. */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0
  return hash
}

/** See {@link dropout}. */
export const dropoutLayer: LayerDefinition = {
  type: 'dropout',
  shape({ rate }, columns, name) {
    if (typeof rate !== 'number' || !(rate >= 0 && rate < 1))
      throw new TradewrightError('BAD_OPTION', `rate of layer '${name}' must lie in [0, 1), was ${rate}`, { rate })
    const extra = { rate, hash: nameHash(name) }
    return { columns, parameters: [], statColumns: 0, needs: { input: false, output: false }, extra }
  },
  fused: {
    workspace: () => ({ forwardPacked: 0, backwardPacked: 0, scratch: 0 }),
    forward(kernels, { extra: { rate = 0, hash = 0 } = {} }, columns, { x, y }, run) {
      const threshold = dropoutThreshold(rate)
      const factor = 1 / (1 - threshold / 65536)
      return () => {
        const n = run.rows * columns
        if (run.training)
          kernels.dropout(
            n,
            x,
            y,
            threshold,
            factor,
            run.key0,
            (run.key1 ^ hash) >>> 0,
            run.step,
            (run.first * columns) / 8,
          )
        else {
          kernels.fill(n, 0, y)
          kernels.axpy(n, 1, x, y)
        }
      }
    },
    backward(kernels, { extra: { rate = 0, hash = 0 } = {} }, columns, { dy, dx }, run) {
      if (dx === 0) return () => {}
      const threshold = dropoutThreshold(rate)
      const factor = 1 / (1 - threshold / 65536)
      return () => {
        kernels.dropout(
          run.rows * columns,
          dy,
          dx,
          threshold,
          factor,
          run.key0,
          (run.key1 ^ hash) >>> 0,
          run.step,
          (run.first * columns) / 8,
        )
      }
    },
  },
  tf({ tf, training, mask }, { options, name = '' }, x) {
    if (!training) return x
    const count = x.shape[0] * x.shape[1]
    return tf.mul(x, tf.tensor2d(mask(count, options.rate as number, name), x.shape, 'float32'))
  },
}
