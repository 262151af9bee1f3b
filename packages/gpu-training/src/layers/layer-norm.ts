import { TradewrightError } from '@tradewright/core'
import type { LayerDefinition, LayerSpec } from '../layer.ts'

/**
 * Layer normalization: (x - mean) / sqrt(variance + epsilon) * gamma + beta within each row.
 *
 * @param epsilon @default 1e-5
 * @see Ba, Kiros, Hinton (2016), "Layer normalization".
 */
export function layerNorm(options: { readonly epsilon?: number; readonly name?: string } = {}): LayerSpec {
  const { epsilon = 1e-5, name } = options
  return { type: 'layerNorm', name, options: { epsilon } }
}

/** See {@link layerNorm}. */
export const layerNormLayer: LayerDefinition = {
  type: 'layerNorm',
  shape({ epsilon }, columns, name) {
    if (typeof epsilon !== 'number' || !(epsilon > 0))
      throw new TradewrightError('BAD_OPTION', `epsilon of layer '${name}' must be above 0, was ${epsilon}`, {
        epsilon,
      })
    return {
      columns,
      parameters: [
        { name: 'gamma', shape: [columns], init: 'ones', decay: false },
        { name: 'beta', shape: [columns], init: 'zeros', decay: false },
      ],
      statColumns: 2,
      needs: { input: true, output: false },
      extra: { epsilon },
    }
  },
  fused: {
    workspace: () => ({ forwardPacked: 0, backwardPacked: 0, scratch: 0 }),
    forward(kernels, { extra: { epsilon = 1e-5 } = {} }, columns, { x, y, stat, parameters: [gamma, beta] }, run) {
      return () => kernels.layerNorm(run.rows, columns, epsilon, x, gamma, beta, y, stat)
    },
    backward(kernels, _shape, columns, at, run) {
      const { x, dy, dx, stat } = at
      const [gamma] = at.parameters
      const [dgamma, dbeta] = at.gradients
      return () => {
        if (!run.accumulate) {
          kernels.fill(columns, 0, dgamma)
          kernels.fill(columns, 0, dbeta)
        }
        kernels.layerNormGrad(run.rows, columns, x, gamma, stat, dy, dx, dgamma, dbeta)
      }
    },
  },
  tf({ tf }, { options }, x, [gamma, beta]) {
    const centred = tf.sub(x, tf.mean(x, 1, true))
    const variance = tf.mean(tf.square(centred), 1, true)
    const normal = tf.div(centred, tf.sqrt(tf.add(variance, options.epsilon)))
    return tf.add(tf.mul(normal, gamma), beta)
  },
}
