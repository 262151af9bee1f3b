import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Cache,
  createFit,
  createRng,
  type Data,
  type FeatureMatrix,
  type Fit,
  type FitOptions,
  type FitRequest,
  type Key,
} from '@tradewright/core'
import { cacheContract } from '@tradewright/core/testing'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { parameterDistance } from '../src/incremental/nearest-state.ts'
import { replayRows } from '../src/incremental/replay-rows.ts'
import * as models from '../src/index.ts'
import {
  createOptimizer,
  incrementalTraining,
  measureDrift,
  sketchRows,
  stabilityIndex,
  stateFiles,
} from '../src/index.ts'

const folders: string[] = []
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'states-'))
  folders.push(made)
  return made
}
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true })
})

const cold: Fit = createFit(async () => models)
const { signal } = new AbortController()
const DAY = 86_400_000

/** Rows of a series: the same ones for the same place, whatever window they are looked at through. */
function rows(from: number, to: number, shift = 0): Pick<FitRequest, 'X' | 'y' | 'times' | 'series'> {
  const data = new Float32Array((to - from) * 2)
  const y = new Float32Array(to - from)
  for (let i = from; i < to; i++) {
    const rng = createRng(5, i)
    const a = rng.normal() + shift
    const b = rng.normal()
    data.set([a, b], (i - from) * 2)
    y[i - from] = a - b + rng.normal() > shift ? 1 : 0
  }
  const X: FeatureMatrix = { names: ['a', 'b'], data, rows: to - from, columns: 2 }
  return { X, y, times: Float64Array.from(y, (_, i) => (from + i) * DAY), series: 'eth' }
}

function request(options: Record<string, Data>, over: Partial<FitRequest> = {}): FitRequest {
  const model = {
    module: '-',
    export: 'logisticRegression',
    options: { solver: 'online', rounds: 4, ...options },
    rounds: 'rounds',
    version: '1',
  }
  return { trial: 0, model, signal, ...rows(0, 60), ...over }
}

/** Counts what reaches the innermost. */
function counted(): { readonly fit: Fit; readonly calls: FitRequest[] } {
  const calls: FitRequest[] = []
  return {
    calls,
    fit: (asked) => {
      calls.push(asked)
      return cold(asked)
    },
  }
}

interface Choice {
  readonly rows: number
  readonly weighted: boolean
  readonly rounds: number
  readonly l1: number
  readonly update: string
  readonly version: string
  readonly validated: boolean
  readonly trial: number
}

