import { systemClock, TradewrightError } from '@tradewright/core'
import { Crew } from './crew.ts'
import type { FusedBackendOptions } from './fused-options.ts'
import type { ParameterPlace } from './fused-plan.ts'
import type { Kernels } from './kernels.ts'
import type { ResolvedModel } from './model-spec.ts'
import { plainKernels } from './plain-kernels.ts'
import {
  createSharedWasm,
  createWasmMemory,
  hasWasmSimd,
  outOfMemory,
  type RelaxedSimd,
  wasmKernels,
} from './wasm-kernels.ts'

/** First byte that models use: below lie what the compiler may want and the numbers of vector kernels. */
export const BASE = 65536
/** Arrays begin at cache lines. */
export const align = (bytes: number): number => Math.ceil(bytes / 64) * 64

/** Where the parameters of each layer lie, and the first byte behind them. */
export function placeParameters(
  model: ResolvedModel,
  half: boolean,
): { readonly places: ParameterPlace[][]; readonly end: number } {
  let at = BASE
  const take = (bytes: number): number => {
    const here = at
    at = align(at + bytes)
    return here
  }
  const places = model.layers.map((layer) =>
    layer.shape.parameters.map(({ shape }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return {
        size,
        value: take(size * 4),
        gradient: take(size * 4),
        half: half && shape.length > 1 ? take(size * 2) : 0,
      }
    }),
  )
  return { places, end: at }
}

/** A memory, and the kernels over it. */
export interface OpenedKernels {
  readonly buffer: ArrayBufferLike
  readonly kernels: Kernels
  /** Ends what runs beside this thread. */
  close(): void
}

/**
 * A memory of so many bytes and the kernels over it.
 *
 * @param scratchBytes what a product wants as scratch at most: each of the other threads has some behind `bytes`.
 */
export function openKernels(bytes: number, scratchBytes: number, options: FusedBackendOptions): OpenedKernels {
  const { threads = 1, relaxedSimd = true, accelerate, clock = systemClock } = options
  if (threads > 1) {
    const scratch = align(bytes)
    const each = align(scratchBytes)
    const wasm = createSharedWasm(scratch + (threads - 1) * each, relaxedSimd)
    const crew = new Crew({ wasm, exports: wasm.exports, threads, scratch, scratchBytes: each, clock })
    return { buffer: wasm.memory.buffer, kernels: crew.kernels(wasm.kernels), close: () => crew.close() }
  }
  const { buffer, kernels } = openOne(bytes, options.kernels ?? (hasWasmSimd() ? 'wasm' : 'plain'), relaxedSimd)
  return { buffer, kernels: accelerate === undefined ? kernels : accelerate(kernels, buffer), close: () => {} }
}

function openOne(bytes: number, kind: 'wasm' | 'plain', relaxed: RelaxedSimd): Omit<OpenedKernels, 'close'> {
  if (kind === 'wasm') {
    const memory = createWasmMemory(bytes)
    return { buffer: memory.buffer, kernels: wasmKernels(memory, relaxed) }
  }
  try {
    const buffer = new ArrayBuffer(bytes)
    return { buffer, kernels: plainKernels(buffer) }
  } catch (cause) {
    throw outOfMemory(bytes, cause)
  }
}

/** A column of the input that holds category numbers. */
export interface IndexColumn {
  readonly column: number
  readonly categories: number
  readonly name: string
}

/**
 * The input's columns that embeddings read. They are checked in every batch, because a number out of range would read
 * beyond the table; so an embedding must read the input, through nothing but other embeddings.
 */
export function indexColumns({ inputs, layers }: ResolvedModel): readonly IndexColumn[] {
  const found: IndexColumn[] = []
  // Which column of the input each column is at this point of the model.
  let origins: (number | undefined)[] | undefined = Array.from({ length: inputs }, (_, i) => i)
  for (const { name, spec, shape } of layers) {
    if (spec.type !== 'embedding') {
      origins = undefined
      continue
    }
    const { column = 0, categories = 0, size = 0 } = shape.extra ?? {}
    const origin = origins?.[column]
    if (origins === undefined || origin === undefined)
      throw new TradewrightError(
        'BAD_OPTION',
        `column of layer '${name}' must be one of the model's input, was ${column} of what other layers made`,
        { layer: name, column },
      )
    found.push({ column: origin, categories, name })
    origins.splice(column, 1)
    origins.push(...Array.from({ length: size }, () => undefined))
  }
  return found
}
