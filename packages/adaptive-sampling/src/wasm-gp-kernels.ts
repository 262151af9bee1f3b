import { GP_WASM } from './generated/gp-wasm.ts'
import { BLOCK, type BlockWork, type FitWork, type GpKernels, type LineWork } from './gp-kernels.ts'
import { RATIONAL, SQRT5 } from './gp-parameters.ts'

/** The part of the platform's WebAssembly that is used; the compiler's own types come with the browser's only. */
interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

declare const WebAssembly: {
  readonly Memory: new (options: { initial: number }) => Memory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** The compiled kernels of `assembly/gp.ts`. Addresses are bytes. */
interface Exports {
  choleskyRows(a: number, stride: number, from: number, n: number): number
  solveLowerRows(l: number, stride: number, n: number, b: number, width: number, count: number, from: number): void
  inverseFromCholesky(l: number, n: number, out: number, work: number): void
  distances(
    points: number,
    count: number,
    d: number,
    columns: number,
    stride: number,
    from: number,
    n: number,
    weights: number,
    sumsToo: number,
    factor: number,
    roots: number,
    sums: number,
  ): void
  pairDistances(
    squares: number,
    pairs: number,
    d: number,
    width: number,
    weights: number,
    sumsToo: number,
    factor: number,
    roots: number,
    sums: number,
  ): void
  pairGradients(
    squares: number,
    pairs: number,
    width: number,
    weights: number,
    sumsToo: number,
    joint: number,
    share: number,
    slope: number,
    gradient: number,
  ): void
  distancesAlong(
    values: number,
    count: number,
    column: number,
    rest: number,
    sums: number,
    stride: number,
    n: number,
    weight: number,
    sumWeight: number,
    factor: number,
    roots: number,
    totals: number,
  ): void
}

const PAGE = 65_536

/** Arrays in the module's memory, one after the other from its beginning: what was there before is gone. */
function arrays(memory: Memory, lengths: readonly number[]): readonly Float64Array[] {
  const even = lengths.map((length) => length + (length & 1))
  const bytes = 8 * even.reduce((a, b) => a + b, 0)
  if (bytes > memory.buffer.byteLength) memory.grow(Math.ceil((bytes - memory.buffer.byteLength) / PAGE))
  let at = 0
  return lengths.map((length, i) => {
    const array = new Float64Array(memory.buffer, at, length)
    at += 8 * even[i]
    return array
  })
}

function kernelsOf(memory: Memory, kernels: Exports): GpKernels {
  return {
    form: 'wasm',
    fitWork(n, d): FitWork {
      const pairs = (n * (n - 1)) / 2
      const room = pairs + (pairs & 1)
      const width = d + (d & 1)
      const [squares, l, inverse, scratch, roots, sums, joint, share, own, slopes] = arrays(memory, [
        room * width,
        n * n,
        n * n,
        n * n,
        room,
        room,
        pairs,
        pairs,
        3 * width,
        2 * width,
      ])
      squares.fill(0)
      return {
        squares,
        width,
        l,
        inverse,
        roots,
        sums,
        joint,
        share,
        distances(weights, sumsToo) {
          own.set(weights)
          kernels.pairDistances(
            squares.byteOffset,
            room,
            d,
            width,
            own.byteOffset,
            Number(sumsToo),
            SQRT5,
            roots.byteOffset,
            sums.byteOffset,
          )
        },
        factor: () => kernels.choleskyRows(l.byteOffset, n, 0, n) === 1,
        invert() {
          kernels.inverseFromCholesky(l.byteOffset, n, inverse.byteOffset, scratch.byteOffset)
        },
        gradients(weights, sumsToo, gradient) {
          own.set(weights)
          slopes.set(gradient)
          kernels.pairGradients(
            squares.byteOffset,
            pairs,
            width,
            own.byteOffset,
            Number(sumsToo),
            joint.byteOffset,
            share.byteOffset,
            -2 * RATIONAL,
            slopes.byteOffset,
          )
          gradient.set(slopes)
        },
      }
    },
    blockWork({ n, d, stride, columns, l, weights }): BlockWork {
      const [factor, observations, own, points, roots, sums] = arrays(memory, [
        n * stride,
        d * stride,
        2 * d,
        BLOCK * d,
        BLOCK * stride,
        BLOCK * stride,
      ])
      factor.set(l.subarray(0, n * stride))
      observations.set(columns)
      own.set(weights)
      return {
        points,
        roots,
        sums,
        distances(count, sumsToo) {
          kernels.distances(
            points.byteOffset,
            count,
            d,
            observations.byteOffset,
            stride,
            0,
            n,
            own.byteOffset,
            Number(sumsToo),
            SQRT5,
            roots.byteOffset,
            sums.byteOffset,
          )
        },
        solve(count) {
          kernels.solveLowerRows(factor.byteOffset, stride, n, roots.byteOffset, stride, count, 0)
        },
      }
    },
    lineWork(n, count): LineWork {
      const stride = n + (n & 1)
      const [values, column, rest, restSums, roots, sums] = arrays(memory, [
        count,
        n,
        n,
        n,
        count * stride,
        count * stride,
      ])
      return {
        values,
        column,
        rest,
        restSums,
        roots,
        sums,
        stride,
        distances(weight, sumWeight) {
          kernels.distancesAlong(
            values.byteOffset,
            count,
            column.byteOffset,
            rest.byteOffset,
            restSums.byteOffset,
            stride,
            n,
            weight,
            sumWeight,
            SQRT5,
            roots.byteOffset,
            sums.byteOffset,
          )
        },
      }
    },
  }
}

/** The kernels as WebAssembly; undefined where it, or its SIMD, is missing or forbidden. */
export function wasmGpKernels(): GpKernels | undefined {
  if (typeof WebAssembly !== 'object' || typeof atob !== 'function') return undefined
  try {
    const module = new WebAssembly.Module(Uint8Array.from(atob(GP_WASM), (c) => c.charCodeAt(0)))
    const memory = new WebAssembly.Memory({ initial: 1 })
    const { exports } = new WebAssembly.Instance(module, { env: { memory } })
    return kernelsOf(memory, exports as Exports)
  } catch {
    // No SIMD, or a content-security policy: the plain forms do the same work.
    return undefined
  }
}
