import { createRng } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  annealedBeta,
  createReplayBuffer,
  emphasizeRecent,
  episodeBalanced,
  nStep,
  prioritized,
  type ReplaySampler,
  rankBased,
  recency,
  sequences,
  stratified,
  uniform,
} from '../src/index.ts'
import { RankList } from '../src/rank-list.ts'
import { chiSquareLimit } from './chi-square.ts'
import { golden } from './golden.ts'

const columns = { obs: { dtype: 'float32', shape: [1] }, action: { dtype: 'int32' } } as const

function filled(
  sampler: ReplaySampler,
  rows: number,
  options: { capacity?: number; streams?: number; end?: (i: number) => boolean } = {},
) {
  const { capacity = 400, streams = 1, end = (i) => i % 13 === 12 } = options
  const buffer = createReplayBuffer({ capacity, columns, sampler, seed: 11, streams })
  for (let i = 0; i < rows; i++)
    buffer.add(
      { obs: [i], action: i, reward: (i % 10) - 5, terminated: end(Math.floor(i / streams)), truncated: false },
      i % streams,
    )
  return buffer
}

/** Chi-square of `draws` draws against `probability`, and the degrees of freedom. */
function chiSquare(
  buffer: ReturnType<typeof filled>,
  draws: number,
  options: Parameters<typeof buffer.sample>[1] = {},
) {
  const counts = new Float64Array(buffer.capacity)
  const out = buffer.createBatch(1000)
  for (let r = 0; r < draws / 1000; r++) for (const i of buffer.sample(1000, { ...options, out }).indices) counts[i]++
  let chi = 0
  let kinds = -1
  let total = 0
  for (let i = 0; i < buffer.capacity; i++) {
    const p = buffer.probability(i)
    total += p
    if (p === 0) {
      expect(counts[i]).toBe(0)
      continue
    }
    chi += (counts[i] - p * draws) ** 2 / (p * draws)
    kinds++
  }
  expect(total).toBeCloseTo(1, 9)
  return { chi, kinds, counts }
}

describe('distributions: chi-square over two million draws each', () => {
  it.each([
    ['rank-based', rankBased({ alpha: 0.9 }), 1],
    ['stratified', stratified({ edges: [-4, 0, 3], shares: [1, 2, 0, 5] }), 1],
    ['episode-balanced', episodeBalanced(), 1],
    ['recency', recency({ halfLife: 60 }), 1],
    ['emphasize-recent over all', emphasizeRecent(), 1],
    ['episode-balanced, two streams', episodeBalanced(), 2],
    ['recency, two streams', recency({ halfLife: 60 }), 2],
  ] as const)('%s', (_name, sampler, streams) => {
    const buffer = filled(sampler, 900, { streams })
    const rng = createRng(3)
    const slots = Int32Array.from({ length: 400 }, (_, i) => i)
    buffer.updatePriorities(
      slots,
      Float64Array.from(slots, () => rng.normal()),
    )
    const { chi, kinds } = chiSquare(buffer, 2_000_000)
    expect(chi).toBeLessThan(chiSquareLimit(kinds))
  })
})

it.each(golden.prioritized)('rank-based has the golden probabilities and weights (alpha $alpha)', (c) => {
  const n = c.errors.length
  for (const normalizeBy of ['batch', 'buffer'] as const) {
    const buffer = createReplayBuffer({ capacity: n + 1, columns, sampler: rankBased({ alpha: c.alpha, normalizeBy }) })
    for (let i = 0; i <= n; i++) buffer.add({ obs: [i], action: i, reward: 0, terminated: false, truncated: false })
    buffer.updatePriorities(
      Int32Array.from({ length: n }, (_, i) => i),
      c.errors,
    )
    for (let i = 0; i < n; i++) expect(buffer.probability(i) / c.rankProbabilities[i]).toBeCloseTo(1, 12)
    const { indices, weights } = buffer.sample(300, { beta: c.beta })
    const largest = normalizeBy === 'buffer' ? 1 : Math.max(...Array.from(indices, (i) => c.rankWeights[i]))
    indices.forEach((i, k) => {
      expect(weights[k] / (c.rankWeights[i] / largest)).toBeCloseTo(1, 6)
    })
  }
})

