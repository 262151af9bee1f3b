import type { Clock } from '@tradewright/core'
import type { Kernels } from './kernels.ts'
import type { LayerRegistry } from './layer-registry.ts'

/** Options of `fusedBackend`. */
export interface FusedBackendOptions {
  /** Layers beside the built-in ones. */
  readonly layers?: LayerRegistry | undefined
  /**
   * 'wasm' needs WebAssembly SIMD, 'plain' is TypeScript: slow, the reference.
   * @default 'wasm' where there is SIMD, else 'plain'
   */
  readonly kernels?: 'wasm' | 'plain' | undefined
  /**
   * Use fused multiply-add: true where the runtime has relaxed SIMD by itself (Node 22 and later); 'always' also where it
   * has it behind a flag (Node 20), which is set for the process while the kernels are compiled and unset at once. A
   * quarter faster; results differ in the last bits from those without.
   * @default true
   */
  readonly relaxedSimd?: boolean | 'always' | undefined
  /**
   * Threads that share the blocks of large products, packings, activations and Adam steps over shared memory; results
   * are those of one thread to the last bit. It pays for batches of hundreds of rows. Needs WebAssembly; not with
   * `accelerate`, whose library has threads of its own.
   * @default 1
   */
  readonly threads?: number | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
  /** Replaces some of the kernels, given the ones there are and their memory: how a BLAS joins. */
  readonly accelerate?: ((kernels: Kernels, memory: ArrayBufferLike) => Kernels) | undefined
}
