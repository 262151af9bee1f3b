import type { Kernels } from './kernels.ts'

/** Exports of the WebAssembly module by the number that a recording knows them by. */
export const recordedNames: readonly string[] = Object.freeze([
  'packB',
  'gemm',
  'activate',
  'activateGrad',
  'fill',
  'axpy',
  'scale',
  'columnSum',
  'layerNorm',
  'layerNormGrad',
  'embed',
  'embedGrad',
  'dropout',
  'toHalf',
  'fromHalf',
  'epilogue',
])

/** Numbers written one after another: for each call its name's number, how many arguments, and those. */
export interface Recording {
  readonly numbers: Float64Array
  /** How many are written. */
  length: number
  /** Whether there was room for all. */
  whole: boolean
}

/**
 * Kernels that do nothing but write down what they are called with, for another thread to do: a plan that is bound to
 * them is a program. `base` says what products want packed.
 */
export function recordingKernels(base: Kernels, recording: Recording): Kernels {
  const note =
    (name: string) =>
    (...args: readonly number[]): void => {
      const at = recording.length
      if (at + 2 + args.length > recording.numbers.length) {
        recording.whole = false
        return
      }
      recording.numbers[at] = recordedNames.indexOf(name)
      recording.numbers[at + 1] = args.length
      recording.numbers.set(args, at + 2)
      recording.length = at + 2 + args.length
    }
  const calls = Object.fromEntries(recordedNames.map((name) => [name, note(name)]))
  const { packB, gemm } = calls
  return {
    ...base,
    ...calls,
    name: 'recording',
    pack({ n, k, bRow, bColumn }, b, packed) {
      packB(b, k, n, bRow, bColumn, packed)
    },
    matmul(m, { n, k, aRow, aColumn }, a, _b, packed, c, flags, bias, mask, scratch) {
      gemm(m, n, k, a, aRow, aColumn, packed, c, flags, bias, mask, scratch)
    },
  }
}
