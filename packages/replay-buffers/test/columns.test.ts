import { readFileSync } from 'node:fs'
import { createRng, isTradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { createReplayBuffer, frameStack, nStep, shared, uniform } from '../src/index.ts'
import { fromHalf, toHalf } from '../src/pack.ts'

const half = JSON.parse(readFileSync(new URL('./golden/half.json', import.meta.url), 'utf8')) as {
  values: number[]
  bits: number[]
  back: number[]
}

const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return isTradewrightError(error) ? error.code : String(error)
  }
  return 'no error'
}

it("half precision has struct's bits, ties and subnormals included", () => {
  expect(half.values.map(toHalf)).toEqual(half.bits)
  expect(half.bits.map(fromHalf)).toEqual(half.back)
})

describe('packed columns', () => {
  const make = (wasm: boolean) =>
    createReplayBuffer({
      capacity: 64,
      columns: {
        obs: { dtype: 'float32', shape: [5], pack: { dtype: 'float16' } },
        price: { dtype: 'float64', pack: { dtype: 'int16', scale: 0.01, offset: 300 } },
        share: { dtype: 'float32', shape: [3], pack: { dtype: 'uint8', scale: 1 / 255 } },
      },
      sampler: uniform({ replacement: false }),
      wasm,
    })

  it.each([true, false])('come back within half a unit, from add and addBatch alike (wasm %s)', (wasm) => {
    const rng = createRng(4)
    const [one, many] = [make(wasm), make(wasm)]
    const rows = 40
    const obs = Float32Array.from({ length: rows * 5 }, () => rng.normal() * 100)
    const price = Float64Array.from({ length: rows }, () => 300 + rng.normal() * 80)
    const share = Float32Array.from({ length: rows * 3 }, () => rng.uniform())
    const reward = new Float32Array(rows)
    const zeros = new Uint8Array(rows)
    many.addBatch({ obs, price, share, reward, terminated: zeros, truncated: zeros })
    for (let i = 0; i < rows; i++)
      one.add({
        obs: obs.slice(i * 5, i * 5 + 5),
        price: price[i],
        share: share.slice(i * 3, i * 3 + 3),
        reward: 0,
        terminated: 0,
        truncated: 0,
      })
    expect(many.sample(39)).toEqual(one.sample(39))
    const { indices, columns: c } = one.sample(39)
    expect(one.stats().recordBytes).toBeLessThanOrEqual(5 * 2 + 2 + 2 + 3 + 4 + 5)
    indices.forEach((i, k) => {
      for (let j = 0; j < 5; j++) {
        expect(c.obs[k * 5 + j]).toBe(fromHalf(toHalf(obs[i * 5 + j])))
        expect(c.nextObs[k * 5 + j]).toBe(fromHalf(toHalf(obs[i * 5 + 5 + j])))
      }
      expect(Math.abs(c.price[k] - price[i])).toBeLessThanOrEqual(0.005 + 1e-9)
      for (let j = 0; j < 3; j++)
        expect(Math.abs(c.share[k * 3 + j] - share[i * 3 + j])).toBeLessThanOrEqual(0.5 / 255 + 1e-7)
    })
  })

  it.each([
    ['beyond half precision', { obs: [1, 2, 3, 4, 70_000] }],
    ['beyond int16', { price: 1000 }],
    ['beyond uint8', { share: [0, 0, 1.1] }],
    ['NaN', { obs: [1, 2, Number.NaN, 4, 5] }],
  ])('%s is refused', (_name, wrong) => {
    const good = { obs: [0, 0, 0, 0, 0], price: 300, share: [0, 0, 0], reward: 0, terminated: false, truncated: false }
    expect(codeOf(() => make(true).add({ ...good, ...wrong }))).toBe('BAD_DATA')
  })
})

