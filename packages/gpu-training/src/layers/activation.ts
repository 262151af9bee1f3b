import { unknownName } from '@tradewright/core'
import { type ActivationName, activationKinds } from '../kernels.ts'
import type { LayerDefinition, LayerSpec, TfContext, TfTensor } from '../layer.ts'

/** An activation as a layer of its own. */
export function activation(kind: ActivationName, name?: string): LayerSpec {
  return { type: 'activation', name, options: { kind } }
}

const none = { forwardPacked: 0, backwardPacked: 0, scratch: 0 }

const GELU = Math.sqrt(2 / Math.PI)

/** Each activation in TensorFlow.js, by the same formula as the kernels. */
const inTf: Readonly<Record<ActivationName, (tf: TfContext['tf'], x: TfTensor) => TfTensor>> = {
  relu: (tf, x) => tf.relu(x),
  leakyRelu: (tf, x) => tf.leakyRelu(x, 0.01),
  elu: (tf, x) => tf.elu(x),
  sigmoid: (tf, x) => tf.sigmoid(x),
  tanh: (tf, x) => tf.tanh(x),
  softplus: (tf, x) => tf.softplus(x),
  silu: (tf, x) => tf.mul(x, tf.sigmoid(x)),
  gelu: (tf, x) => {
    const inner = tf.mul(GELU, tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x)))))
    return tf.mul(tf.mul(0.5, x), tf.add(1, tf.tanh(inner)))
  },
}

/** See {@link activation}. */
export const activationLayer: LayerDefinition = {
  type: 'activation',
  shape({ kind }, columns, name) {
    const index = activationKinds.indexOf(kind as ActivationName)
    if (index < 0) throw unknownName(`activation of layer '${name}'`, String(kind), activationKinds)
    const fromInput = index >= 6
    return {
      columns,
      parameters: [],
      statColumns: 0,
      needs: { input: fromInput, output: !fromInput },
      extra: { index },
    }
  },
  fused: {
    workspace: () => none,
    forward(kernels, { extra: { index = 0 } = {} }, columns, { x, y }, run) {
      return () => kernels.activate(index, run.rows * columns, x, y)
    },
    backward(kernels, { extra: { index = 0 } = {} }, columns, { x, y, dy, dx }, run) {
      if (dx === 0) return () => {}
      return () => kernels.activateGrad(index, run.rows * columns, x, y, dy, dx)
    },
  },
  tf: ({ tf }, { options }, x) => inTf[options.kind as ActivationName](tf, x),
}