it('the rank list is a sorted array after any history', () => {
  const rng = createRng(5)
  const list = new RankList(3000)
  const keys = new Map<number, number>()
  for (let round = 0; round < 60_000; round++) {
    const slot = rng.below(3000)
    if (rng.below(3) === 0) {
      list.delete(slot)
      keys.delete(slot)
    } else {
      const key = rng.below(50) / 7
      list.set(slot, key)
      keys.set(slot, key)
    }
    if (round % 6000 !== 5999) continue
    const sorted = [...keys].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([s]) => s)
    expect(list.size).toBe(sorted.length)
    expect(sorted.map((_, rank) => list.at(rank))).toEqual(sorted)
    expect(sorted.map((s) => list.rank(s))).toEqual(sorted.map((_, rank) => rank))
    const copy = new RankList(3000)
    copy.restore(list.save())
    expect(sorted.map((_, rank) => copy.at(rank))).toEqual(sorted)
  }
})

it('stratified: every batch has each share, rounded up or down', () => {
  const buffer = filled(stratified({ edges: [-4, 0], shares: [1, 1, 2] }), 900)
  for (let r = 0; r < 50; r++) {
    const { columns: c } = buffer.sample(50)
    const counts = [0, 0, 0]
    for (const reward of c.reward) counts[reward < -4 ? 0 : reward < 0 ? 1 : 2]++
    for (const [group, share] of [12.5, 12.5, 25].entries())
      expect(Math.abs(counts[group] - share)).toBeLessThanOrEqual(1)
  }
})

it('episode-balanced: a short episode is drawn as often as a long one', () => {
  const buffer = createReplayBuffer({ capacity: 1000, columns, sampler: episodeBalanced(), seed: 2 })
  const lengths = [3, 300, 50]
  lengths.forEach((length, e) => {
    for (let i = 0; i < length; i++)
      buffer.add({ obs: [0], action: e, reward: 0, terminated: i === length - 1, truncated: false })
  })
  const counts = [0, 0, 0]
  for (const e of buffer.sample(90_000).columns.action) counts[e]++
  for (const count of counts) expect(Math.abs(count - 30_000)).toBeLessThan(5 * Math.sqrt(90_000 * (1 / 3) * (2 / 3)))
})

it('emphasize-recent: update k of K draws evenly from the newest rows of the formula', () => {
  const buffer = filled(emphasizeRecent({ eta: 0.996, minRows: 20 }), 1000, { end: () => false })
  for (const index of [0, 250, 500, 1000]) {
    const range = Math.ceil(Math.max(400 * 0.996 ** index, 20))
    const seen = buffer.sample(50_000, { update: { index, of: 1000 } }).columns.action
    // The newest row itself waits for its successor.
    expect([Math.min(...seen), Math.max(...seen)]).toEqual([1000 - range, 998])
    const expected = 50_000 / (range - 1)
    const counts = new Map<number, number>()
    for (const a of seen) counts.set(a, (counts.get(a) ?? 0) + 1)
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
    expect(chi).toBeLessThan(chiSquareLimit(range - 2))
  }
})

it('emphasize-recent looks further back where the newest rows cannot be drawn', () => {
  const buffer = createReplayBuffer({
    capacity: 100,
    columns,
    sampler: emphasizeRecent({ minRows: 2 }),
    accumulator: nStep({ n: 10 }),
  })
  for (let i = 0; i < 30; i++) buffer.add({ obs: [i], action: i, reward: 0, terminated: false, truncated: false })
  const { columns: c } = buffer.sample(20, { update: { index: 1000, of: 1000 } })
  expect(Math.max(...c.action)).toBeLessThanOrEqual(19)
})

