// What the replay benches measure, in microseconds: observations of 16 float32 and their successors, capacity 1,000,000,
// always with fresh priorities.
import { createReplayBuffer, type PrioritizedOptions, prioritized, type ReplaySampler, uniform } from '../src/index.ts'

const CAPACITY = 1_000_000
const OBS = 16

function median(samples: number[]): number {
  samples.sort((a, b) => a - b)
  return samples[samples.length >> 1]
}

/** Median microseconds of a call, over `rounds` groups of `calls`. */
function time(rounds: number, calls: number, run: (call: number) => void): number {
  const samples: number[] = []
  for (let r = 0; r < rounds; r++) {
    const start = performance.now()
    for (let c = 0; c < calls; c++) run(r * calls + c)
    samples.push(((performance.now() - start) * 1000) / calls)
  }
  return median(samples)
}

const columns = {
  obs: { dtype: 'float32', shape: [OBS] },
  action: { dtype: 'int32' },
} as const

function steps(
  n: number,
): { obs: Float32Array; action: number; reward: number; terminated: boolean; truncated: boolean }[] {
  return Array.from({ length: n }, (_, i) => ({
    obs: Float32Array.from({ length: OBS }, (_, j) => Math.sin(i * 31 + j)),
    action: i % 5,
    reward: Math.cos(i),
    terminated: i % 200 === 199,
    truncated: false,
  }))
}

function filled(sampler: ReplaySampler, wasm: boolean, checkFinite = true) {
  const buffer = createReplayBuffer({ capacity: CAPACITY, columns, sampler, seed: 1, wasm, checkFinite })
  const some = steps(1024)
  for (let i = 0; i < CAPACITY; i++) buffer.add(some[i & 1023])
  return { buffer, some }
}

/** The least that adding must do: unrolled copies of one row into one array, no checks. */
export function plainAdd(): number {
  const words = OBS + 2
  const floats = new Float32Array(CAPACITY * words)
  const ints = new Int32Array(floats.buffer)
  const flags = new Uint8Array(CAPACITY)
  const body = Array.from({ length: OBS }, (_, j) => `f[w + ${j}] = o[${j}]`).join('\n')
  const write = new Function(
    'f',
    'n',
    'flags',
    `return (t, slot) => { const o = t.obs, w = slot * ${words}\n${body}\nn[w + ${OBS}] = t.action; f[w + ${OBS + 1}] = t.reward; flags[slot] = t.terminated ? 1 : 0 }`,
  )(floats, ints, flags) as (t: unknown, slot: number) => void
  const some = steps(1024)
  let slot = 0
  const add = (i: number): void => {
    write(some[i & 1023], slot)
    slot = slot + 1 === CAPACITY ? 0 : slot + 1
  }
  // Memory that was never touched costs the system time.
  for (let i = 0; i < CAPACITY; i++) add(i)
  return time(200, 10_000, add)
}

/** One transition, of ready-made typed arrays. */
export function addOne(wasm: boolean, checkFinite: boolean): number {
  const { buffer, some } = filled(prioritized(), wasm, checkFinite)
  return time(200, 10_000, (i) => buffer.add(some[i & 1023]))
}

/** 256 transitions at once, an item. */
export function addMany(wasm: boolean): number {
  const { buffer } = filled(prioritized(), wasm)
  const n = 256
  const batch = {
    obs: Float32Array.from({ length: n * OBS }, (_, i) => Math.sin(i)),
    action: new Int32Array(n),
    reward: new Float32Array(n),
    terminated: new Uint8Array(n),
    truncated: new Uint8Array(n),
  }
  return time(200, 40, () => buffer.addBatch(batch)) / n
}

/** One add, one sample of `size` with weights, one update with fresh errors. */
export function cycle(
  options: PrioritizedOptions,
  size: number,
  wasm: boolean,
): { readonly sample: number; readonly update: number; readonly cycle: number } {
  const { buffer, some } = filled(prioritized(options), wasm)
  const batch = buffer.createBatch(size)
  const errors = new Float64Array(size)
  let seed = 1
  const fresh = (): void => {
    for (let k = 0; k < size; k++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0
      errors[k] = seed * 4.6e-10
    }
  }
  // The buffer is filled with fresh priorities everywhere first.
  const all = new Int32Array(1000)
  const values = new Float64Array(1000)
  for (let from = 0; from < CAPACITY; from += 1000) {
    for (let k = 0; k < 1000; k++) {
      all[k] = from + k
      values[k] = Math.abs(Math.sin((from + k) * 12.9898))
    }
    buffer.updatePriorities(all, values)
  }
  const sampleTimes: number[] = []
  const updateTimes: number[] = []
  const cycleTimes: number[] = []
  for (let r = 0; r < 8000; r++) {
    fresh()
    const start = performance.now()
    buffer.add(some[r & 1023])
    const added = performance.now()
    buffer.sample(size, { beta: 0.5, out: batch })
    const sampled = performance.now()
    buffer.updatePriorities(batch.indices, errors)
    const end = performance.now()
    if (r < 1000) continue
    sampleTimes.push((sampled - added) * 1000)
    updateTimes.push((end - sampled) * 1000)
    cycleTimes.push((end - start) * 1000)
  }
  return { sample: median(sampleTimes), update: median(updateTimes), cycle: median(cycleTimes) }
}

/** The least that a uniform sample must do: copy 256 rows and their successors from one array. */
export function plainGather(size: number): number {
  const words = OBS + 2
  const source = new Int32Array(CAPACITY * words)
  source.fill(1)
  const obs = new Int32Array(size * OBS)
  const next = new Int32Array(size * OBS)
  const rest = new Int32Array(size * 2)
  const slots = new Int32Array(size)
  let seed = 7
  return time(200, 50, () => {
    for (let k = 0; k < size; k++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0
      slots[k] = (seed >>> 0) % (CAPACITY - 1)
    }
    for (let k = 0; k < size; k++) {
      const from = slots[k] * words
      for (let i = 0; i < OBS; i++) {
        obs[k * OBS + i] = source[from + i]
        next[k * OBS + i] = source[from + words + i]
      }
      rest[k * 2] = source[from + OBS]
      rest[k * 2 + 1] = source[from + OBS + 1]
    }
  })
}

/** Uniform samples of 256. */
export function uniformSample(wasm: boolean): number {
  const { buffer } = filled(uniform(), wasm)
  const batch = buffer.createBatch(256)
  return time(200, 50, () => buffer.sample(256, { out: batch }))
}
