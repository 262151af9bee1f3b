import { createRng } from '@tradewright/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { wasm } from '../../scripts/build-wasm.mjs'
import { binPlainly, binRows } from '../../src/trees/bin-rows.ts'
import { exponential } from '../../src/trees/plain-tree-kernels.ts'
import { matrixColumnCuts, QuantileSketch } from '../../src/trees/quantile-sketch.ts'
import { contextWords, treeJobs } from '../../src/trees/tree-kernels.ts'
import { createTreeMemory } from '../../src/trees/tree-memory.ts'
import { gridConstant } from '../../src/trees/tree-trainer.ts'
import { treeModule } from '../../src/trees/wasm-tree-kernels.ts'

it('the committed WebAssembly is what its sources compile to', async () => {
  expect(await wasm.stale()).toEqual([])
})

it('runs here', () => {
  expect(treeModule()).toBeDefined()
})

it('exponential is within 2 units in the last place', () => {
  const rng = createRng(1)
  for (let i = 0; i < 20_000; i++) {
    const x = rng.normal() * 20
    expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(5e-16)
  }
  expect([exponential(0), exponential(-1e9) > 0, exponential(1e9) < Infinity]).toEqual([1, true, true])
})

const values = fc.array(
  fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1, Number.NaN, 1e-40, -3.4028234663852886e38),
    fc.integer({ min: -3, max: 3 }),
  ),
  { minLength: 1, maxLength: 600 },
)

it('cuts are the same from the sorting kernel, from the sketch and from a sketch of blocks', () => {
  fc.assert(
    fc.property(values, fc.constantFrom(2, 5, 64, 256), fc.nat(), (x, maxBins, at) => {
      const data = Float32Array.from(x)
      const sketch = new QuantileSketch([false], Number.POSITIVE_INFINITY)
      sketch.add(data, data.length, undefined)
      const blocks = new QuantileSketch([false], Number.POSITIVE_INFINITY)
      const cut = at % (data.length + 1)
      blocks.add(data.slice(0, cut), cut, undefined)
      blocks.add(data.slice(cut), data.length - cut, undefined)
      expect(sketch.cuts(maxBins)).toEqual(blocks.cuts(maxBins))
      expect(matrixColumnCuts(data, 1, maxBins)).toEqual(sketch.cuts(maxBins))
    }),
  )
})

it('a pruned sketch keeps its ranks', () => {
  const rng = createRng(3)
  const data = Float32Array.from({ length: 40_000 }, () => rng.normal())
  const sketch = new QuantileSketch([false], 2048)
  for (let i = 0; i < 40; i++) sketch.add(data.subarray(i * 1000, (i + 1) * 1000), 1000, undefined)
  const { values: cuts } = sketch.cuts(64)
  expect(cuts.length).toBe(63)
  const sorted = data.slice().sort()
  cuts.forEach((cut, i) => {
    const rank = sorted.findIndex((x) => x >= cut) / sorted.length
    expect(Math.abs(rank - (i + 1) / 64)).toBeLessThan(0.01)
  })
})

it('bins of the kernel are those of the plain form: the number of cuts not above a value', () => {
  fc.assert(
    fc.property(values, fc.constantFrom(2, 9, 256), (x, maxBins) => {
      const data = Float32Array.from({ length: x.length * 40 }, (_, i) => x[i % x.length])
      const sketch = new QuantileSketch([false, false], Number.POSITIVE_INFINITY)
      sketch.add(data, data.length / 2, undefined)
      const cuts = sketch.cuts(maxBins)
      const [a, b] = [new Uint8Array(data.length * 4), new Uint8Array(data.length * 4)]
      binRows(cuts, data, data.length / 2, { out: a, rowBytes: 8, firstRow: 0 })
      binPlainly(cuts, data, data.length / 2, { out: b, rowBytes: 8, firstRow: 0 })
      expect(a).toEqual(b)
      for (let i = 0; i < x.length; i++) {
        const [f, r] = [i % 2, i >> 1]
        const own = cuts.values.subarray(cuts.offsets[f], cuts.offsets[f + 1])
        const expected = Number.isNaN(data[i]) ? 255 : own.filter((c) => c <= data[i]).length
        expect(b[r * 8 + f]).toBe(expected)
      }
    }),
    { numRuns: 60 },
  )
})

it('sums on the grid are exact: a histogram by subtraction is the one made directly, bit for bit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.nat(),
      fc.constantFrom('wasm' as const, 'plain' as const),
      (rows, seed, engine) => {
        const rng = createRng(seed)
        const memory = createTreeMemory({
          rows,
          extraRows: 0,
          features: 3,
          groups: 1,
          maxDepth: 3,
          weighted: false,
          engine,
          threads: 1,
        })
        const { at, i32, u32, u8, f64, context, kernels, slotBytes } = memory
        i32[(context + contextWords.bins) >>> 2] = at.bins
        i32[(context + contextWords.rowBytes) >>> 2] = 8
        i32[(context + contextWords.features) >>> 2] = 3
        let total = 0
        for (let r = 0; r < rows; r++) {
          for (let f = 0; f < 3; f++) u8[at.bins + r * 8 + f] = rng.below(256)
          // Sizes over twelve orders of magnitude.
          f64[(at.gradients >>> 3) + 2 * r] = rng.normal() * 10 ** (rng.uniform() * 12 - 6)
          total += Math.abs(f64[(at.gradients >>> 3) + 2 * r])
        }
        const grid = gridConstant(total)
        for (let r = 0; r < rows; r++) {
          const i = (at.gradients >>> 3) + 2 * r
          f64[i] = f64[i] + grid - grid
          f64[i + 1] = 1
        }
        const [left, right]: number[][] = [[], []]
        for (let r = 0; r < rows; r++) (rng.uniform() < 0.3 ? left : right).push(r)
        const build = (list: number[], slot: number, parent: number): void => {
          u32.set(list, at.rows >>> 2)
          u32.fill(0, at.items >>> 2, (at.items >>> 2) + 16)
          u32.set([at.rows, list.length, at.gradients, at.slots + slot * slotBytes, parent, 0, 1], at.items >>> 2)
          kernels.run(treeJobs.histogram, at.items, 1, false)
        }
        const slotOf = (slot: number): Float64Array =>
          f64.slice((at.slots + slot * slotBytes) >>> 3, (at.slots + (slot + 1) * slotBytes) >>> 3)
        build(right.toReversed(), 0, 0)
        const direct = slotOf(0)
        build(
          [...left, ...right].sort((a, b) => ((a * 7919) % 1000) - ((b * 7919) % 1000)),
          1,
          0,
        )
        build(left, 0, at.slots + slotBytes)
        expect(slotOf(1)).toEqual(direct)
      },
    ),
    { numRuns: 30 },
  )
})
