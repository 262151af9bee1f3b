import { createRng, isTradewrightError } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wasm } from '../scripts/build-wasm.mjs'
import {
  attachReplayProducer,
  createReplayBuffer,
  createReplayTables,
  disk,
  frameStack,
  nStep,
  prioritized,
  uniform,
} from '../src/index.ts'
import { RandomStream } from '../src/random-stream.ts'
import { chiSquareLimit } from './chi-square.ts'
import { golden } from './golden.ts'

const columns = { obs: { dtype: 'float32', shape: [3] }, action: { dtype: 'int32' } } as const

const step = (i: number, end = false) => ({
  obs: [i, i + 0.25, -i],
  action: i,
  reward: i / 4,
  terminated: end,
  truncated: false,
})

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return isTradewrightError(error) ? error.code : `not ours: ${error}`
  }
  return 'no error'
}

it('the compiled kernels are those of the source', async () => {
  expect(await wasm.stale()).toEqual([])
})

it('the fast uniform numbers are those of createRng, across blocks, seeds and places', () => {
  for (const [seed, stream] of [
    [0, 0],
    [42, 7],
    [2 ** 53 - 1, 2 ** 40 + 3],
  ]) {
    const rng = createRng(seed, stream)
    for (const wasm of [true, false]) {
      const fast = new RandomStream(seed, stream, wasm)
      rng.restore({ seed, stream, drawn: 0 })
      for (const count of [1, 2, 3, 1023, 1024, 1025, 5000]) {
        const out = new Float64Array(count)
        fast.fill(out, count)
        expect([...out]).toEqual(Array.from({ length: count }, () => rng.uniform()))
      }
      expect(fast.save()).toEqual(rng.save())
      const far = { seed, stream, drawn: 2 ** 34 + 6 }
      fast.restore(far)
      rng.restore(far)
      expect(fast.uniform()).toBe(rng.uniform())
    }
  }
})

describe.each([true, false])('prioritized against the golden values (wasm %s)', (wasm) => {
  it.each(golden.prioritized)('alpha $alpha, eps $eps, beta $beta', (c) => {
    const count = c.errors.length
    for (const normalizeBy of ['batch', 'buffer'] as const) {
      const buffer = createReplayBuffer({
        capacity: count + 1,
        columns,
        sampler: prioritized({ alpha: c.alpha, eps: c.eps, normalizeBy }),
        wasm,
      })
      for (let i = 0; i <= count; i++) buffer.add(step(i))
      buffer.updatePriorities(
        Int32Array.from({ length: count }, (_, i) => i),
        c.errors,
      )
      for (let i = 0; i < count; i++) expect(buffer.probability(i) / c.probabilities[i]).toBeCloseTo(1, 12)
      const { indices, weights } = buffer.sample(500, { beta: c.beta })
      const largest =
        normalizeBy === 'batch' ? Math.max(...Array.from(indices, (i) => c.rawWeights[i])) : Math.max(...c.rawWeights)
      indices.forEach((i, k) => {
        expect(weights[k] / (c.rawWeights[i] / largest)).toBeCloseTo(1, 6)
      })
    }
  })
})

it('keeps the last transitions up to its capacity, and never draws an older one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 40 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.boolean()), { maxLength: 12 }),
      fc.boolean(),
      (capacity, runs, wasm) => {
        const buffer = createReplayBuffer({ capacity, columns, wasm })
        let id = 0
        for (const [count, sample] of runs) {
          for (let i = 0; i < count; i++, id++) buffer.add(step(id, id % 7 === 6))
          expect(buffer.size).toBe(Math.min(id, capacity))
          if (!sample || buffer.stats().drawable === 0) continue
          const { columns: c } = buffer.sample(64)
          for (let k = 0; k < 64; k++) {
            const i = c.action[k]
            expect(i).toBeGreaterThanOrEqual(Math.max(0, id - capacity))
            expect(i).toBeLessThan(id)
            expect([...c.obs.subarray(k * 3, k * 3 + 3)]).toEqual([i, i + 0.25, -i])
            const next = i % 7 === 6 ? [0, 0, 0] : [i + 1, i + 1.25, -i - 1]
            expect([...c.nextObs.subarray(k * 3, k * 3 + 3)].map((x) => x + 0)).toEqual(next)
            expect(c.reward[k]).toBe(Math.fround(i / 4))
          }
        }
      },
    ),
    { numRuns: 60 },
  )
})

