import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SumTree } from '../src/index.ts'
import { chiSquareLimit } from './chi-square.ts'

/** Sum of the leaves in the tree's own order, level by level: what every total must equal to the last bit. */
function totalOf(leaves: Float64Array): number {
  let level = leaves
  do {
    const parents = new Float64Array(Math.ceil(level.length / 8 / 8) * 8)
    for (let i = 0; i < Math.ceil(level.length / 8); i++) {
      const c = Array.from({ length: 8 }, (_, j) => level[i * 8 + j] ?? 0)
      parents[i] = c[0] + c[2] + (c[4] + c[6]) + (c[1] + c[3] + (c[5] + c[7]))
    }
    level = parents
  } while (level.length > 8)
  const c = level
  return leaves.length <= 8 ? c[0] : c[0] + c[2] + (c[4] + c[6]) + (c[1] + c[3] + (c[5] + c[7]))
}

const priority = fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e9, noNaN: true }))

it.each([true, false])('total, minimum and maximum are those of the leaves after any history (wasm %s)', (wasm) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 700 }),
      fc.array(
        fc.tuple(fc.nat(), fc.array(fc.tuple(fc.nat(), priority), { minLength: 1, maxLength: 30 }), fc.boolean()),
        {
          maxLength: 20,
        },
      ),
      (length, history) => {
        const tree = new SumTree(length, { min: true, max: true, wasm })
        const leaves = new Float64Array(Math.max(8, Math.ceil(length / 8) * 8))
        for (const [, writes, atOnce] of history) {
          const at = writes.map(([leaf]) => leaf % length)
          const values = writes.map(([, value]) => value)
          at.forEach((leaf, k) => {
            leaves[leaf] = values[k]
          })
          if (atOnce) tree.update(at, values, at.length)
          else {
            at.forEach((leaf, k) => {
              tree.set(leaf, values[k])
            })
            tree.flush()
          }
        }
        expect(tree.total).toBe(totalOf(leaves))
        const there = [...leaves].filter((x) => x > 0)
        expect(tree.min).toBe(there.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...there))
        expect(tree.max).toBe(Math.max(0, ...there))
      },
    ),
    { numRuns: 150 },
  )
})

it('after millions of updates the total is still that of the leaves, to the last bit', () => {
  const length = 5000
  const tree = new SumTree(length)
  const leaves = new Float64Array(length)
  let state = 1
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
  const at = new Int32Array(256)
  const values = new Float64Array(256)
  for (let round = 0; round < 12_000; round++) {
    for (let k = 0; k < 256; k++) {
      at[k] = Math.floor(next() * length)
      values[k] = 10 ** (next() * 12 - 6)
      leaves[at[k]] = values[k]
    }
    tree.update(at, values, 256)
  }
  expect(tree.total).toBe(totalOf(leaves))
})

it('both forms draw the same leaves from the same masses, and never one of 0', () => {
  fc.assert(
    fc.property(
      fc.array(priority, { minLength: 1, maxLength: 600 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (values, uniforms) => {
        fc.pre(values.some((v) => v > 0))
        const trees = [true, false].map((wasm) => {
          const tree = new SumTree(values.length, { wasm })
          values.forEach((value, leaf) => {
            tree.set(leaf, value)
          })
          tree.flush()
          return tree
        })
        const draws = [...uniforms.take(64)]
        const [a, b] = trees.map((tree) => {
          const out = new Int32Array(65)
          const drawn = new Float64Array(65)
          draws.forEach((u, k) => {
            tree.viewMasses()[k] = u * tree.total
          })
          tree.viewMasses()[64] = tree.total
          tree.draw(65, out, drawn)
          return { out, drawn }
        })
        expect(a).toEqual(b)
        for (let k = 0; k < 65; k++) {
          expect(values[a.out[k]]).toBe(a.drawn[k])
          expect(a.drawn[k]).toBeGreaterThan(0)
        }
      },
    ),
    { numRuns: 200 },
  )
})

it('draws each leaf in proportion: chi-square over two million draws', () => {
  const length = 1000
  const tree = new SumTree(length)
  for (let leaf = 0; leaf < length; leaf++) tree.set(leaf, leaf % 3 === 0 ? 0 : (leaf % 17) + 0.5)
  tree.flush()
  tree.reserve(1000)
  const counts = new Float64Array(length)
  const out = new Int32Array(1000)
  const drawn = new Float64Array(1000)
  let state = 9
  for (let round = 0; round < 2000; round++) {
    const masses = tree.viewMasses()
    for (let k = 0; k < 1000; k++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      masses[k] = (state / 4294967296) * tree.total
    }
    tree.draw(1000, out, drawn)
    for (let k = 0; k < 1000; k++) counts[out[k]]++
  }
  let chi = 0
  let freedom = -1
  for (let leaf = 0; leaf < length; leaf++) {
    const expected = (tree.viewLeaves()[leaf] / tree.total) * 2_000_000
    if (expected === 0) {
      expect(counts[leaf]).toBe(0)
      continue
    }
    chi += (counts[leaf] - expected) ** 2 / expected
    freedom++
  }
  expect(chi).toBeLessThan(chiSquareLimit(freedom))
})

it('makes room for more masses than it had, and keeps its leaves', () => {
  const tree = new SumTree(100, { min: true })
  tree.set(7, 2)
  tree.set(90, 3)
  tree.flush()
  tree.reserve(100_000)
  expect([tree.total, tree.min, tree.viewLeaves()[90]]).toEqual([5, 2, 3])
  tree.update([90], [1], 1)
  expect([tree.total, tree.min]).toEqual([3, 1])
})

it.each([0, -1, 1.5, 2 ** 30 + 1, Number.NaN])('refuses %d leaves', (length) => {
  expect(() => new SumTree(length)).toThrow(/\[BAD_OPTION\] a tree has 1 to 2\^30 leaves/)
})