describe('incrementalTraining, exact', () => {
  it('makes 150 rounds of 100 and 50, and 70 of 150, to the bit', async () => {
    const optimizer = incrementalTraining()
    const { fit, calls } = counted()
    const first = await optimizer.fit(request({ rounds: 100 }), fit)
    expect(first).toMatchObject({ exact: true, rounds: 100, cost: { rounds: 100 } })
    expect(first.continued).toBeUndefined()
    const second = await optimizer.fit(request({ rounds: 150 }), fit)
    expect(second.model).toEqual((await cold(request({ rounds: 150 }))).model)
    expect(second).toMatchObject({
      exact: true,
      rounds: 150,
      cost: { rounds: 50 },
      continued: { kind: 'rounds', rounds: 100 },
    })
    const again = await optimizer.fit(request({ rounds: 150 }), fit)
    expect(again).toMatchObject({ exact: true, cost: { rounds: 0 }, continued: { kind: 'same', rounds: 150 } })
    expect(again.model).toEqual(second.model)
    expect(calls.map(({ initial, rounds: r }) => [initial === undefined, r])).toEqual([
      [true, undefined],
      [false, 150],
    ])
    // Online states cannot be cut: fewer rounds are a training of their own.
    const fewer = await optimizer.fit(request({ rounds: 70 }), fit)
    expect(fewer.continued).toBeUndefined()
    expect(fewer.model).toEqual((await cold(request({ rounds: 70 }))).model)
    expect(optimizer.stats()).toMatchObject({ fits: 4, cold: 2, same: 1, continuedExact: 1, roundsSaved: 250 })
    expect(optimizer.stats().msSaved).toBeGreaterThan(0)
    expect(optimizer.effect).toBe('exact')
  })

  it('cuts where the model can be cut, and knows one that had stopped by itself', async () => {
    // Grows by one number a round; stops by itself at `stop`.
    const grown = (options: { rounds: number; stop?: number }) => {
      let made: number[] = []
      return {
        name: 'grown',
        bytes: 8,
        continuation: 'exact' as const,
        truncates: true,
        async fit(
          _X: FeatureMatrix,
          y: Float32Array,
          { initial, rounds: r = options.rounds, onProgress }: FitOptions = {},
        ) {
          made = [...((initial as unknown as number[] | undefined) ?? [])].slice(0, r)
          while (made.length < Math.min(r, options.stop ?? 1e9)) made.push(made.length * y.length)
          onProgress?.({ round: made.length, rounds: r, loss: undefined, validationLoss: undefined })
        },
        predict: (X: FeatureMatrix) => new Float32Array(X.rows),
        save: () => made,
        load: () => undefined,
      }
    }
    const inner = createFit(async () => ({ grown }))
    const optimizer = incrementalTraining()
    const calls: FitRequest[] = []
    const fit: Fit = (asked) => {
      calls.push(asked)
      return inner(asked)
    }
    const of = (r: number, stop?: number) =>
      request(
        {},
        { model: { module: '-', export: 'grown', options: { rounds: r, stop }, rounds: 'rounds', version: '1' } },
      )
    for (const [r, stop] of [[10], [4], [7], [12], [20, 6], [30, 6], [8, 6], [3, 6]]) {
      const fitted = await optimizer.fit(of(r, stop), fit)
      expect(fitted.model).toEqual((await inner(of(r, stop))).model)
      expect(fitted.exact).toBe(true)
    }
    expect(optimizer.stats()).toMatchObject({ cold: 2, continuedExact: 6 })
    expect(calls).toHaveLength(6) // 30 and 8 of the one that stopped at 6 needed none
  })

  it('does the same with boosted trees, with early stopping and without', async () => {
    const { X, y } = rows(300, 400)
    for (const [options, validation] of [
      [{ rowSample: 0.7, columnSample: 0.5, maxDepth: 3 }, undefined],
      [
        { rowSample: 0.7, maxDepth: 3, earlyStopping: 5 },
        { X, y },
      ],
    ] as const) {
      const optimizer = incrementalTraining()
      const of = (count: number): FitRequest => ({
        ...request({}, rows(0, 300)),
        validation,
        model: {
          module: '-',
          export: 'gradientBoosting',
          options: { ...options, rounds: count },
          rounds: 'rounds',
          version: '1',
        },
      })
      for (const count of [10, 15, 30, 12, 60, 3]) {
        const fitted = await optimizer.fit(of(count), cold)
        expect(fitted.model).toEqual((await cold(of(count))).model)
        expect(fitted.exact).toBe(true)
      }
      const { cold: fromNothing, continuedExact } = optimizer.stats()
      if (validation === undefined) expect([fromNothing, continuedExact]).toEqual([1, 5])
      else expect(continuedExact).toBeGreaterThan(0)
    }
  })

  it('never answers a model of other data, parameters or code', async () => {
    const data = [rows(0, 30), rows(0, 31), rows(1, 31)]
    const changed = rows(0, 30)
    changed.X.data[17] += 1e-6
    const labels = rows(0, 30)
    labels.y[3] = 1 - labels.y[3]
    const renamed = rows(0, 30)
    const all = [...data, changed, labels, { ...renamed, X: { ...renamed.X, names: ['b', 'a'] } }]
    const truth = new Map<string, Data>()
    const choice = fc.record({
      rows: fc.nat(all.length - 1),
      weighted: fc.boolean(),
      rounds: fc.integer({ min: 0, max: 6 }),
      l1: fc.constantFrom(0, 0.001),
      update: fc.constantFrom('ftrl', 'sgd'),
      version: fc.constantFrom('1', '2'),
      validated: fc.boolean(),
      trial: fc.nat(5),
    })
    const make = (c: Choice): FitRequest => {
      const base = request(
        { rounds: c.rounds, l1: c.l1, update: c.update, seed: c.version === '2' ? 7 : 0 },
        all[c.rows],
      )
      const { X, y } = rows(50, 60)
      return {
        ...base,
        trial: c.trial,
        run: 'study',
        earlier: c.trial,
        model: { ...base.model, version: c.version },
        sampleWeight: c.weighted ? base.y.map((_, i) => 1 + (i % 2)) : undefined,
        validation: c.validated ? { X, y } : undefined,
      }
    }
    const optimizer = incrementalTraining()
    await fc.assert(
      fc.asyncProperty(fc.array(choice, { minLength: 2, maxLength: 12 }), async (choices) => {
        const fitted = await Promise.all(choices.map((c) => optimizer.fit(make(c), cold)))
        for (const [i, c] of choices.entries()) {
          const name = JSON.stringify({ ...c, trial: 0 })
          if (!truth.has(name)) truth.set(name, (await cold(make(c))).model)
          expect(fitted[i].exact).toBe(true)
          expect(fitted[i].model).toEqual(truth.get(name))
        }
      }),
      { numRuns: 60 },
    )
    expect(optimizer.stats().same).toBeGreaterThan(20)
    expect(optimizer.stats().continuedExact).toBeGreaterThan(20)
  })

  it('believes no cache that mixes entries up, loses or damages them', async () => {
    const values = new Map<Key, Uint8Array>()
    const rng = createRng(3)
    const liar: Pick<Cache, 'getMany' | 'setMany'> = {
      async getMany(keys) {
        const all = [...values.values()]
        return keys.map((key) => {
          const dice = rng.uniform()
          if (dice < 0.3) return all[rng.below(Math.max(1, all.length))]
          if (dice < 0.4) return Uint8Array.of(1, 2, 3)
          if (dice < 0.5) return undefined
          return values.get(key)
        })
      },
      async setMany(entries) {
        for (const { key, value } of entries) values.set(key, value)
      },
    }
    const optimizer = incrementalTraining({ cache: liar as Cache })
    for (let k = 0; k < 60; k++) {
      const asked = request({ rounds: 1 + (k % 5), l1: (k % 3) / 1000 }, rows(0, 20 + (k % 2)))
      const fitted = await optimizer.fit(asked, cold)
      expect(fitted.model).toEqual((await cold(asked)).model)
    }
    expect(optimizer.stats().same + optimizer.stats().continuedExact).toBeGreaterThan(5)
  })

  it('knows code without a version by the bytes of its module', async () => {
    const module = join(folder(), 'model.mjs')
    writeFileSync(module, 'export const one = 1')
    const optimizer = incrementalTraining()
    const { fit, calls } = counted()
    const of = (): FitRequest => {
      const asked = request({})
      return { ...asked, model: { ...asked.model, module, version: undefined } }
    }
    await optimizer.fit(of(), fit)
    await optimizer.fit(of(), fit)
    expect(calls).toHaveLength(1)
    writeFileSync(module, 'export const one = 2')
    await optimizer.fit(of(), fit)
    expect(calls).toHaveLength(2)
  })

  it('shares a folder with those rebuilt elsewhere, and survives its damage', async () => {
    const directory = folder()
    const first = incrementalTraining({ directory })
    expect(first.remote).toMatchObject({ module: '@tradewright/incremental-training', options: { directory } })
    const fitted = await first.fit(request({}), cold)
    const other = createOptimizer(structuredClone(first.remote?.options))
    const { fit, calls } = counted()
    expect((await other.fit?.(request({}), fit))?.model).toEqual(fitted.model)
    expect(calls).toHaveLength(0)
    for (const part of readdirSync(directory))
      for (const file of readdirSync(join(directory, part))) {
        const path = join(directory, part, file)
        const bytes = readFileSync(path)
        bytes[bytes.length - 3] ^= 4
        writeFileSync(path, bytes)
      }
    expect((await other.fit?.(request({}), fit))?.model).toEqual(fitted.model)
    expect(calls).toHaveLength(1)
    await other[Symbol.asyncDispose]?.()
    await expect(other.fit?.(request({}), fit)).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  it('lets errors and aborts through, and keeps nothing of them', async () => {
    const optimizer = incrementalTraining()
    const bad = request({}, { y: new Float32Array(60) })
    await expect(optimizer.fit(bad, cold)).rejects.toMatchObject({ code: 'BAD_DATA' })
    await expect(optimizer.fit(bad, cold)).rejects.toMatchObject({ code: 'BAD_DATA' })
    const controller = new AbortController()
    controller.abort(new Error('enough'))
    await expect(optimizer.fit(request({}, { signal: controller.signal }), cold)).rejects.toThrow('enough')
    expect((await optimizer.fit(request({}), cold)).continued).toBeUndefined()
  })

  it('refuses bad options', () => {
    expect(() => incrementalTraining({ aproximate: true } as never)).toThrow("did you mean 'approximate'?")
    expect(() => incrementalTraining({ approximate: { newRounds: 2 } })).toThrow(
      'newRounds must be a number from 0 to 1',
    )
    expect(() => incrementalTraining({ approximate: { replays: 1 } as never })).toThrow("did you mean 'replay'?")
    expect(() => incrementalTraining({ directory: 'x', cache: {} as Cache })).toThrow('both were given')
  })
})

describe('incrementalTraining, approximate', () => {
  it('keeps boosted trees as many as were asked for, from window to window', async () => {
    const optimizer = incrementalTraining({ approximate: { driftThreshold: 100 } })
    const model = {
      module: '-',
      export: 'gradientBoosting',
      options: { rounds: 20, maxDepth: 3 },
      rounds: 'rounds',
      version: '1',
    }
    for (const end of [300, 340, 380]) {
      const fitted = await optimizer.fit({ ...request({}, rows(end - 300, end)), model }, cold)
      expect(fitted.rounds).toBe(20)
      expect(fitted.exact).toBe(end === 300)
      expect(fitted.cost.rounds).toBe(end === 300 ? 20 : 5)
    }
  })

  const near = (over: Parameters<typeof incrementalTraining>[0] = {}) =>
    incrementalTraining({ approximate: true, ...over })

  it('goes on to newer bars and wider or moved windows, and says so', async () => {
    for (const [from, to] of [
      [0, 240],
      [20, 240],
      [190, 240],
    ]) {
      const optimizer = near()
      const { fit, calls } = counted()
      const first = await optimizer.fit(request({ rounds: 20 }, rows(0, 200)), fit)
      const fitted = await optimizer.fit(request({ rounds: 20 }, rows(from, to)), fit)
      expect(fitted).toMatchObject({ exact: false, continued: { kind: 'data', rounds: 20 }, cost: { rounds: 5 } })
      expect(calls[1].initial).toEqual(first.model)
      expect(calls[1].X.rows).toBe(to - from)
      expect(optimizer.stats()).toMatchObject({ cold: 1, continuedApproximate: 1, roundsSaved: 20 })
      expect(optimizer.effect).toBe('search')
      // Confirmed by a cold fit: near, but not the same.
      const confirmed = await cold(request({ rounds: 20 }, rows(from, to)))
      expect(confirmed.exact).toBe(true)
      expect(confirmed.model).not.toEqual(fitted.model)
    }
  })

  it('trains on new rows and a share of the old ones', async () => {
    const optimizer = near({ approximate: { replay: 0.25 } })
    const { fit, calls } = counted()
    await optimizer.fit(request({}, rows(0, 200)), fit)
    await optimizer.fit(request({}, rows(0, 240)), fit)
    expect(calls[1].X.rows).toBe(90)
    expect([...(calls[1].times ?? [])].slice(50)).toEqual(Array.from({ length: 40 }, (_, i) => (200 + i) * DAY))
  })

  it('goes on from neighbouring parameters, not from far ones', async () => {
    const optimizer = near()
    await optimizer.fit(request({ rate: 0.1, rounds: 20 }), cold)
    const fitted = await optimizer.fit(request({ rate: 0.11, rounds: 20 }), cold)
    expect(fitted).toMatchObject({ exact: false, continued: { kind: 'parameters' }, cost: { rounds: 5 } })
    expect((await optimizer.fit(request({ rate: 0.5, rounds: 20 }), cold)).exact).toBe(true)
    expect((await optimizer.fit(request({ rate: 0.1, update: 'sgd', rounds: 20 }), cold)).exact).toBe(true)
    expect(parameterDistance({ a: 1, b: [2, 'x'] }, { a: 2, b: [2, 'x'] })).toBe(0.25)
    expect(parameterDistance({ a: 1 }, { a: 1, b: 2 })).toBe(Number.POSITIVE_INFINITY)
    expect(parameterDistance({ a: 'x' }, { a: 'y' })).toBe(Number.POSITIVE_INFINITY)
  })

  it('never answers an approximation as exact, nor to another who asks the same', async () => {
    const optimizer = near()
    await optimizer.fit(request({ rate: 0.1 }), cold)
    const approximate = await optimizer.fit(request({ rate: 0.101 }), cold)
    expect(approximate.exact).toBe(false)
    expect((await optimizer.fit(request({ rate: 0.101 }), cold)).exact).toBe(false)
    expect((await optimizer.fit(request({ rate: 0.101, rounds: 8 }), cold)).exact).toBe(false)
  })

  it('never goes on from a model that has seen later bars', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 60, max: 100 })), {
          minLength: 2,
          maxLength: 8,
        }),
        async (windows) => {
          const optimizer = near({ approximate: { driftThreshold: 100, maxDistance: 1 } })
          const ends = new Map<Data, number>()
          for (const [i, [from, to]] of windows.entries()) {
            const { fit, calls } = counted()
            const fitted = await optimizer.fit(
              request({ rounds: 1, rate: 0.1 + i / 1000 }, { ...rows(from, to), trial: i }),
              fit,
            )
            const begun = calls.at(-1)?.initial as { theta: Float64Array } | undefined
            if (begun !== undefined) expect(ends.get(begun.theta.join())).toBeLessThanOrEqual(to)
            const theta = (fitted.model as unknown as { theta: Float64Array }).theta.join()
            const seen = begun === undefined ? to : Math.max(to, ends.get(begun.theta.join()) ?? 1e9)
            ends.set(theta, seen)
          }
        },
      ),
      { numRuns: 25 },
    )
    const optimizer = near()
    await optimizer.fit(request({}, rows(0, 200)), cold)
    expect((await optimizer.fit(request({}, rows(0, 150)), cold)).exact).toBe(true)
    // Nor of another series, nor where times are not told.
    expect((await optimizer.fit(request({}, { ...rows(0, 230), series: 'btc' }), cold)).exact).toBe(true)
    expect((await optimizer.fit(request({}, { ...rows(0, 220), times: undefined }), cold)).exact).toBe(true)
  })

  it('learns from nothing where the new bars have drifted', async () => {
    const optimizer = near()
    await optimizer.fit(request({}, rows(0, 400)), cold)
    const moved = rows(0, 600)
    const later = rows(400, 600, 1.5)
    moved.X.data.set(later.X.data, 800)
    moved.y.set(later.y, 400)
    expect((await optimizer.fit(request({}, moved), cold)).exact).toBe(true)
    expect(optimizer.stats().driftRefits).toBe(1)
    const alike = near()
    await alike.fit(request({}, rows(0, 400)), cold)
    expect((await alike.fit(request({}, rows(0, 600)), cold)).exact).toBe(false)
  })

  it('finds the same at any concurrency: only trials of earlier generations count', async () => {
    const search = async (concurrency: number) => {
      const optimizer = near()
      const answers: (readonly [boolean, Data])[] = []
      for (let generation = 0; generation < 3; generation++) {
        const trials = Array.from({ length: 4 }, (_, i) => generation * 4 + i)
        const run = async (trial: number) => {
          const rate = 0.1 * 1.03 ** ((trial * 7) % 12)
          const asked = request({ rate }, { trial, run: 'study', earlier: generation * 4 })
          const { exact, model } = await optimizer.fit(asked, cold)
          answers[trial] = [exact, model]
        }
        if (concurrency === 1) for (const trial of trials) await run(trial)
        else await Promise.all(trials.reverse().map(run))
      }
      return answers
    }
    const one = await search(1)
    expect(await search(4)).toEqual(one)
    expect(one.slice(0, 4).every(([exact]) => exact)).toBe(true)
    expect(one.slice(4).filter(([exact]) => !exact).length).toBeGreaterThan(4)
  })

  it('trains from nothing where the model refuses a near state', async () => {
    const optimizer = near()
    await optimizer.fit(request({ rate: 0.1 }), cold)
    const shy: Fit = (asked) => (asked.initial === undefined ? cold(asked) : cold({ ...asked, initial: 'nonsense' }))
    expect((await optimizer.fit(request({ rate: 0.101 }), shy)).exact).toBe(true)
    expect(optimizer.stats().refused).toBe(1)
  })
})