it.each([
  ['uniform', () => uniform()],
  ['prioritized', () => prioritized({ normalizeBy: 'buffer', maxPriority: 'buffer' })],
] as const)('%s: restored equals original through adds, samples and updates that follow', (name, sampler) => {
  const make = () =>
    createReplayBuffer({
      capacity: 700,
      columns,
      sampler: sampler(),
      accumulator: nStep({ n: 3 }),
      seed: 5,
      streams: 2,
    })
  const original = make()
  for (let i = 0; i < 900; i++) original.add(step(i, i % 31 === 30), i % 2)
  const errors = (indices: Int32Array) => Array.from(indices, (i) => Math.sin(i * 7.1) * 3)
  const first = original.sample(100)
  original.updatePriorities(first.indices, errors(first.indices))
  const saved = structuredClone(original.save())
  const restored = make()
  restored.restore(saved)
  const a = original.createBatch(64)
  const b = restored.createBatch(64)
  for (let round = 0; round < (name === 'prioritized' ? 16_000 : 2000); round++) {
    for (const [buffer, batch] of [
      [original, a],
      [restored, b],
    ] as const) {
      if (round % 5 === 0) buffer.add(step(1000 + round, round % 23 === 0), round % 2)
      buffer.sample(64, { out: batch })
      if (round % 2 === 0) buffer.updatePriorities(batch.indices, errors(batch.indices))
    }
    if (round % 16 === 0) expect(b).toEqual(a)
    else if (a.indices[0] !== b.indices[0] || a.indices[63] !== b.indices[63]) expect(b.indices).toEqual(a.indices)
  }
  // Scratch grows with the largest batch that was ever drawn.
  const { memoryBytes: _a, ...counters } = original.stats()
  expect(restored.stats()).toMatchObject(counters)
})

it('uniform: every drawable element alike, chi-square over a million draws', () => {
  const buffer = createReplayBuffer({ capacity: 500, columns, seed: 3 })
  for (let i = 0; i < 800; i++) buffer.add(step(i, i % 9 === 8))
  const counts = new Float64Array(500)
  const out = buffer.createBatch(1000)
  for (let r = 0; r < 1000; r++) for (const i of buffer.sample(1000, { out }).indices) counts[i]++
  const drawable = buffer.stats().drawable
  const expected = 1_000_000 / drawable
  const chi = counts.reduce((sum, count) => (count === 0 ? sum : sum + (count - expected) ** 2 / expected), 0)
  expect(counts.filter((count) => count > 0).length).toBe(drawable)
  expect(chi).toBeLessThan(chiSquareLimit(drawable - 1))
})

it('prioritized: chi-square over a million draws, stratified or not; priority 0 never', () => {
  for (const stratified of [true, false]) {
    const buffer = createReplayBuffer({ capacity: 300, columns, sampler: prioritized({ stratified }), seed: 4 })
    for (let i = 0; i < 301; i++) buffer.add(step(i))
    const slots = Int32Array.from({ length: 299 }, (_, i) => i + 1)
    buffer.setPriorities(
      slots,
      Array.from(slots, (i) => (i % 4 === 0 ? 0 : i % 11)),
    )
    const counts = new Float64Array(300)
    const out = buffer.createBatch(97)
    const rounds = 10_310
    for (let r = 0; r < rounds; r++) for (const i of buffer.sample(97, { out }).indices) counts[i]++
    let chi = 0
    let kinds = -1
    for (let i = 0; i < 300; i++) {
      const expected = buffer.probability(i) * rounds * 97
      if (expected === 0) expect(counts[i]).toBe(0)
      else {
        chi += (counts[i] - expected) ** 2 / expected
        kinds++
      }
    }
    // Strata make counts more even than independent draws: then chi-square can only be smaller.
    expect(chi).toBeLessThan(chiSquareLimit(kinds))
    if (!stratified) expect(chi).toBeGreaterThan(kinds * 0.5)
  }
})

