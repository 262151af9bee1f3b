import type { GpKernels } from './gp-kernels.ts'
import { plainGpKernels } from './plain-gp-kernels.ts'
import { wasmGpKernels } from './wasm-gp-kernels.ts'

let chosen: GpKernels | undefined

/** The fastest form of the kernels that runs here. */
export function fastestGpKernels(): GpKernels {
  chosen ??= wasmGpKernels() ?? plainGpKernels
  return chosen
}
