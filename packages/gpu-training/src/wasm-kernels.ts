import { setFlagsFromString } from 'node:v8'
import { TradewrightError } from '@tradewright/core'
import { TRAINING_RELAXED_WASM } from './generated/training-relaxed-wasm.ts'
import { TRAINING_SHARED_RELAXED_WASM } from './generated/training-shared-relaxed-wasm.ts'
import { TRAINING_SHARED_WASM } from './generated/training-shared-wasm.ts'
import { TRAINING_WASM } from './generated/training-wasm.ts'
import type { Kernels, MatmulShape } from './kernels.ts'

/** The part of the platform's WebAssembly that is used; the compiler's own types come with the browser's only. */
interface WasmModule {
  readonly __wasm: 'module'
}
/** A linear memory. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike
}
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean
  Module: new (bytes: Uint8Array) => WasmModule
  Instance: new (
    module: WasmModule,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  Memory: new (size: { readonly initial: number; readonly maximum?: number; readonly shared?: boolean }) => WasmMemory
}

type Exported = (...args: readonly number[]) => number

const decode = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))

/** Whether to use fused multiply-add; see `FusedBackendOptions`. */
export type RelaxedSimd = boolean | 'always'

/** The module with fused multiply-add, where the runtime has relaxed SIMD or has a flag for it that may be set. */
function compileRelaxed(text: string, relaxed: RelaxedSimd): WasmModule | undefined {
  const bytes = decode(text)
  if (relaxed === false) return undefined
  if (WebAssembly.validate(bytes)) return new WebAssembly.Module(bytes)
  if (relaxed !== 'always') return undefined
  // Node 20: V8 reads the flag while it compiles, and keeps what it read with the module.
  setFlagsFromString('--experimental-wasm-relaxed-simd')
  try {
    return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined
  } finally {
    setFlagsFromString('--no-experimental-wasm-relaxed-simd')
  }
}

interface Compiled {
  readonly name: string
  readonly module: WasmModule
}

/** Compiled once a process. */
const compiled = new Map<RelaxedSimd, Compiled>()

function compile(relaxed: RelaxedSimd): Compiled {
  const found = compiled.get(relaxed)
  if (found !== undefined) return found
  const fused = compileRelaxed(TRAINING_RELAXED_WASM, relaxed)
  const made =
    fused === undefined
      ? { name: 'wasm-simd', module: new WebAssembly.Module(decode(TRAINING_WASM)) }
      : { name: 'wasm-relaxed-simd', module: fused }
  compiled.set(relaxed, made)
  return made
}

/** Whether this runtime has WebAssembly with 128-bit SIMD. */
export function hasWasmSimd(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(decode(TRAINING_WASM))
}

/** A memory of at least `bytes`. @throws TradewrightError `OUT_OF_MEMORY`. */
export function createWasmMemory(bytes: number): WasmMemory {
  try {
    return new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) })
  } catch (cause) {
    throw outOfMemory(bytes, cause)
  }
}

/** A memory that several threads see, the module that runs over it, and this thread's instance of it. */
export interface SharedWasm {
  readonly memory: WasmMemory
  readonly module: WasmModule
  readonly exports: Readonly<Record<string, Exported>>
  readonly kernels: Kernels
}

/** Pages that a shared memory may have at most: the module must say so in advance. */
const SHARED_PAGES = 32_768

/** A shared memory of at least `bytes`, its module and kernels. @throws TradewrightError `OUT_OF_MEMORY`. */
export function createSharedWasm(bytes: number, relaxed: RelaxedSimd): SharedWasm {
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536), maximum: SHARED_PAGES, shared: true })
    const fused = compileRelaxed(TRAINING_SHARED_RELAXED_WASM, relaxed)
    const module = fused ?? new WebAssembly.Module(decode(TRAINING_SHARED_WASM))
    const name = fused === undefined ? 'wasm-simd' : 'wasm-relaxed-simd'
    const exports = exportsOf(module, memory)
    return { memory, module, exports, kernels: kernelsOf(name, exports) }
  } catch (cause) {
    throw outOfMemory(bytes, cause)
  }
}

/** The error for memory that cannot be had: says what to lower. */
export function outOfMemory(bytes: number, cause: unknown): TradewrightError {
  return new TradewrightError(
    'OUT_OF_MEMORY',
    `a model must fit in the memory there is (4 GiB at most), was ${bytes} bytes; lower the batch, checkpoint activations or store them in 16 bits`,
    { bytes },
    { cause },
  )
}

/**
 * The kernels as WebAssembly SIMD over `memory`.
 *
 * @param relaxed use fused multiply-add where the runtime has relaxed SIMD: faster, and rounded once less, so results
 *   differ in the last bits from runtimes without.
 */
export function wasmKernels(memory: WasmMemory, relaxed: RelaxedSimd): Kernels {
  const { name, module } = compile(relaxed)
  return kernelsOf(name, exportsOf(module, memory))
}

const exportsOf = (module: WasmModule, memory: WasmMemory): Record<string, Exported> =>
  new WebAssembly.Instance(module, { env: { memory } }).exports as Record<string, Exported>

function kernelsOf(name: string, e: Readonly<Record<string, Exported>>): Kernels {
  const { packB, gemm } = e
  const made: Pick<Kernels, 'name' | 'packedBytes' | 'pack' | 'matmul'> = {
    name,
    packedBytes: (k, n) => k * Math.ceil(n / 8) * 32,
    pack({ n, k, bRow, bColumn }: MatmulShape, b, packed) {
      packB(b, k, n, bRow, bColumn, packed)
    },
    matmul(m, { n, k, aRow, aColumn }: MatmulShape, a, _b, packed, c, flags, bias, mask, scratch) {
      gemm(m, n, k, a, aRow, aColumn, packed, c, flags, bias, mask, scratch)
    },
  }
  // Calls of exports directly, without a function of ours in between.
  return {
    ...made,
    epilogue: e.epilogue,
    activate: e.activate,
    activateGrad: e.activateGrad,
    fill: e.fill,
    axpy: e.axpy,
    scale: e.scale,
    scaleAt: e.scaleAt,
    sumSquares: e.sumSquares,
    columnSum: e.columnSum,
    layerNorm: e.layerNorm,
    layerNormGrad: e.layerNormGrad,
    embed: e.embed,
    embedGrad: e.embedGrad,
    dropout: e.dropout,
    toHalf: e.toHalf,
    fromHalf: e.fromHalf,
    adam: e.adam,
    momentum: e.momentum,
  } as unknown as Kernels
}