it('without replacement a batch has no element twice, and all of them when it is as large as the buffer', () => {
  const buffer = createReplayBuffer({ capacity: 50, columns, sampler: uniform({ replacement: false }) })
  for (let i = 0; i < 80; i++) buffer.add(step(i, i % 10 === 9))
  const { drawable } = buffer.stats()
  for (const size of [1, 10, drawable]) expect(new Set(buffer.sample(size).indices).size).toBe(size)
  expect(codeOf(() => buffer.sample(drawable + 1))).toBe('BAD_OPTION')
})

it('addBatch stores what add stores, truncations and wrap-around included', () => {
  const rng = createRng(8)
  const make = (codegen: boolean) =>
    createReplayBuffer({ capacity: 64, columns, sampler: uniform({ replacement: false }), codegen })
  const [one, many] = [make(false), make(true)]
  for (let round = 0; round < 40; round++) {
    const rows = 1 + rng.below(90)
    const obs = Float32Array.from({ length: rows * 3 }, () => rng.below(1000))
    const finalObs = Float32Array.from({ length: rows * 3 }, () => rng.below(1000))
    const action = Int32Array.from({ length: rows }, () => rng.below(9))
    const reward = Float32Array.from({ length: rows }, () => rng.below(100))
    const truncated = Uint8Array.from({ length: rows }, () => (rng.below(8) === 0 ? 1 : 0))
    const terminated = Uint8Array.from({ length: rows }, () => (rng.below(8) === 0 ? 1 : 0))
    many.addBatch({ obs, action, reward, truncated, terminated, finalObs })
    for (let i = 0; i < rows; i++) {
      const final = truncated[i] === 1 ? { finalObs: finalObs.subarray(i * 3, i * 3 + 3) } : {}
      one.add({
        obs: obs.subarray(i * 3, i * 3 + 3),
        action: action[i],
        reward: reward[i],
        truncated: truncated[i],
        terminated: terminated[i],
        ...final,
      })
    }
    const count = one.stats().drawable
    expect(many.stats()).toEqual(one.stats())
    expect(many.sample(count)).toEqual(one.sample(count))
  }
})

it('a cut ends the episode: the newest observation bootstraps the step before it', () => {
  const buffer = createReplayBuffer({
    capacity: 20,
    columns,
    accumulator: nStep({ n: 3, gamma: 0.5 }),
    sampler: uniform({ replacement: false }),
  })
  for (let i = 0; i < 4; i++) buffer.add(step(i))
  expect(buffer.stats().drawable).toBe(1)
  buffer.cut()
  buffer.cut()
  for (let i = 10; i < 13; i++) buffer.add(step(i))
  expect([buffer.size, buffer.stats().drawable]).toEqual([6, 3])
  const { columns: c } = buffer.sample(3)
  const byAction = new Map(
    Array.from(c.action, (a, k) => [
      a,
      { next: c.nextObs[k * 3], steps: c.steps[k], reward: c.reward[k], discount: c.discount[k] },
    ]),
  )
  expect(byAction.get(2)).toEqual({ next: 3, steps: 1, reward: 0.5, discount: 0.5 })
  expect(byAction.get(1)).toEqual({ next: 3, steps: 2, reward: 0.5, discount: 0.25 })
})

