import { Worker } from 'node:worker_threads'
import { isTradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import type { Accumulator } from '../src/accumulator.ts'
import {
  attachReplayProducer,
  createReplayBuffer,
  frameStack,
  nStep,
  prioritized,
  sequences,
  shared,
  uniform,
} from '../src/index.ts'
import { golden, goldenColumns, transitions } from './golden.ts'

const OBS = 24
const columns = {
  obs: { dtype: 'int32', shape: [OBS] },
  action: { dtype: 'int32' },
  reward: { dtype: 'float64' },
} as const

/** Workers that wait for the word, then add; `done` gives their milliseconds. */
async function producers(handle: unknown, workers: number, count: number, episode = 1000) {
  const threads = Array.from(
    { length: workers },
    (_, who) =>
      new Worker(new URL('./shared-worker.mjs', import.meta.url), { workerData: { handle, count, who, episode } }),
  )
  const next = (thread: Worker) =>
    new Promise<unknown>((resolve, reject) => {
      thread.once('message', resolve)
      thread.once('error', reject)
    })
  await Promise.all(threads.map(next))
  return {
    start: () => {
      const done = Promise.all(threads.map(next))
      for (const thread of threads) thread.postMessage('go')
      return done as Promise<number[]>
    },
  }
}

/** Whether an observation is one that a producer wrote, whole. */
function whole(obs: ArrayLike<number>, at: number): boolean {
  let sum = obs[at] * 31 + obs[at + 1]
  for (let j = 2; j < OBS - 1; j++) {
    if (obs[at + j] !== Math.imul(obs[at + 1] + j, 2654435761)) return false
    sum = (Math.imul(sum, 31) + obs[at + j]) | 0
  }
  return obs[at + OBS - 1] === sum
}

it.each([
  ['uniform', () => uniform()],
  ['prioritized', () => prioritized()],
] as const)('%s: no torn row while two workers overwrite a small buffer two million times', async (_name, sampler) => {
  const buffer = createReplayBuffer({
    capacity: 262_144,
    columns,
    storage: shared({ chunkRows: 64 }),
    sampler: sampler(),
    accumulator: nStep({ n: 3 }),
  })
  const workers = await producers(buffer.handle(), 2, 1_000_000)
  let finished = false
  const done = workers.start().then((ms) => {
    finished = true
    return ms
  })
  const out = buffer.createBatch(128)
  let samples = 0
  const seen = new Set<number>()
  while (!finished) {
    if (samples % 8 === 0) await new Promise((resolve) => setImmediate(resolve))
    if (samples === 0 && buffer.stats().drawable === 0) continue
    buffer.sample(128, { out })
    samples++
    const { obs, nextObs, steps, action, terminated, reward } = out.columns
    for (let k = 0; k < 128; k++) {
      const at = k * OBS
      const first = obs[at + 1]
      seen.add(action[k])
      // The return of the rows i, i + 1, i + 2 (their rewards are their numbers) belongs to the same steps.
      let expected = 0
      for (let m = 0; m < steps[k]; m++) expected += 0.99 ** m * (first + m)
      const follows = nextObs[at] === obs[at] && nextObs[at + 1] === first + steps[k]
      const next = terminated[k] === 1 || (whole(nextObs, at) && follows)
      if (!whole(obs, at) || obs[at] !== action[k] || !next || Math.abs(reward[k] - expected) > 1e-6)
        throw new Error(`torn row in sample ${samples}: ${obs.slice(at, at + OBS)}`)
    }
    buffer.updatePriorities(
      out.indices,
      Float64Array.from(out.weights, (_, k) => k),
    )
  }
  await done
  expect(samples).toBeGreaterThan(5)
  expect(seen).toEqual(new Set([0, 1]))
})

it('every row of every producer is there at the end, exactly once', async () => {
  const buffer = createReplayBuffer({
    capacity: 262_144,
    columns,
    storage: shared({ chunkRows: 128 }),
    sampler: uniform({ replacement: false }),
  })
  const workers = await producers(buffer.handle(), 3, 20_000, 777)
  await workers.start()
  const { drawable, size } = buffer.stats()
  // `close` cuts the last episode: its newest row keeps its observation alone.
  expect([drawable, size]).toEqual([3 * 19_999, 3 * 19_999])
  const { columns: c } = buffer.sample(drawable)
  const seen = Array.from({ length: 3 }, () => new Uint8Array(20_000))
  for (let k = 0; k < drawable; k++) {
    expect(whole(c.obs, k * OBS)).toBe(true)
    seen[c.action[k]][c.obs[k * OBS + 1]]++
  }
  for (const rows of seen) expect([rows.subarray(0, 19_999).every((n) => n === 1), rows[19_999]]).toEqual([true, 0])
})

describe('saving', () => {
  const row = (i: number) => ({
    obs: new Int32Array(OBS).fill(i),
    action: i,
    reward: i % 9,
    terminated: i % 23 === 22,
    truncated: false,
  })

  it('restored equals original to the next million draws, its own producer in the middle of an episode', () => {
    const make = () =>
      createReplayBuffer({
        capacity: 2048,
        columns,
        storage: shared({ chunkRows: 32, producers: 3 }),
        sampler: prioritized(),
        accumulator: nStep({ n: 3 }),
        seed: 3,
      })
    const original = make()
    const other = attachReplayProducer<typeof columns>(original.handle())
    for (let i = 0; i < 3000; i++) {
      original.add(row(i))
      if (i % 3 === 0) other.add(row(-i))
    }
    // Its open chunk would be left out by those who come round; in a restored buffer nobody fills it.
    other.close()
    original.sample(10)
    const restored = make()
    restored.restore(structuredClone(original.save()))
    const [a, b] = [original, restored].map((buffer) => ({ buffer, out: buffer.createBatch(1000) }))
    for (let round = 0; round < 1000; round++) {
      for (const { buffer, out } of [a, b]) {
        for (let k = 0; k < 5; k++) buffer.add(row(3000 + round * 5 + k))
        buffer.sample(1000, { out })
        buffer.updatePriorities(out.indices.subarray(0, 50), out.columns.reward.subarray(0, 50))
      }
      if (round % 100 === 0) expect(b.out).toEqual(a.out)
      else if (a.out.indices.some((slot, k) => b.out.indices[k] !== slot)) throw new Error(`round ${round} differs`)
    }
    expect(restored.size).toBe(original.size)
    // Its other place is free: a new producer goes on there.
    const next = attachReplayProducer<typeof columns>(restored.handle())
    for (let i = 0; i < 100; i++) next.add(row(10_000 + i))
    expect(new Set(restored.sample(20_000).columns.action).has(10_050)).toBe(true)
  })

  it('while two workers add: every saved buffer holds whole rows, and the workers lose nothing', async () => {
    const make = () =>
      createReplayBuffer({
        capacity: 32_768,
        columns,
        storage: shared({ chunkRows: 64 }),
        sampler: uniform({ replacement: false }),
      })
    const buffer = make()
    const workers = await producers(buffer.handle(), 2, 400_000, 500)
    let finished = false
    const done = workers.start().then(() => {
      finished = true
    })
    let saves = 0
    while (!finished || saves === 0) {
      await new Promise((resolve) => setImmediate(resolve))
      if (buffer.stats().drawable < 1000) continue
      const saved = buffer.save()
      saves++
      if (saves > 25 && !finished) continue
      const restored = make()
      restored.restore(saved)
      const { drawable } = restored.stats()
      expect(drawable).toBeGreaterThan(1000)
      const { obs, nextObs, action, terminated } = restored.sample(drawable).columns
      for (let k = 0; k < drawable; k++) {
        const at = k * OBS
        const follows = terminated[k] === 1 || (whole(nextObs, at) && nextObs[at + 1] === obs[at + 1] + 1)
        if (!whole(obs, at) || obs[at] !== action[k] || !follows) throw new Error(`torn row in save ${saves}`)
      }
    }
    await done
    expect(saves).toBeGreaterThan(1)
    const { columns: c } = buffer.sample(buffer.stats().drawable)
    // Of the worker that ended first nothing may be left.
    const newest = Array.from(c.action, (_, k) => c.obs[k * OBS + 1]).reduce((a, b) => Math.max(a, b))
    expect(newest).toBe(399_999)
  })

  it('places are given back: more producers than places, one after the other', () => {
    const buffer = createReplayBuffer({ capacity: 1024, columns, storage: shared({ chunkRows: 32, producers: 2 }) })
    for (let p = 0; p < 20; p++) {
      const producer = attachReplayProducer<typeof columns>(buffer.handle())
      for (let i = 0; i < 11; i++) producer.add(row(100 * p + i))
      producer.close()
    }
    // Each `close` cuts: ten of eleven rows can be drawn, but for those that end an episode of row().
    const seen = [...new Set(buffer.sample(20_000).columns.action)].sort((a, b) => a - b)
    expect(seen.length).toBeGreaterThanOrEqual(20 * 10)
    for (let p = 0; p < 20; p++) expect(seen).toContain(100 * p + 9)
  })
})

describe('one producer in this thread gives what a buffer in memory gives', () => {
  const accumulators: readonly (readonly [string, Accumulator])[] = [
    ['three steps', nStep({ n: 3, gamma: 0.9 })],
    ['stacks', frameStack({ frames: 3, of: nStep({ gamma: 0.9 }) })],
    ['sequences', sequences({ length: 4, burnIn: 3, stride: 2, gamma: 0.9 })],
  ]
  it.each(accumulators)('%s', (_name, accumulator) => {
    const options = { columns: goldenColumns, accumulator, sampler: uniform({ replacement: false }) }
    const there = createReplayBuffer({ ...options, capacity: 4096, storage: shared({ chunkRows: 8 }) })
    const here = createReplayBuffer({ ...options, capacity: 4096 })
    for (const { episodes } of golden.steps)
      for (const step of transitions(episodes)) {
        there.add(step)
        here.add(step)
      }
    const { drawable } = here.stats()
    expect(there.stats().drawable).toBe(drawable)
    const pick = (buffer: typeof here) => {
      const { columns: c } = buffer.sample(drawable)
      const width = c.obs.length / drawable
      return Array.from({ length: drawable }, (_, k) =>
        [c.obs, c.nextObs, c.reward, c.discount, c.steps]
          .flatMap((a) => [...a.subarray((k * a.length) / drawable, ((k + 1) * a.length) / drawable)])
          .concat(width)
          .join(),
      ).sort()
    }
    expect(pick(there)).toEqual(pick(here))
  })
})

describe('limits', () => {
  const make = (producers = 2) =>
    createReplayBuffer({ capacity: 64, columns, storage: shared({ chunkRows: 8, producers }) })
  const codeOf = (run: () => unknown): string => {
    try {
      run()
    } catch (error) {
      return isTradewrightError(error) ? error.code : String(error)
    }
    return 'no error'
  }

  it('a chunk that is being filled is left out when the others come round', () => {
    const buffer = make()
    const [slow, fast] = [
      attachReplayProducer<typeof columns>(buffer.handle()),
      attachReplayProducer<typeof columns>(buffer.handle()),
    ]
    const row = (i: number) => ({
      obs: new Int32Array(OBS).fill(i),
      action: i,
      reward: 0,
      terminated: false,
      truncated: false,
    })
    slow.add(row(-1))
    slow.add(row(-2))
    for (let i = 0; i < 500; i++) fast.add(row(i))
    slow.add(row(-3))
    const seen = new Set(buffer.sample(2000).columns.action)
    expect([seen.has(-1), seen.has(-2), seen.has(-3)]).toEqual([true, true, false])
    const fastRows = [...seen].filter((a) => a >= 0)
    expect([Math.min(...fastRows), Math.max(...fastRows)]).toEqual([500 - 52, 498])
  })

  it.each([
    [
      'more producers than places',
      'BAD_OPTION',
      () => {
        const b = make(1)
        attachReplayProducer(b.handle())
        attachReplayProducer(b.handle())
      },
    ],
    [
      'a capacity of broken chunks',
      'BAD_OPTION',
      () => createReplayBuffer({ capacity: 60, columns, storage: shared({ chunkRows: 8 }) }),
    ],
    ['a chunk that is no power of two', 'BAD_OPTION', () => shared({ chunkRows: 24 })],
    ['a handle of a buffer in memory', 'NOT_AVAILABLE', () => createReplayBuffer({ capacity: 64, columns }).handle()],
    [
      'restoring while another producer is attached',
      'BAD_OPTION',
      () => {
        const b = make()
        b.add({ obs: new Int32Array(OBS), action: 0, reward: 0, terminated: false, truncated: false })
        const saved = b.save()
        attachReplayProducer(b.handle())
        b.restore(saved)
      },
    ],
    [
      'restoring chunks of another length',
      'BAD_SHAPE',
      () =>
        createReplayBuffer({ capacity: 64, columns, storage: shared({ chunkRows: 16, producers: 2 }) }).restore(
          make().save(),
        ),
    ],
    [
      'restoring into a buffer in memory',
      'BAD_SHAPE',
      () => createReplayBuffer({ capacity: 64, columns }).restore(make(1).save() as never),
    ],
    [
      'adding while it is saved',
      'BAD_OPTION',
      () => {
        const b = make()
        b.saveParts()
        b.add({ obs: new Int32Array(OBS), action: 0, reward: 0, terminated: false, truncated: false })
      },
    ],
    [
      'a closed producer',
      'DISPOSED',
      () => {
        const p = attachReplayProducer(make().handle())
        p.close()
        p.add({ obs: new Int32Array(OBS), action: 0, reward: 0, terminated: false, truncated: false } as never)
      },
    ],
  ])('%s: %s', (_name, code, run) => {
    expect(codeOf(run)).toBe(code)
  })
})
