import { type Kernels, NUMBERS_AT } from './kernels.ts'
import { plainAdam, plainMomentum } from './plain-kernels.ts'

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

/** The operations over arrays of the host. */
function plainOps(): VectorOps {
  const numbers = new Float32Array(10)
  return {
    scale(x, a) {
      for (let i = 0; i < x.length; i++) x[i] *= a
    },
    axpy(a, x, y) {
      for (let i = 0; i < x.length; i++) y[i] += a * x[i]
    },
    sumSquares(x) {
      let sum = 0
      for (let i = 0; i < x.length; i++) sum += x[i] * x[i]
      return sum
    },
    adam(p, g, m, v, given) {
      writeAdam(numbers, given)
      plainAdam(p, g, m, v, numbers)
    },
    momentum(p, g, v, given) {
      writeMomentum(numbers, given)
      plainMomentum(p, g, v, numbers, given.nesterov)
    },
  }
}

/** In float32, as the kernels read them: a rule gives the same on every backend. */
function writeAdam(to: Float32Array, { rate, beta1, beta2, epsilon, c1, c2, l2, decay }: AdamNumbers): void {
  to[0] = rate
  to[1] = beta1
  to[2] = 1 - beta1
  to[3] = beta2
  to[4] = 1 - beta2
  to[5] = epsilon
  to[6] = c1
  to[7] = c2
  to[8] = l2
  to[9] = decay
}

function writeMomentum(to: Float32Array, { rate, momentum, damp, l2 }: MomentumNumbers): void {
  to[0] = rate
  to[1] = momentum
  to[2] = damp
  to[3] = l2
}

/**
 * The operations over arrays that may lie anywhere.
 *
 * @param kernels and `memory`: arrays that all lie in this memory go to these kernels. Their numbers go through the
 *   memory, below what models use: as arguments they would leave garbage behind in every step.
 */
export function vectorOps(kernels?: Kernels, memory?: ArrayBufferLike): VectorOps {
  const plain = plainOps()
  if (kernels === undefined || memory === undefined) return plain
  const numbers = new Float32Array(memory, NUMBERS_AT, 10)
  return {
    scale(x, a) {
      if (x.buffer !== memory) return plain.scale(x, a)
      numbers[0] = a
      kernels.scaleAt(x.length, NUMBERS_AT, x.byteOffset)
    },
    axpy(a, x, y) {
      if (x.buffer === memory && y.buffer === memory) kernels.axpy(x.length, a, x.byteOffset, y.byteOffset)
      else plain.axpy(a, x, y)
    },
    sumSquares: (x) => (x.buffer === memory ? kernels.sumSquares(x.length, x.byteOffset) : plain.sumSquares(x)),
    adam(p, g, m, v, given) {
      if (p.buffer !== memory || g.buffer !== memory || m.buffer !== memory || v.buffer !== memory)
        return plain.adam(p, g, m, v, given)
      writeAdam(numbers, given)
      kernels.adam(p.length, p.byteOffset, g.byteOffset, m.byteOffset, v.byteOffset, NUMBERS_AT)
    },
    momentum(p, g, v, given) {
      if (p.buffer !== memory || g.buffer !== memory || v.buffer !== memory) return plain.momentum(p, g, v, given)
      writeMomentum(numbers, given)
      kernels.momentum(p.length, p.byteOffset, g.byteOffset, v.byteOffset, NUMBERS_AT, given.nesterov ? 1 : 0)
    },
  }
}
