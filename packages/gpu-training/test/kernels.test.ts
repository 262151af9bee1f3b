import { createRng } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { wasm } from '../scripts/build-wasm.mjs'
import { activationKinds, type Kernels } from '../src/kernels.ts'
import { fromFloat16Bits, plainKernels, toFloat16Bits } from '../src/plain-kernels.ts'
import { createWasmMemory, hasWasmSimd, type RelaxedSimd, wasmKernels } from '../src/wasm-kernels.ts'

/** Drawn once: each pair of memories begins elsewhere in it. */
const pool = ((rng) => Float32Array.from({ length: 120_000 }, () => rng.normal()))(createRng(1))

/** Two memories with the same random numbers: one for WebAssembly, one for the plain form. */
function pair(seed: number, spread = 1, relaxed: RelaxedSimd = true) {
  const wasm = createWasmMemory(8 * 65536)
  const plain = new ArrayBuffer(8 * 65536)
  const f = new Float32Array(wasm.buffer, 65536)
  const from = (seed * 997) % 20_000
  for (let i = 0; i < 90_000; i++) f[i] = pool[from + i] * spread
  new Uint8Array(plain).set(new Uint8Array(wasm.buffer))
  return { wasm, plain, fast: wasmKernels(wasm, relaxed), slow: plainKernels(plain) }
}

const A = 65536
const at = (n: number): number => A + n * 40_000

/** The largest difference of `n` numbers at an offset, relative to the larger of 1 and their size. */
function difference(p: ReturnType<typeof pair>, offset: number, n: number): number {
  const x = new Float32Array(p.wasm.buffer, offset, n)
  const y = new Float32Array(p.plain, offset, n)
  let worst = 0
  for (let i = 0; i < n; i++) {
    if (Number.isNaN(x[i]) !== Number.isNaN(y[i])) return Number.POSITIVE_INFINITY
    const error = Math.abs(x[i] - y[i]) / Math.max(1, Math.abs(y[i]))
    if (error > worst) worst = error
  }
  return worst
}

const both = (p: ReturnType<typeof pair>, run: (k: Kernels) => void): void => {
  run(p.fast)
  run(p.slow)
}

it('the committed WebAssembly is what its sources compile to', async () => {
  expect(await wasm.stale()).toEqual([])
})

it('runs here', () => {
  expect(hasWasmSimd()).toBe(true)
})

it("relaxedSimd 'always' has fused multiply-add on Node 20 too, and leaves the runtime as it was", () => {
  const memory = createWasmMemory(65536)
  const byItself = wasmKernels(memory, true).name
  expect(wasmKernels(memory, 'always').name).toBe('wasm-relaxed-simd')
  expect(wasmKernels(memory, true).name).toBe(byItself)
  expect(wasmKernels(memory, false).name).toBe('wasm-simd')
  if (process.version.startsWith('v20.')) expect(byItself).toBe('wasm-simd')
})

