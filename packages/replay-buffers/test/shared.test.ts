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
    ['saving', 'NOT_AVAILABLE', () => make().save()],
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
