import { TradewrightError } from '@tradewright/core'
import type { TrainingBackend } from './backend.ts'
import { checkCompileOptions } from './check-batch.ts'
import type { TfOps } from './layer.ts'
import { type TfjsOptions, type TfLike, TfModel } from './tfjs-model.ts'

/**
 * TensorFlow.js as a backend: takes its namespace (`@tensorflow/tfjs`, `tfjs-core` with a backend, `tfjs-node`,
 * `tfjs-node-gpu`), so it runs on whatever device that has chosen.
 *
 * Losses, update rules and tricks are the same code as with the fused engine: predictions and gradients come to the
 * host at every step. Precision policies are refused: TensorFlow.js has no 16-bit dtype.
 *
 * @throws TradewrightError `BAD_OPTION` where `tf` is no TensorFlow.js, `NOT_AVAILABLE` on WebGPU outside of a browser. `compile` throws `NOT_AVAILABLE` (precision).
 */
export function tfjs(tf: TfLike, options: TfjsOptions = {}): TrainingBackend {
  if (typeof tf?.variableGrads !== 'function')
    throw new TradewrightError(
      'BAD_OPTION',
      `tf must be the namespace of TensorFlow.js, was ${typeof tf} without variableGrads`,
    )
  if (tf.getBackend() === 'webgpu' && !('OffscreenCanvas' in globalThis))
    throw new TradewrightError(
      'NOT_AVAILABLE',
      'TensorFlow.js on WebGPU must read results at once, for which it needs an OffscreenCanvas, which this runtime lacks (Node does); use a browser, or the wasm backend',
    )
  return {
    name: 'tfjs',
    compile(model, compile) {
      checkCompileOptions(compile)
      const { precision = {} } = compile
      for (const [name, type] of Object.entries(precision))
        if (type !== undefined && type !== 'float32')
          throw new TradewrightError(
            'NOT_AVAILABLE',
            `precision.${name} must be 'float32' on TensorFlow.js, which has no 16-bit dtype, was '${type}'; use the fused engine`,
          )
      return new TfModel(tf as TfLike & TfOps, model, compile, options)
    },
  }
}