it('weights correct a skewed distribution: the weighted mean of a column is its mean', () => {
  for (const sampler of [
    prioritized({ alpha: 0.8 }),
    rankBased({ alpha: 0.6 }),
    episodeBalanced(),
    recency({ halfLife: 300 }),
    stratified({ edges: [0] }),
  ]) {
    const buffer = filled(sampler, 900)
    const slots = Int32Array.from({ length: 400 }, (_, i) => i)
    buffer.updatePriorities(
      slots,
      Float64Array.from(slots, (i) => 0.2 + Math.abs(Math.sin(i))),
    )
    const all = createReplayBuffer({ capacity: 400, columns, sampler: uniform({ replacement: false }) })
    for (let i = 0; i < 900; i++)
      all.add({ obs: [i], action: i, reward: (i % 10) - 5, terminated: i % 13 === 12, truncated: false })
    const every = all.sample(all.stats().drawable).columns.action
    const mean = every.reduce((sum, x) => sum + x, 0) / every.length
    const { weights, columns: c } = buffer.sample(400_000, { beta: 1 })
    let sum = 0
    let total = 0
    for (let k = 0; k < weights.length; k++) {
      sum += weights[k] * c.action[k]
      total += weights[k]
    }
    // The standard deviation of the ids is 115; 400,000 draws leave about 0.3 of it.
    expect(Math.abs(sum / total - mean)).toBeLessThan(2)
  }
})

it('beta anneals over the samples drawn, and sample overrides it', () => {
  const make = (beta: number | ReturnType<typeof annealedBeta>) => filled(prioritized({ beta, alpha: 1 }), 300)
  const annealed = make(annealedBeta({ from: 0, to: 1, samples: 4 }))
  const slots = Int32Array.from({ length: 299 }, (_, i) => i)
  annealed.updatePriorities(
    slots,
    Float64Array.from(slots, (i) => 1 + (i % 7)),
  )
  for (const expected of [0, 0.25, 0.5, 0.75, 1, 1]) {
    const { indices, weights } = annealed.sample(64)
    const p = Array.from(indices, (i) => annealed.probability(i))
    const smallest = Math.min(...p)
    weights.forEach((w, k) => {
      expect(w).toBeCloseTo((smallest / p[k]) ** expected, 6)
    })
  }
  expect([...annealed.sample(8, { beta: 0 }).weights]).toEqual(new Array(8).fill(1))
})

it.each([
  ['rank-based', () => rankBased()],
  ['stratified', () => stratified({ edges: [0] })],
  ['episode-balanced', () => episodeBalanced()],
  ['recency', () => recency({ halfLife: 50 })],
  ['uniform over sequences', () => uniform()],
] as const)('%s: restored equals original', (name, sampler) => {
  const accumulator = name.endsWith('sequences') ? sequences({ length: 6, burnIn: 2, stride: 3 }) : nStep({ n: 2 })
  const make = () => createReplayBuffer({ capacity: 200, columns, sampler: sampler(), seed: 1, accumulator })
  const add = (buffer: ReturnType<typeof make>, i: number) =>
    buffer.add({ obs: [i], action: i, reward: (i % 9) - 4, terminated: i % 17 === 16, truncated: false })
  const original = make()
  for (let i = 0; i < 333; i++) add(original, i)
  const restored = make()
  restored.restore(structuredClone(original.save()))
  for (let i = 0; i < 600; i++) {
    for (const buffer of [original, restored]) {
      add(buffer, 333 + i)
      const { indices } = buffer.sample(5)
      buffer.updatePriorities(
        indices,
        Float64Array.from(indices, (s) => Math.sin(s + i)),
      )
    }
    expect(restored.sample(20)).toEqual(original.sample(20))
  }
})

it.each([
  () => rankBased({ alpha: Number.NaN }),
  () => stratified({ edges: [] }),
  () => stratified({ edges: [1, 1] }),
  () => stratified({ edges: [0], shares: [0, 0] }),
  () => recency({ halfLife: 0 }),
  () => emphasizeRecent({ eta: 1.5 }),
  () => annealedBeta({ samples: 0 }),
])('refuses options that cannot be (%#)', (run) => {
  expect(run).toThrow(/\[BAD_OPTION\]/)
})