describe('WebAssembly equals the plain form', () => {
  const shapes = [
    [1, 1, 1],
    [4, 8, 4],
    [5, 9, 7],
    [3, 3, 64],
    [33, 31, 29],
    [64, 40, 17],
    [50, 12, 9],
    [29, 3, 40],
    [46, 5, 8],
    [31, 16, 70],
  ] as const
  it.each(shapes)('matmul %i x %i x %i, both layouts, every flag', (m, n, k) => {
    for (const relaxed of [false, 'always'] as const)
      for (const aTransposed of [false, true])
        for (const bTransposed of [false, true])
          for (let flags = 0; flags < 16; flags++) {
            const p = pair(m * n + k + flags, 1, relaxed)
            const shape = {
              n,
              k,
              aRow: aTransposed ? 4 : k * 4,
              aColumn: aTransposed ? m * 4 : 4,
              bRow: bTransposed ? 4 : n * 4,
              bColumn: bTransposed ? k * 4 : 4,
            }
            const packed = A + 220_000
            both(p, (kernels) => {
              kernels.pack(shape, at(1), packed)
              kernels.matmul(m, shape, at(0), at(1), packed, at(2), flags, at(3), at(4), packed + 60_000)
            })
            expect(difference(p, at(2), m * n)).toBeLessThan(2e-5)
            // Nothing beside the product was touched.
            expect(difference(p, at(2) + m * n * 4, 64)).toBe(0)
          }
  })

  it.each([
    [1, 1],
    [5, 9],
    [7, 16],
  ])('epilogue %i x %i', (m, n) => {
    for (let flags = 0; flags < 16; flags += 2) {
      const p = pair(m + n + flags)
      both(p, (k) => k.epilogue(m, n, at(0), flags, at(1), at(2)))
      expect(difference(p, at(0), m * n + 64)).toBe(0)
    }
  })

  it.each(activationKinds.map((name, kind) => [name, kind] as const))('%s and its slope', (_, kind) => {
    for (const spread of [0.3, 3, 40]) {
      const p = pair(kind, spread)
      both(p, (k) => {
        k.activate(kind, 5000, at(0), at(1))
        k.activateGrad(kind, 5000, at(0), at(1), at(2), at(3))
      })
      expect(difference(p, at(1), 5000)).toBeLessThan(1e-6)
      expect(difference(p, at(3), 5000)).toBeLessThan(4e-6 * Math.max(1, spread))
    }
  })

  it('sums, scaling, filling', () => {
    const p = pair(3)
    expect(Math.abs(p.fast.sumSquares(1003, at(0)) / p.slow.sumSquares(1003, at(0)) - 1)).toBeLessThan(1e-12)
    both(p, (k) => {
      k.fill(1003, 2.5, at(1))
      k.axpy(1003, 0.3, at(0), at(1))
      k.scale(1003, -1.5, at(1))
      k.columnSum(37, 27, at(0), at(2), 0)
      k.columnSum(37, 27, at(0), at(2), 1)
    })
    expect(difference(p, at(1), 1003)).toBeLessThan(1e-6)
    expect(difference(p, at(2), 27)).toBeLessThan(1e-5)
  })

  it('layer norm and its gradients', () => {
    const p = pair(4)
    both(p, (k) => {
      k.layerNorm(19, 21, 1e-5, at(0), at(1), at(2), at(3), at(4))
      k.layerNormGrad(19, 21, at(0), at(1), at(4), at(5), at(6), at(7), at(8))
    })
    for (const [offset, n] of [
      [at(3), 399],
      [at(4), 38],
      [at(6), 399],
      [at(7), 21],
      [at(8), 21],
    ])
      expect(difference(p, offset, n)).toBeLessThan(1e-5)
  })

  it('embedding and its gradients', () => {
    const p = pair(5)
    for (const buffer of [p.wasm.buffer, p.plain]) {
      const x = new Float32Array(buffer, at(0), 50)
      for (let i = 0; i < 10; i++) x[i * 5 + 2] = (i * 7) % 4
    }
    both(p, (k) => {
      k.embed(10, 5, 2, 3, at(0), at(1), at(2))
      k.embedGrad(10, 5, 2, 3, at(0), at(3), at(4), at(5))
    })
    for (const [offset, n] of [
      [at(2), 70],
      [at(4), 50],
      [at(5), 12],
    ])
      expect(difference(p, offset, n)).toBe(0)
  })

  it('dropout, bit for bit, and keeps the stated share', () => {
    const p = pair(6)
    both(p, (k) => {
      k.fill(10_000, 1, at(0))
      k.dropout(9_999, at(0), at(1), Math.round(0.3 * 65536), 1 / 0.7, 123, 456, 7, 5)
    })
    expect(difference(p, at(1), 9_999)).toBe(0)
    const kept = new Float32Array(p.plain, at(1), 9_999).filter((x) => x > 0).length / 9_999
    expect(Math.abs(kept - 0.7)).toBeLessThan(0.02)
  })

  it('the update rules', () => {
    const p = pair(7)
    const numbers = at(8)
    const put = (...values: number[]): void => {
      for (const buffer of [p.wasm.buffer, p.plain]) new Float32Array(buffer, numbers, values.length).set(values)
    }
    put(0.01, 0.9, 0.1, 0.999, 0.001, 1e-2, 1.5, 2, 0.1, 0.01)
    both(p, (k) => {
      k.activate(0, 999, at(3), at(3))
      k.adam(999, at(0), at(1), at(2), at(3), numbers)
    })
    put(0.01, 0.9, 0.8, 0.1)
    both(p, (k) => {
      k.momentum(999, at(4), at(5), at(6), numbers, 1)
      k.momentum(999, at(5), at(6), at(7), numbers, 0)
      k.scaleAt(999, numbers, at(1))
    })
    for (const n of [0, 1, 2, 3, 4, 5, 6, 7]) expect(difference(p, at(n), 999)).toBeLessThan(1e-5)
  })

  it('16-bit storage, bit for bit, ties, subnormals, infinities and NaN among them', () => {
    const p = pair(8, 1000)
    const special = [
      0,
      -0,
      1,
      65504,
      65519.99,
      65520,
      1e9,
      -1e9,
      2 ** -14,
      2 ** -24,
      2 ** -25,
      1.5 * 2 ** -24,
      2.5 * 2 ** -24,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      1e-30,
      6.1e-5,
    ]
    for (const buffer of [p.wasm.buffer, p.plain]) {
      new Float32Array(buffer, at(0), special.length).set(special)
      const f = new Float32Array(buffer, at(0), 2000)
      for (let i = 1000; i < 2000; i++) f[i] *= 1e-8
    }
    for (const kind of [0, 1]) {
      both(p, (k) => {
        k.toHalf(kind, 2000, at(0), at(1))
        k.fromHalf(kind, 2000, at(1), at(2))
      })
      expect(new Uint16Array(p.wasm.buffer, at(1), 2000)).toEqual(new Uint16Array(p.plain, at(1), 2000))
      expect(difference(p, at(2), 2000)).toBe(0)
    }
  })

  it('every float16 comes back as itself', () => {
    for (let half = 0; half < 65536; half++) {
      const value = fromFloat16Bits(half)
      if (!Number.isNaN(value) && toFloat16Bits(value) !== half)
        throw new Error(`${half} became ${toFloat16Bits(value)}`)
    }
  })
})