describe('observations by reference', () => {
  const features = 3
  const bars = 50
  const data = new Float32Array(new SharedArrayBuffer(bars * features * 4)).map((_, i) => i + 0.5)
  const window = 4
  const columns = { obs: { dtype: 'float32', data, features, window, state: 2 }, action: { dtype: 'int32' } } as const

  /** The observation by its definition. */
  const expected = (time: number, state: readonly number[]): number[] => [
    ...Array.from({ length: window * features }, (_, i) => {
      const bar = time - window + 1 + Math.floor(i / features)
      return bar < 0 ? 0 : data[bar * features + (i % features)]
    }),
    ...state,
  ]

  it.each(['memory', 'shared'] as const)('are the windows of the shared bars, then the state (%s)', (kind) => {
    const storage = kind === 'shared' ? { storage: shared({ chunkRows: 8 }) } : {}
    const buffer = createReplayBuffer({
      capacity: 64,
      columns,
      sampler: uniform({ replacement: false }),
      accumulator: nStep({ n: 2 }),
      ...storage,
    })
    for (let t = 0; t < 30; t++) {
      const last = t % 10 === 9
      buffer.add({
        obs: { time: t, state: [t, -t] },
        action: t,
        reward: 1,
        terminated: false,
        truncated: last,
        ...(last ? { finalObs: { time: t + 1, state: [7, 8] } } : {}),
      })
    }
    const { columns: c } = buffer.sample(30)
    for (let k = 0; k < 30; k++) {
      const t = c.action[k]
      expect([...c.obs.subarray(k * 14, k * 14 + 14)]).toEqual(expected(t, [t, -t]))
      const next = Math.min(t + 2, Math.floor(t / 10) * 10 + 10)
      expect([...c.nextObs.subarray(k * 14, k * 14 + 14)]).toEqual(
        expected(next, next % 10 === 0 ? [7, 8] : [next, -next]),
      )
    }
    // Two numbers of state, time, action and reward: not the 14 numbers of a window, twice.
    expect(buffer.stats().recordBytes).toBe(20)
  })

  it('addBatch takes times and states; stacks and the plain writers work too', () => {
    const make = (codegen: boolean) =>
      createReplayBuffer({
        capacity: 20,
        columns,
        accumulator: frameStack({ frames: 2 }),
        sampler: uniform({ replacement: false }),
        codegen,
      })
    const [a, b] = [make(true), make(false)]
    const time = Int32Array.from({ length: 12 }, (_, i) => i + 5)
    const state = Float32Array.from({ length: 24 }, (_, i) => i)
    const zeros = new Uint8Array(12)
    a.addBatch({
      obs: { time, state },
      action: time,
      reward: new Float32Array(12),
      terminated: zeros,
      truncated: zeros,
    })
    for (let i = 0; i < 12; i++)
      b.add({
        obs: { time: time[i], state: state.subarray(2 * i, 2 * i + 2) },
        action: time[i],
        reward: 0,
        terminated: false,
        truncated: false,
      })
    expect(a.sample(11)).toEqual(b.sample(11))
  })

  it.each([
    ['a time beyond the bars', 'BAD_DATA', { time: 50, state: [0, 0] }],
    ['a negative time', 'BAD_DATA', { time: -1, state: [0, 0] }],
    ['no state', 'BAD_SHAPE', { time: 1 }],
    ['no time', 'BAD_DATA', { state: [0, 0] }],
  ])('%s: %s', (_name, code, obs) => {
    const buffer = createReplayBuffer({ capacity: 20, columns })
    expect(
      codeOf(() =>
        buffer.add({ obs: obs as { time: number }, action: 0, reward: 0, terminated: false, truncated: false }),
      ),
    ).toBe(code)
  })

  it('data of broken bars is refused', () => {
    expect(
      codeOf(() =>
        createReplayBuffer({ capacity: 20, columns: { obs: { ...columns.obs, data: new Float32Array(10) } } }),
      ),
    ).toBe('BAD_SHAPE')
  })
})

it('all dtypes and odd shapes come back exactly, large records and small ones, both forms', () => {
  const rng = createRng(12)
  for (const large of [1, 700])
    for (const wasm of [true, false]) {
      const buffer = createReplayBuffer({
        capacity: 40,
        columns: {
          obs: { dtype: 'uint8', shape: [7 * large] },
          a: { dtype: 'float64', shape: [2, 2] },
          b: { dtype: 'int8' },
          c: { dtype: 'uint16', shape: [3] },
          d: { dtype: 'uint32' },
          e: { dtype: 'int16', shape: [1] },
          f: { dtype: 'float32', shape: [5] },
        },
        sampler: uniform({ replacement: false }),
        wasm,
      })
      const rows = Array.from({ length: 60 }, () => ({
        obs: Uint8Array.from({ length: 7 * large }, () => rng.below(256)),
        a: Float64Array.from({ length: 4 }, () => rng.normal()),
        b: rng.below(256) - 128,
        c: Uint16Array.from({ length: 3 }, () => rng.below(65536)),
        d: rng.uint32(),
        e: Int16Array.of(rng.below(65536) - 32768),
        f: Float32Array.from({ length: 5 }, () => rng.normal()),
        reward: Math.fround(rng.normal()),
        terminated: false,
        truncated: false,
      }))
      for (const row of rows) buffer.add(row)
      const { indices, columns: c } = buffer.sample(39)
      indices.forEach((slot, k) => {
        const row = rows[slot < 20 ? slot + 40 : slot]
        const at = <T extends { subarray(a: number, b: number): Iterable<number>; length: number }>(array: T) => [
          ...array.subarray((k * array.length) / 39, ((k + 1) * array.length) / 39),
        ]
        expect([at(c.obs), at(c.a), at(c.b), at(c.c), at(c.d), at(c.e), at(c.f), at(c.reward)]).toEqual([
          [...row.obs],
          [...row.a],
          [row.b],
          [...row.c],
          [row.d],
          [...row.e],
          [...row.f],
          [row.reward],
        ])
      })
    }
})
