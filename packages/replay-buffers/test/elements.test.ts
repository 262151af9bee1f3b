import { describe, expect, it } from 'vitest'
import type { Accumulator } from '../src/accumulator.ts'
import { createReplayBuffer, episodes, frameStack, lambdaReturns, nStep, sequences, uniform } from '../src/index.ts'
import { golden, goldenColumns, transitions } from './golden.ts'

/** Every drawable element once: a sample without replacement of all of them. */
function drawAll(
  accumulator: Accumulator,
  capacity: number,
  eps: Parameters<typeof transitions>[0],
  options: { wasm: boolean; everyStep: boolean },
) {
  const buffer = createReplayBuffer({
    capacity,
    columns: goldenColumns,
    accumulator,
    sampler: uniform({ replacement: false }),
    wasm: options.wasm,
  })
  for (const step of transitions(eps)) {
    buffer.add(step)
    if (options.everyStep) buffer.stats()
  }
  const count = buffer.stats().drawable
  return { buffer, count, ...buffer.sample(count) }
}

const ways = [
  { wasm: true, everyStep: false },
  { wasm: false, everyStep: true },
]

describe.each(ways)('elements with %o', (way) => {
  it.each(golden.steps)('$name: exactly the expected steps, with the expected values', (c) => {
    const inner =
      c.lambda === null
        ? nStep({ n: c.n, gamma: c.gamma })
        : lambdaReturns({ lambda: c.lambda, horizon: c.horizon, gamma: c.gamma })
    const accumulator = frameStack({ frames: c.frames, pad: c.pad, of: inner })
    const { count, columns } = drawAll(accumulator, c.capacity, c.episodes, way)
    const seen = new Set<number>()
    for (let k = 0; k < count; k++) {
      const obs = [...columns.obs.subarray(k * c.frames, (k + 1) * c.frames)]
      const id = obs[c.frames - 1]
      seen.add(id)
      const want = c.expected[id]
      expect(want, `step ${id} must be drawable`).toBeDefined()
      expect(obs).toEqual(want.obs)
      expect([...columns.nextObs.subarray(k * c.frames, (k + 1) * c.frames)]).toEqual(want.nextObs)
      expect(columns.reward[k]).toBeCloseTo(want.reward, 12)
      expect(columns.discount[k]).toBe(Math.fround(want.discount))
      expect(columns.steps[k]).toBe(want.steps)
      expect([columns.terminated[k], columns.truncated[k]]).toEqual([want.terminated, want.truncated])
      if (want.lambdaReturn !== undefined) expect(columns.lambdaReturn?.[k]).toBeCloseTo(want.lambdaReturn, 5)
    }
    expect([...seen].sort((a, b) => a - b)).toEqual(Object.keys(c.expected).map(Number))
    expect(count).toBe(seen.size)
  })

  it.each(golden.sequences)('$name: exactly the expected sequences, row by row', (c) => {
    const base = { n: c.n, gamma: c.gamma }
    const accumulator =
      c.kind === 'episode'
        ? episodes({ ...base, maxLength: c.length })
        : sequences({ ...base, length: c.length, burnIn: c.burnIn, stride: c.stride })
    const { count, columns } = drawAll(accumulator, c.capacity, c.episodes, way)
    const rows = c.burnIn + c.length
    const seen = new Set<number>()
    for (let k = 0; k < count; k++) {
      const id = columns.obs[k * rows + c.burnIn]
      seen.add(id)
      const want = c.expected[id]
      expect(want, `the sequence at ${id} must be drawable`).toBeDefined()
      for (let t = 0; t < rows; t++) {
        const at = k * rows + t
        const row = want[t]
        expect(columns.present?.[at]).toBe(row === null ? 0 : 1)
        expect(columns.train?.[at]).toBe(row?.train ?? 0)
        expect(columns.obs[at]).toBe(row?.obs ?? 0)
        expect(columns.nextObs[at]).toBe(row?.nextObs ?? 0)
        expect(columns.reward[at]).toBeCloseTo(row?.reward ?? 0, 12)
        expect(columns.discount[at]).toBe(Math.fround(row?.discount ?? 0))
        expect(columns.steps[at]).toBe(row?.steps ?? 0)
        expect(columns.terminated[at]).toBe(row?.terminated ?? 0)
      }
    }
    expect([...seen].sort((a, b) => a - b)).toEqual(Object.keys(c.expected).map(Number))
  })
})
