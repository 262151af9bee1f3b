import type { Kernels } from './kernels.ts'
import { plainKernels } from './plain-kernels.ts'

/** Numbers of an Adam step: see `adam`. */
export interface AdamNumbers {
  readonly rate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Corrections 1 / (1 - beta1^t) and 1 / (1 - beta2^t). */
  readonly c1: number
  readonly c2: number
  readonly l2: number
  readonly decay: number
}

/** Numbers of a momentum step: see `momentum`. */
export interface MomentumNumbers {
  readonly rate: number
  readonly momentum: number
  readonly damp: number
  readonly l2: number
  readonly nesterov: boolean
}

/** Work on whole arrays, in the backend's own memory as kernels, elsewhere in plain TypeScript. */
export interface VectorOps {
  /** x *= a. */
  scale(x: Float32Array, a: number): void
  /** y += a * x. */
  axpy(a: number, x: Float32Array, y: Float32Array): void
  /** Sum of x^2; NaN or Infinity where x holds one. */
  sumSquares(x: Float32Array): number
  adam(p: Float32Array, g: Float32Array, m: Float32Array, v: Float32Array, numbers: AdamNumbers): void
  momentum(p: Float32Array, g: Float32Array, v: Float32Array, numbers: MomentumNumbers): void
}

/**
 * The operations over arrays that may lie anywhere.
 *
 * @param kernels and `memory`: arrays that all lie in this memory go to these kernels.
 */
export function vectorOps(kernels?: Kernels, memory?: ArrayBufferLike): VectorOps {
  const here = (x: Float32Array): boolean => kernels !== undefined && x.buffer === memory
  return {
    scale(x, a) {
      if (kernels !== undefined && here(x)) kernels.scale(x.length, a, x.byteOffset)
      else for (let i = 0; i < x.length; i++) x[i] *= a
    },
    axpy(a, x, y) {
      if (kernels !== undefined && here(x) && here(y)) kernels.axpy(x.length, a, x.byteOffset, y.byteOffset)
      else for (let i = 0; i < x.length; i++) y[i] += a * x[i]
    },
    sumSquares(x) {
      if (kernels !== undefined && here(x)) return kernels.sumSquares(x.length, x.byteOffset)
      let sum = 0
      for (let i = 0; i < x.length; i++) sum += x[i] * x[i]
      return sum
    },
    adam(p, g, m, v, { rate, beta1, beta2, epsilon, c1, c2, l2, decay }) {
      const n = p.length
      const apply = (k: Kernels, at: readonly number[]): void =>
        k.adam(n, at[0], at[1], at[2], at[3], rate, beta1, beta2, epsilon, c1, c2, l2, decay)
      if (kernels !== undefined && here(p) && here(g) && here(m) && here(v))
        kernels.adam(
          n,
          p.byteOffset,
          g.byteOffset,
          m.byteOffset,
          v.byteOffset,
          rate,
          beta1,
          beta2,
          epsilon,
          c1,
          c2,
          l2,
          decay,
        )
      else elsewhere([p, g, m, v], apply)
    },
    momentum(p, g, v, { rate, momentum, damp, l2, nesterov }) {
      const n = p.length
      const flag = nesterov ? 1 : 0
      if (kernels !== undefined && here(p) && here(g) && here(v))
        kernels.momentum(n, p.byteOffset, g.byteOffset, v.byteOffset, rate, momentum, damp, l2, flag)
      else elsewhere([p, g, v], (k, at) => k.momentum(n, at[0], at[1], at[2], rate, momentum, damp, l2, flag))
    },
  }
}

/** Runs a plain kernel over arrays of one length that lie in different places, through a copy. */
function elsewhere(arrays: readonly Float32Array[], run: (kernels: Kernels, at: readonly number[]) => void): void {
  const n = arrays[0].length
  const joined = new Float32Array(n * arrays.length)
  arrays.forEach((array, i) => {
    joined.set(array, i * n)
  })
  run(
    plainKernels(joined.buffer),
    arrays.map((_, i) => i * n * 4),
  )
  arrays.forEach((array, i) => {
    array.set(joined.subarray(i * n, (i + 1) * n))
  })
}
