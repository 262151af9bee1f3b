import { TradewrightError } from '@tradewright/core'
import type { TrainingBackend } from './backend.ts'
import { checkCompileOptions } from './check-batch.ts'
import { FusedModel } from './fused-model.ts'
import type { FusedBackendOptions } from './fused-options.ts'
import { hasWasmSimd } from './wasm-kernels.ts'

/**
 * The own engine: a network compiled once into a flat plan of fused WebAssembly SIMD kernels over memory that is laid
 * out in advance. A step allocates nothing. No dependencies.
 *
 * Same seed, same result on the same kernels; relaxed SIMD and a BLAS round differently.
 *
 * @example
 * ```ts
 * import { dense, fusedBackend, meanSquaredError, sequential } from '@tradewright/gpu-training'
 * const model = fusedBackend().compile(sequential(2, [dense(8, { activation: 'tanh' }), dense(1)]), {
 *   batch: 4, loss: meanSquaredError(), seed: 1,
 * })
 * console.log(model.parameters.map((parameter) => parameter.name).join(' '))
 * // dense_0/kernel dense_0/bias dense_1/kernel dense_1/bias
 * ```
 */
export function fusedBackend(options: FusedBackendOptions = {}): TrainingBackend {
  if (options.kernels === 'wasm' && !hasWasmSimd())
    throw new TradewrightError(
      'NOT_AVAILABLE',
      "kernels 'wasm' must have WebAssembly SIMD, which this runtime lacks; use 'plain'",
    )
  const { threads = 1, relaxedSimd = true } = options
  if (typeof relaxedSimd !== 'boolean' && relaxedSimd !== 'always')
    throw new TradewrightError('BAD_OPTION', `relaxedSimd must be true, false or 'always', was ${String(relaxedSimd)}`)
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= 64))
    throw new TradewrightError('BAD_OPTION', `threads must be an integer from 1 to 64, was ${threads}`, { threads })
  if (threads > 1 && (options.kernels === 'plain' || options.accelerate !== undefined || !hasWasmSimd()))
    throw new TradewrightError(
      'BAD_OPTION',
      `threads must be 1 without kernels 'wasm' or with accelerate, was ${threads}`,
    )
  return {
    name: 'fused',
    compile(model, compile) {
      checkCompileOptions(compile)
      return new FusedModel(model, compile, options)
    },
  }
}
