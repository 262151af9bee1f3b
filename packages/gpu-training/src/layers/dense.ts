import { TradewrightError } from '@tradewright/core'
import { type ActivationName, type MatmulShape, matmulFlag } from '../kernels.ts'
import type { LayerDefinition, LayerSpec } from '../layer.ts'
import { activation } from './activation.ts'

/** Options of {@link dense}. */
export interface DenseOptions {
  /** @default none: the layer is linear */
  readonly activation?: ActivationName | undefined
  /** @default true */
  readonly bias?: boolean | undefined
  readonly name?: string | undefined
}

/**
 * A fully connected layer: activation(x W + b). Its parameters are `kernel` [inputs, units] and `bias` [units].
 *
 * W begins uniform within sqrt(6 / inputs) under relu-like activations (He 2015), else sqrt(6 / (inputs + units))
 * (Glorot 2010); b begins at zero. Relu is computed within the product; any other activation is a layer of its own.
 */
export function dense(units: number, options: DenseOptions = {}): readonly LayerSpec[] {
  const { activation: name, bias = true } = options
  const relu = name === 'relu'
  const gain = name === undefined || name === 'tanh' || name === 'sigmoid' ? 'glorot' : 'he'
  const own: LayerSpec = { type: 'dense', name: options.name, options: { units, bias, relu, init: gain } }
  return name === undefined || relu ? [own] : [own, activation(name)]
}

/** Rows that a weight gradient takes at once: its packed part stays in the cache, and small beside the outputs. */
const CHUNK = 256

const checkUnits = (units: unknown, name: string): number => {
  if (typeof units === 'number' && Number.isInteger(units) && units >= 1) return units
  throw new TradewrightError('BAD_OPTION', `units of layer '${name}' must be an integer >= 1, was ${units}`, {
    layer: name,
    units,
  })
}

/** See {@link dense}. */
export const denseLayer: LayerDefinition = {
  type: 'dense',
  shape({ units: given, bias, relu, init }, columns, name) {
    const units = checkUnits(given, name)
    const limit = init === 'he' ? Math.sqrt(6 / columns) : Math.sqrt(6 / (columns + units))
    const kernel = { name: 'kernel', shape: [columns, units], init: { uniform: limit }, decay: true }
    const offset = { name: 'bias', shape: [units], init: 'zeros' as const, decay: false }
    return {
      columns: units,
      parameters: bias === false ? [kernel] : [kernel, offset],
      statColumns: 0,
      needs: { input: true, output: relu === true },
      relu: relu === true,
    }
  },
  fused: {
    workspace({ columns: units }, inputs, rows, kernels) {
      return {
        forwardPacked: kernels.packedBytes(inputs, units),
        backwardPacked: Math.max(kernels.packedBytes(Math.min(rows, CHUNK), units), kernels.packedBytes(units, inputs)),
        scratch: Math.max(inputs, units, Math.min(rows, CHUNK)) * 96 + 192,
      }
    },
    pack(kernels, { columns: units }, inputs, [w], packed) {
      kernels.pack(forwardShape(inputs, units), w, packed)
    },
    forward(kernels, { columns: units, relu, parameters }, inputs, at, run) {
      const shape = forwardShape(inputs, units)
      const [w, b = 0] = at.parameters
      const flags = (parameters.length === 2 ? matmulFlag.bias : 0) + (relu ? matmulFlag.relu : 0)
      return () => {
        if (!at.prepacked) kernels.pack(shape, w, at.packed)
        kernels.matmul(run.rows, shape, at.x, w, at.packed, at.y, flags, b, 0, at.scratch)
      }
    },
    backward(kernels, { columns: units, relu, parameters }, inputs, at, run) {
      const [w] = at.parameters
      const [dw, db = 0] = at.gradients
      const { x, y, dy, dx, packed, scratch } = at
      const weights = { n: units, k: 0, aRow: 4, aColumn: inputs * 4, bRow: units * 4, bColumn: 4 }
      const input = { n: inputs, k: units, aRow: units * 4, aColumn: 4, bRow: 4, bColumn: units * 4 }
      const chunk = kernels.packedBytes(1, 1) === 0 ? Number.POSITIVE_INFINITY : CHUNK
      const mask = at.maskInput ? matmulFlag.mask : 0
      return () => {
        const { rows, accumulate } = run
        if (relu && !at.masked) kernels.activateGrad(0, rows * units, 0, y, dy, dy)
        for (let from = 0; from < rows; from += chunk) {
          weights.k = Math.min(chunk, rows - from)
          const part = dy + from * units * 4
          const flags = accumulate || from > 0 ? matmulFlag.accumulate : 0
          kernels.pack(weights, part, packed)
          kernels.matmul(inputs, weights, x + from * inputs * 4, part, packed, dw, flags, 0, 0, scratch)
        }
        if (parameters.length === 2) kernels.columnSum(rows, units, dy, db, accumulate ? 1 : 0)
        if (dx === 0) return
        kernels.pack(input, w, packed)
        kernels.matmul(rows, input, dy, w, packed, dx, mask, 0, x, scratch)
      }
    },
  },
  tf({ tf, matMul }, { options }, x, [kernel, bias]) {
    const product = matMul(x, kernel)
    const y = bias === undefined ? product : tf.add(product, bias)
    return options.relu === true ? tf.relu(y) : y
  },
}

const forwardShape = (inputs: number, units: number): MatmulShape => ({
  n: units,
  k: inputs,
  aRow: inputs * 4,
  aColumn: 4,
  bRow: units * 4,
  bColumn: 4,
})
