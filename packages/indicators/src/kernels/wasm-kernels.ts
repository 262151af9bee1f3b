import { kernelsWasm } from '../generated/kernels-wasm.ts'
import type { KernelSet } from './kernel-set.ts'

interface KernelExports extends Omit<KernelSet, 'form' | 'memory' | 'reserve'> {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
}

/** What we use of the runtime's WebAssembly: its types are in no library that we compile against. */
interface WasmRuntime {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

const PAGE = 65_536

/** The kernels as WebAssembly, or undefined where the runtime has no WebAssembly with SIMD, or forbids it. */
export function createWasmKernels(): KernelSet | undefined {
  const runtime = (globalThis as { readonly WebAssembly?: WasmRuntime }).WebAssembly
  if (runtime === undefined || typeof atob === 'undefined') return undefined
  try {
    const module = new runtime.Module(Uint8Array.from(atob(kernelsWasm), (char) => char.charCodeAt(0)))
    const { memory: linear, ...kernels } = new runtime.Instance(module, {}).exports as KernelExports
    let memory = new Float64Array(linear.buffer)
    return {
      ...kernels,
      form: 'wasm',
      memory: () => memory,
      reserve: (slots) => {
        const missing = slots * 8 - linear.buffer.byteLength
        if (missing <= 0) return
        linear.grow(Math.ceil(missing / PAGE))
        memory = new Float64Array(linear.buffer)
      },
    }
  } catch {
    return undefined // without SIMD the module does not validate
  }
}