it('priorities of rows that were overwritten after the draw are left out and counted', () => {
  const buffer = createReplayBuffer({ capacity: 10, columns, sampler: prioritized({ alpha: 1, eps: 0 }) })
  for (let i = 0; i < 11; i++) buffer.add(step(i))
  const { indices } = buffer.sample(50)
  for (let i = 11; i < 16; i++) buffer.add(step(i))
  buffer.updatePriorities(indices, new Float32Array(50).fill(7))
  const stale = Array.from(indices).filter((i) => i >= 1 && i <= 5).length
  expect(buffer.stats().stalePriorities).toBe(stale)
  expect(stale).toBeGreaterThan(5)
  for (const fresh of [1, 2, 3, 4]) expect(buffer.probability(fresh) / buffer.probability(8)).toBeCloseTo(1 / 7, 12)
})

describe('bad input is one clear error and loses nothing', () => {
  const make = () => {
    const buffer = createReplayBuffer({ capacity: 8, columns, sampler: prioritized() })
    for (let i = 0; i < 20; i++) buffer.add(step(i))
    return buffer
  }
  const good = step(1)
  const cases: readonly (readonly [string, string, (b: ReturnType<typeof make>) => unknown])[] = [
    ['NaN in an observation', 'BAD_DATA', (b) => b.add({ ...good, obs: [1, Number.NaN, 2] })],
    [
      'infinity in a typed observation',
      'BAD_DATA',
      (b) => b.add({ ...good, obs: Float32Array.of(1, 2, Number.POSITIVE_INFINITY) }),
    ],
    ['nothing added', 'BAD_SHAPE', (b) => b.add(undefined as never)],
    ['null added', 'BAD_SHAPE', (b) => b.add(null as never)],
    ['no batch added', 'BAD_SHAPE', (b) => b.addBatch(undefined as never)],
    ['null for options', 'BAD_SHAPE', (b) => b.sample(2, null as never)],
    ['no indices', 'BAD_SHAPE', (b) => b.updatePriorities(undefined as never, [1])],
    ['no errors', 'BAD_SHAPE', (b) => b.updatePriorities(Int32Array.of(1), undefined as never)],
    ['NaN reward', 'BAD_DATA', (b) => b.add({ ...good, reward: Number.NaN })],
    ['fractional int', 'BAD_DATA', (b) => b.add({ ...good, action: 1.5 })],
    ['int out of range', 'BAD_DATA', (b) => b.add({ ...good, action: 2 ** 31 })],
    ['short observation', 'BAD_SHAPE', (b) => b.add({ ...good, obs: [1, 2] })],
    ['another dtype', 'BAD_SHAPE', (b) => b.add({ ...good, obs: new Float64Array(3) })],
    [
      'a missing column',
      'BAD_SHAPE',
      (b) => b.add({ obs: [1, 2, 3], reward: 1, terminated: false, truncated: false } as never),
    ],
    ['a flag that is none', 'BAD_DATA', (b) => b.add({ ...good, terminated: 2 })],
    ['truncated without finalObs', 'BAD_OPTION', (b) => b.add({ ...good, truncated: true })],
    ['bad finalObs', 'BAD_DATA', (b) => b.add({ ...good, truncated: true, finalObs: [0, 0, Number.NaN] })],
    [
      'bad row with a good finalObs',
      'BAD_DATA',
      (b) => b.add({ ...good, reward: Number.NaN, truncated: true, finalObs: [0, 0, 0] }),
    ],
    [
      'a batch with one bad row',
      'BAD_DATA',
      (b) =>
        b.addBatch({
          obs: new Float32Array(6),
          action: new Int32Array(2),
          reward: Float32Array.of(1, Number.NaN),
          terminated: [0, 0],
          truncated: [0, 0],
        }),
    ],
    [
      'a batch of other lengths',
      'BAD_SHAPE',
      (b) =>
        b.addBatch({
          obs: new Float32Array(5),
          action: new Int32Array(2),
          reward: new Float32Array(2),
          terminated: [0, 0],
          truncated: [0, 0],
        }),
    ],
    [
      'a batch truncated without finalObs',
      'BAD_OPTION',
      (b) =>
        b.addBatch({
          obs: new Float32Array(6),
          action: new Int32Array(2),
          reward: new Float32Array(2),
          terminated: [0, 0],
          truncated: [0, 1],
        }),
    ],
    ['a stream that is none', 'BAD_OPTION', (b) => b.add(good, 1)],
    ['NaN error', 'BAD_DATA', (b) => b.updatePriorities(Int32Array.of(1, 2), [1, Number.NaN])],
    ['infinite error', 'BAD_DATA', (b) => b.updatePriorities(Int32Array.of(1, 2), [1, Number.POSITIVE_INFINITY])],
    ['negative priority', 'BAD_DATA', (b) => b.setPriorities(Int32Array.of(1, 2), [1, -1])],
    ['infinite priority', 'BAD_DATA', (b) => b.setPriorities(Int32Array.of(1, 2), [1, Number.POSITIVE_INFINITY])],
    ['a priority whose sum would overflow', 'BAD_DATA', (b) => b.setPriorities(Int32Array.of(1, 2), [1, 1e300])],
    ['index out of range', 'BAD_OPTION', (b) => b.updatePriorities(Int32Array.of(1, 8), [1, 1])],
    ['negative index', 'BAD_OPTION', (b) => b.updatePriorities(Int32Array.of(-1, 2), [1, 1])],
    ['fewer errors than indices', 'BAD_SHAPE', (b) => b.updatePriorities(Int32Array.of(1, 2), [1])],
    ['empty sample', 'BAD_OPTION', (b) => b.sample(0)],
    ['beta beyond 1', 'BAD_OPTION', (b) => b.sample(4, { beta: 1.1 })],
    ['out too small', 'BAD_SHAPE', (b) => b.sample(4, { out: b.createBatch(3) })],
    [
      'a saved buffer of another capacity',
      'BAD_SHAPE',
      (b) => b.restore(createReplayBuffer({ capacity: 9, columns, sampler: prioritized() }).save()),
    ],
  ]
  const restoring: typeof cases = [
    ['nothing restored', 'BAD_DATA', (b) => b.restore(undefined as never)],
    ['something else restored', 'BAD_DATA', (b) => b.restore({ version: 1 } as never)],
    ['a saved buffer with marks missing', 'BAD_DATA', (b) => b.restore({ ...b.save(), drawable: new Uint8Array(3) })],
    [
      'a saved buffer of another sampler',
      'BAD_SHAPE',
      (b) => b.restore(createReplayBuffer({ capacity: 8, columns }).save() as never),
    ],
    [
      'a saved buffer of another accumulator',
      'BAD_SHAPE',
      (b) =>
        b.restore(
          createReplayBuffer({ capacity: 8, columns, sampler: prioritized(), accumulator: nStep({ n: 2 }) }).save(),
        ),
    ],
  ]
  it.each([...cases, ...restoring])('%s: %s', (_name, code, run) => {
    const buffer = make()
    const before = buffer.save()
    expect(codeOf(() => run(buffer))).toBe(code)
    expect(buffer.save()).toEqual(before)
  })

  it('a sample of an empty buffer, and anything after close', () => {
    const buffer = createReplayBuffer({ capacity: 8, columns })
    expect(codeOf(() => buffer.sample(1))).toBe('BAD_OPTION')
    buffer.add(good)
    expect(codeOf(() => buffer.sample(1))).toBe('BAD_OPTION')
    buffer.close()
    buffer.close()
    for (const run of [() => buffer.add(good), () => buffer.sample(1), () => buffer.save(), () => buffer.stats()])
      expect(codeOf(run)).toBe('DISPOSED')
  })

  it.each([
    ['capacity 1', 'BAD_OPTION', () => createReplayBuffer({ capacity: 1, columns })],
    [
      'a dtype that is none',
      'UNKNOWN_NAME',
      () => createReplayBuffer({ capacity: 8, columns: { obs: { dtype: 'float33' as 'float32' } } }),
    ],
    [
      'a reserved column',
      'BAD_OPTION',
      () => createReplayBuffer({ capacity: 8, columns: { ...columns, nextObs: { dtype: 'float32' } } }),
    ],
    [
      'no obs',
      'BAD_OPTION',
      () => createReplayBuffer({ capacity: 8, columns: { action: { dtype: 'int32' } } as never }),
    ],
    [
      'a capacity below the window',
      'BAD_OPTION',
      () => createReplayBuffer({ capacity: 8, columns, accumulator: nStep({ n: 9 }) }),
    ],
    ['streams that do not divide', 'BAD_OPTION', () => createReplayBuffer({ capacity: 9, columns, streams: 2 })],
    [
      'more than the budget',
      'OUT_OF_MEMORY',
      () => createReplayBuffer({ capacity: 1000, columns }, { maxBytes: 1000 }),
    ],
    ['an option that is none', 'UNKNOWN_NAME', () => createReplayBuffer({ capacity: 8, columns, sampelr: 1 } as never)],
    ['no options', 'BAD_OPTION', () => createReplayBuffer(undefined as never)],
    [
      'a sampler that is none',
      'BAD_OPTION',
      () => createReplayBuffer({ capacity: 8, columns, sampler: 'prioritized' as never }),
    ],
    [
      'a storage that is none',
      'BAD_OPTION',
      () => createReplayBuffer({ capacity: 8, columns, storage: { kind: 'tape' } as never }),
    ],
    [
      'a storage that is opened asynchronously',
      'BAD_OPTION',
      () => createReplayBuffer({ capacity: 8, columns, storage: disk({ path: 'x' }) as never }),
    ],
    ['a column that is none', 'BAD_OPTION', () => createReplayBuffer({ capacity: 8, columns: { obs: null as never } })],
    [
      'a shape that is no list',
      'BAD_OPTION',
      () => createReplayBuffer({ capacity: 8, columns: { obs: { dtype: 'float32', shape: 3 as never } } }),
    ],
    ['a disk without a folder', 'BAD_OPTION', () => disk(undefined as never)],
    ['packing that is none', 'BAD_OPTION', () => disk({ path: 'x', packing: 3 as never })],
    ['a handle that is none', 'BAD_OPTION', () => attachReplayProducer({} as never)],
    ['tables that are none', 'BAD_OPTION', () => createReplayTables({ capacity: 8, columns } as never)],
    ['seed -1', 'BAD_OPTION', () => createReplayBuffer({ capacity: 8, columns, seed: -1 })],
    ['wasm 1', 'BAD_OPTION', () => createReplayBuffer({ capacity: 8, columns, wasm: 1 as never })],
    [
      'less than tree and index take',
      'OUT_OF_MEMORY',
      // 100,000 records of 20 bytes with two marks each fit; the tree does not.
      () => createReplayBuffer({ capacity: 100_000, columns, sampler: prioritized() }, { maxBytes: 3_000_000 }),
    ],
    ['alpha -1', 'BAD_OPTION', () => prioritized({ alpha: -1 })],
    ['n 0', 'BAD_OPTION', () => nStep({ n: 0 })],
    ['frames 0', 'BAD_OPTION', () => frameStack({ frames: 0 })],
  ])('%s: %s', (_name, code, run) => {
    expect(codeOf(run)).toBe(code)
  })
})

it('sampling into a batch allocates nothing worth a collection', () => {
  const buffer = createReplayBuffer({ capacity: 5000, columns, sampler: prioritized() })
  for (let i = 0; i < 6000; i++) buffer.add(step(i))
  const out = buffer.createBatch(256)
  const errors = new Float64Array(256).fill(1)
  const cycle = (): void => {
    buffer.sample(256, { out })
    buffer.updatePriorities(out.indices, errors)
  }
  for (let r = 0; r < 3000; r++) cycle()
  const before = process.memoryUsage().heapUsed
  const arrays = process.memoryUsage().arrayBuffers
  for (let r = 0; r < 1000; r++) cycle()
  // A batch is 10 KB: 1,000 of them would be 10 MB, and fresh views of their columns 1 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(600_000)
  expect(process.memoryUsage().arrayBuffers - arrays).toBeLessThan(10_000)
})