describe('drift and replay', () => {
  it('computes the stability index', () => {
    // (0.5 - 0.25) ln(0.5 / 0.25) + (0.5 - 0.75) ln(0.5 / 0.75), by hand.
    expect(stabilityIndex(Float64Array.of(50, 50), Float64Array.of(25, 75))).toBeCloseTo(0.274653, 6)
    expect(stabilityIndex(Float64Array.of(10, 0, 90), Float64Array.of(1, 0, 9))).toBeCloseTo(0, 12)
  })

  it('is silent on rows of the same distribution and finds a shift, a spread and missing values', () => {
    const draw = (seed: number, n: number, map: (v: number) => number = (v) => v): FeatureMatrix => {
      const rng = createRng(seed)
      return { names: ['v'], data: Float32Array.from({ length: n }, () => map(rng.normal())), rows: n, columns: 1 }
    }
    const y = (n: number) => new Float32Array(n)
    let alarms = 0
    for (let seed = 0; seed < 300; seed++) {
      const sketch = sketchRows(draw(seed, 500), y(500))
      const drift = measureDrift(sketch, draw(1000 + seed, 60), y(60), 0, 0.1)
      if (drift.index > drift.limit) alarms++
    }
    expect(alarms).toBeLessThanOrEqual(3)
    const sketch = sketchRows(draw(1, 500), y(500))
    for (const map of [(v: number) => v + 1, (v: number) => v * 3, (v: number) => (v > 0.5 ? Number.NaN : v)]) {
      const drift = measureDrift(sketch, draw(2, 200, map), y(200), 0, 0.25)
      expect(drift.index).toBeGreaterThan(drift.limit)
      expect(drift.column).toBe('v')
    }
    const target = measureDrift(sketch, draw(3, 200), y(200).fill(1), 0, 0.25)
    expect(target).toMatchObject({ column: '' })
    expect(target.index).toBeGreaterThan(target.limit)
  })

  it('replays a share of the old rows, in order, with what belongs to them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(1000),
        (from, share, seed) => {
          const n = from + 7
          const data = Float32Array.from({ length: n * 2 }, (_, k) => Math.floor(k / 2))
          const X: FeatureMatrix = { names: ['a', 'b'], data, rows: n, columns: 2 }
          const y = Float32Array.from({ length: n }, (_, i) => i)
          const got = replayRows({ X, y, sampleWeight: y, times: Float64Array.from(y) }, from, share, seed)
          const drawn = Math.round(from * share)
          const kept = [...got.y]
          expect(kept).toHaveLength(drawn + 7)
          expect(kept.slice(drawn)).toEqual([0, 1, 2, 3, 4, 5, 6].map((k) => from + k))
          expect(new Set(kept).size).toBe(kept.length)
          expect(kept).toEqual([...kept].sort((a, b) => a - b))
          expect([...(got.sampleWeight ?? [])]).toEqual(kept)
          expect([...(got.times ?? [])]).toEqual(kept)
          expect([...got.X.data]).toEqual(kept.flatMap((v) => [v, v]))
        },
      ),
    )
  })
})

describe('stateFiles', () => {
  cacheContract({ make: () => stateFiles({ directory: folder() }) })

  it('removes the oldest above its limit', async () => {
    const files = stateFiles({ directory: folder(), maxBytes: 10_000 })
    for (let i = 0; i < 30; i++)
      await files.setMany([{ key: String(i).padStart(32, '0'), value: new Uint8Array(1000).fill(i) }])
    expect(files.stats().bytes).toBeLessThanOrEqual(11_000)
    expect((await files.getMany([String(29).padStart(32, '0')]))[0]).toEqual(new Uint8Array(1000).fill(29))
    expect((await files.getMany([String(0).padStart(32, '0')]))[0]).toBeUndefined()
  })
})
