import type { KernelSet } from './kernel-set.ts'
import { createPlainKernels } from './plain-kernels.ts'
import { createWasmKernels } from './wasm-kernels.ts'

let chosen: KernelSet | undefined

/**
 * The kernels of this thread: WebAssembly where it runs, else plain TypeScript. Their memory is scratch: what is in it
 * lasts until the next indicator is computed.
 */
export function currentKernels(): KernelSet {
  chosen ??= createWasmKernels() ?? createPlainKernels()
  return chosen
}

/** Takes other kernels from here on, or with undefined the usual ones: for tests and benches of both forms. */
export function useKernels(kernels: KernelSet | undefined): void {
  chosen = kernels
}
