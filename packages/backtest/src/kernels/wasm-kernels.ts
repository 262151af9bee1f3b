import { kernelsWasm } from '../generated/kernels-wasm.ts'
import type { Coding, Kernels } from './kernel-set.ts'

interface KernelExports extends Omit<Kernels, 'form' | 'buffer' | 'reserve' | 'coding'>, Coding {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
}

/** What we use of the runtime's WebAssembly: its types are in no library that we compile against. */
interface WasmRuntime {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

let compiled: object | undefined

/** The kernels as WebAssembly, or undefined where the runtime has no WebAssembly with SIMD. */
export function createWasmKernels(): Kernels | undefined {
  const runtime = (globalThis as { readonly WebAssembly?: WasmRuntime }).WebAssembly
  if (runtime === undefined || typeof atob === 'undefined') return undefined
  try {
    compiled ??= new runtime.Module(Uint8Array.from(atob(kernelsWasm), (char) => char.charCodeAt(0)))
    const { exports } = new runtime.Instance(compiled, { env: { abort } })
    const { memory, widenRange, scaleRange, encodeColumn, ...kernels } = exports as KernelExports
    return {
      form: 'wasm',
      get buffer() {
        return memory.buffer
      },
      reserve(bytes) {
        const missing = bytes - memory.buffer.byteLength
        if (missing > 0) memory.grow(Math.ceil(missing / 65_536))
      },
      coding: { widenRange, scaleRange, encodeColumn },
      ...kernels,
    }
  } catch {
    return undefined // without SIMD the module does not validate
  }
}

function abort(): never {
  throw new Error('a kernel aborted')
}
