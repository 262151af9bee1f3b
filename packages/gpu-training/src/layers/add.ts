import { TradewrightError } from '@tradewright/core'
import type { LayerDefinition, LayerSpec } from '../layer.ts'

/**
 * A residual block: layers whose output is added to their input. They must give as many columns as they take.
 *
 * @see He et al. (2015), "Deep residual learning for image recognition".
 */
export function residual(layers: readonly (LayerSpec | readonly LayerSpec[])[]): readonly LayerSpec[] {
  const inner = layers.flat()
  return [...inner, { type: 'add', options: { back: inner.length } }]
}

/** y = x + the output of the layer `back` layers before x. */
export const addLayer: LayerDefinition = {
  type: 'add',
  shape({ back }, columns, name) {
    if (typeof back !== 'number' || !Number.isInteger(back) || back < 1)
      throw new TradewrightError('BAD_OPTION', `back of layer '${name}' must be an integer >= 1, was ${back}`, { back })
    return { columns, parameters: [], statColumns: 0, needs: { input: false, output: false }, back }
  },
  fused: {
    workspace: () => ({ forwardPacked: 0, backwardPacked: 0, scratch: 0 }),
    forward(kernels, _shape, columns, { x, other, y }, run) {
      return () => {
        const n = run.rows * columns
        kernels.fill(n, 0, y)
        kernels.axpy(n, 1, x, y)
        kernels.axpy(n, 1, other, y)
      }
    },
    backward(kernels, _shape, columns, { dy, dx, dother }, run) {
      return () => {
        const n = run.rows * columns
        for (const to of [dx, dother]) {
          if (to === 0) continue
          kernels.fill(n, 0, to)
          kernels.axpy(n, 1, dy, to)
        }
      }
    },
  },
  tf: ({ tf }, _spec, x, _parameters, other) => tf.add(x, other),
}
