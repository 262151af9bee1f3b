import { createRng, type FeatureMatrix, isTradewrightError, type Model } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gradientBoosting } from '../../src/trees/gradient-boosting.ts'
import type { GradientBoostingOptions } from '../../src/trees/gradient-boosting-options.ts'
import type { TreeEnsemble } from '../../src/trees/tree-ensemble.ts'

interface Made {
  readonly X: FeatureMatrix
  readonly y: Float32Array
  readonly weight: Float32Array
}

/** Random features with gaps and one column of categories, and targets that depend on them. */
function made(
  seed: number,
  objective: GradientBoostingOptions['objective'],
  { rows = 400, columns = 6, gaps = 0.1 } = {},
): Made {
  const rng = createRng(seed)
  const data = new Float32Array(rows * columns)
  const y = new Float32Array(rows)
  const weight = new Float32Array(rows)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++)
      data[r * columns + c] = c === 1 ? rng.below(9) : rng.uniform() < gaps ? Number.NaN : rng.normal()
    const x = (c: number): number => (Number.isNaN(data[r * columns + c]) ? 0.3 : data[r * columns + c])
    const score = x(0) + Math.sin(2 * x(2)) + (x(1) % 3) - 1 + 0.3 * rng.normal()
    if (objective === 'binary') y[r] = Number(score > 0)
    else if (objective === 'multi-class') y[r] = Math.min(2, Math.max(0, Math.floor(score + 1)))
    else y[r] = score
    weight[r] = rng.uniform() + 0.1
  }
  return { X: { names: Array.from({ length: columns }, (_, c) => `x${c}`), data, rows, columns }, y, weight }
}

const objectives = ['binary', 'multi-class', 'regression', 'quantile'] as const

/** Options of all kinds: every feature of the booster is on in some. */
const anyOptions = fc.record({
  objective: fc.constantFrom(...objectives),
  maxDepth: fc.integer({ min: 1, max: 7 }),
  maxBins: fc.constantFrom(2, 7, 64, 256),
  lambda: fc.constantFrom(0, 1, 3),
  alpha: fc.constantFrom(0, 0.5),
  gamma: fc.constantFrom(0, 0.2),
  minChildWeight: fc.constantFrom(0, 1, 4),
  rowSample: fc.constantFrom(1, 0.6),
  columnSample: fc.constantFrom(1, 0.5),
  nodeColumnSample: fc.constantFrom(1, 0.5),
  categorical: fc.constantFrom([], ['x1']),
  monotone: fc.constantFrom({}, { x0: 1 as const, x3: -1 as const }),
  seed: fc.integer({ min: 0, max: 1000 }),
})

async function trained(options: GradientBoostingOptions, { X, y, weight }: Made, weighted = true): Promise<Model> {
  const model = gradientBoosting(options)
  await model.fit(X, y, weighted ? { sampleWeight: weight } : {})
  return model
}

const treesOf = (model: Model): TreeEnsemble => (model.save() as unknown as { ensemble: TreeEnsemble }).ensemble

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    return isTradewrightError(error) ? error.code : String(error)
  }
  return 'none'
}

describe('every way to the same model gives the same bits', () => {
  it('WebAssembly and plain TypeScript', async () => {
    await fc.assert(
      fc.asyncProperty(anyOptions, fc.boolean(), async (options, weighted) => {
        const data = made(options.seed, options.objective)
        const wasm = await trained({ ...options, rounds: 4, engine: 'wasm' }, data, weighted)
        const plain = await trained({ ...options, rounds: 4, engine: 'plain' }, data, weighted)
        expect(plain.save()).toEqual(wasm.save())
      }),
      { numRuns: 40 },
    )
  })

  it('one thread, two and three', async () => {
    // Enough rows that every kind of work is parted among threads.
    for (const objective of ['binary', 'multi-class'] as const) {
      const data = made(3, objective, { rows: 40_000, columns: 20 })
      const options = { objective, rounds: 3, maxDepth: 5, rowSample: 0.9, categorical: ['x1'] }
      const one = await trained(options, data)
      for (const threads of [2, 3]) expect(treesOf(await trained({ ...options, threads }, data))).toEqual(treesOf(one))
    }
  })

  it('100 + 50 rounds and 150, whatever the options', async () => {
    await fc.assert(
      fc.asyncProperty(anyOptions, fc.integer({ min: 0, max: 9 }), async (options, cut) => {
        const data = made(options.seed, options.objective, { rows: 200 })
        const whole = gradientBoosting({ ...options, rounds: 10 })
        await whole.fit(data.X, data.y)
        const first = gradientBoosting({ ...options, rounds: cut })
        await first.fit(data.X, data.y)
        const rest = gradientBoosting({ ...options, rounds: 10 })
        await rest.fit(data.X, data.y, { initial: structuredClone(first.save()) })
        expect(rest.save()).toEqual(whole.save())
        // And back: a longer state cut down is the shorter training.
        const back = gradientBoosting({ ...options, rounds: 10 })
        await back.fit(data.X, data.y, { initial: whole.save(), rounds: cut })
        expect(back.save()).toEqual(first.save())
      }),
      { numRuns: 30 },
    )
    const data = made(1, 'binary')
    const long = await trained({ rounds: 150, maxDepth: 4, rowSample: 0.8 }, data, false)
    const first = await trained({ rounds: 100, maxDepth: 4, rowSample: 0.8 }, data, false)
    const rest = gradientBoosting({ rounds: 150, maxDepth: 4, rowSample: 0.8 })
    await rest.fit(data.X, data.y, { initial: first.save() })
    expect(rest.save()).toEqual(long.save())
    expect(rest.predict(data.X)).toEqual(long.predict(data.X))
  })

  it('rows in memory and in blocks with the same cuts', async () => {
    for (const objective of objectives) {
      const { X, y, weight } = made(8, objective, { rows: 1000 })
      const options = { objective, rounds: 6, categorical: ['x1'] }
      const whole = gradientBoosting(options)
      await whole.fit(X, y, { sampleWeight: weight })
      const part = (from: number, to: number) => ({
        X: { ...X, rows: to - from, data: X.data.subarray(from * 6, to * 6) },
        y: y.subarray(from, to),
        sampleWeight: weight.subarray(from, to),
      })
      async function* blocks() {
        yield part(0, 1)
        yield part(1, 400)
        yield part(400, 400)
        yield part(400, 1000)
      }
      // Read twice, so that the sketch is of all rows; and once, from frozen cuts.
      const twice = gradientBoosting(options)
      await twice.fitBlocks(blocks)
      expect(twice.save()).toEqual(whole.save())
      const short = gradientBoosting({ ...options, rounds: 2 })
      await short.fit(X, y, { sampleWeight: weight })
      const once = gradientBoosting(options)
      await once.fitBlocks(blocks(), { initial: short.save() })
      expect(once.save()).toEqual(whole.save())
      // Read once with fewer rows than the sketch may keep: the same again.
      const kept = gradientBoosting(options)
      await kept.fit(blocks())
      expect(kept.save()).toEqual(whole.save())
    }
  })

  it('a batch, one row alone and the plain traversal', async () => {
    for (const categorical of [[], ['x1']])
      for (const objective of objectives) {
        const { X, y } = made(4, objective)
        const model = gradientBoosting({ objective, rounds: 12, categorical })
        await model.fit(X, y)
        const batch = model.predict(X)
        for (let r = 0; r < 50; r++) {
          const row = { ...X, rows: 1, data: X.data.subarray(r * 6, r * 6 + 6) }
          expect(model.predict(row)).toEqual(batch.slice(r * model.outputs, (r + 1) * model.outputs))
        }
        const loaded = gradientBoosting()
        loaded.load(structuredClone(model.save()))
        expect(loaded.predict(X)).toEqual(batch)
      }
  })
})

describe('what a model is', () => {
  it('follows monotone constraints everywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 500 }), fc.constantFrom(1, -1), async (seed, direction) => {
        const { X, y } = made(seed, 'regression', { rows: 300 })
        const monotone = { x0: direction as 1 | -1, x3: direction as 1 | -1 }
        const model = gradientBoosting({ objective: 'regression', rounds: 15, maxDepth: 6, lambda: 0, monotone })
        await model.fit(X, y)
        for (const column of [0, 3])
          for (let r = 0; r < 20; r++) {
            const rows = 40
            const data = new Float32Array(rows * 6)
            for (let i = 0; i < rows; i++) {
              data.set(X.data.subarray(r * 6, r * 6 + 6), i * 6)
              data[i * 6 + column] = -4 + i * 0.2
            }
            const predicted = model.predict({ ...X, data, rows })
            for (let i = 1; i < rows; i++)
              expect((predicted[i] - predicted[i - 1]) * direction).toBeGreaterThanOrEqual(0)
          }
      }),
      { numRuns: 12 },
    )
  })

  it('gives weights the meaning of repeated rows', async () => {
    const { X, y } = made(2, 'regression', { rows: 150 })
    const rng = createRng(5)
    const weight = Float32Array.from(y, () => 1 + rng.below(3))
    const order = Array.from(y, (_, r) => r).flatMap((r) => Array.from({ length: weight[r] }, () => r))
    const data = Float32Array.from(order.flatMap((r) => Array.from(X.data.subarray(r * 6, r * 6 + 6))))
    const repeated = { ...X, rows: order.length, data }
    const options = { objective: 'regression', rounds: 8, baseScore: 0 } as const
    const weighted = gradientBoosting(options)
    await weighted.fit(X, y, { sampleWeight: weight })
    const plain = gradientBoosting(options)
    await plain.fit(
      repeated,
      Float32Array.from(order, (r) => y[r]),
    )
    const [a, b] = [weighted.predict(X), plain.predict(X)]
    for (let r = 0; r < X.rows; r++) expect(a[r]).toBeCloseTo(b[r], 5)
  })

  it('sends missing values where they serve best', async () => {
    const rows = 400
    const data = Float32Array.from({ length: rows }, (_, r) => (r % 2 ? Number.NaN : r % 4))
    const y = Float32Array.from(data, (x) => (Number.isNaN(x) ? 1 : x === 0 ? 0 : 1))
    const X = { names: ['a'], data, rows, columns: 1 }
    const model = gradientBoosting({ rounds: 30 })
    await model.fit(X, y)
    const p = model.predict({ ...X, rows: 3, data: Float32Array.of(Number.NaN, 0, 2) })
    expect([p[0] > 0.95, p[1] < 0.05, p[2] > 0.95]).toEqual([true, true, true])
    // A number may stand for missing.
    const coded = gradientBoosting({ rounds: 30, missing: -999 })
    await coded.fit({ ...X, data: data.map((x) => (Number.isNaN(x) ? -999 : x)) }, y)
    expect(coded.predict({ ...X, rows: 1, data: Float32Array.of(-999) })).toEqual(p.slice(0, 1))
  })

  it('estimates quantiles: the share of targets below is the quantile', async () => {
    const rng = createRng(11)
    const rows = 4000
    const data = Float32Array.from({ length: rows }, () => rng.uniform() * 4)
    const y = data.map((x) => Math.sin(x) + (0.2 + 0.3 * x) * rng.normal())
    const X = { names: ['a'], data, rows, columns: 1 }
    for (const quantile of [0.1, 0.5, 0.9]) {
      const model = gradientBoosting({ objective: 'quantile', quantile, rounds: 60, learningRate: 0.1, maxDepth: 3 })
      await model.fit(X, y)
      const p = model.predict(X)
      const below = y.reduce((sum, value, r) => sum + Number(value <= p[r]), 0) / rows
      expect(Math.abs(below - quantile)).toBeLessThan(0.03)
    }
  })

  it('tells which features mattered', async () => {
    const { X, y } = made(6, 'regression', { rows: 2000, gaps: 0 })
    const model = gradientBoosting({ objective: 'regression', rounds: 20 })
    await model.fit(X, y)
    const shares = Object.values(model.importances)
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6)
    expect(Object.keys(model.importances)).toEqual(X.names)
    expect(model.importances.x0).toBeGreaterThan(0.2)
    expect(model.importances.x5).toBeLessThan(0.05)
    const splits = Object.values(model.importance('weight')).reduce((a, b) => a + b, 0)
    expect(splits).toBe(treesOf(model).feature.filter((f) => f >= 0).length)
    expect(model.importance('cover').x0).toBeGreaterThan(0)
  })
})

describe('stopping', () => {
  it('stops early and keeps the best round', async () => {
    const { X, y } = made(9, 'binary', { rows: 300 })
    const validation = made(10, 'binary', { rows: 300 })
    const losses: number[] = []
    const model = gradientBoosting({ rounds: 400, earlyStopping: 5, learningRate: 0.5 })
    await model.fit(X, y, { validation, onProgress: (p) => void losses.push(p.validationLoss ?? Number.NaN) })
    const best = losses.indexOf(Math.min(...losses)) + 1
    expect(model.rounds).toBe(best)
    expect(losses.length).toBe(best + 5)
    const p = model.predict(validation.X)
    const loss = validation.y.reduce((sum, t, r) => sum - Math.log(t ? p[r] : 1 - p[r]), 0) / 300
    expect(loss).toBeCloseTo(losses[best - 1], 5)
    expect(await codeOf(() => gradientBoosting({ earlyStopping: 5 }).fit(X, y))).toBe('BAD_OPTION')
  })

  it('reports the losses of every round, and they fall', async () => {
    for (const objective of objectives) {
      const { X, y } = made(9, objective)
      const losses: number[] = []
      const model = gradientBoosting({ objective, rounds: 8, learningRate: 0.2 })
      await model.fit(X, y, { onProgress: ({ loss }) => void losses.push(loss ?? Number.NaN) })
      expect(losses.length).toBe(8)
      for (let i = 1; i < 8; i++) expect(losses[i]).toBeLessThanOrEqual(losses[i - 1])
    }
  })

  it('keeps the finished rounds when it is aborted', async () => {
    const data = made(9, 'binary')
    const model = gradientBoosting({ rounds: 50 })
    const controller = new AbortController()
    const reason = new Error('enough')
    const run = model.fit(data.X, data.y, {
      signal: controller.signal,
      onProgress: ({ round }) => {
        if (round === 7) controller.abort(reason)
      },
    })
    await expect(run).rejects.toBe(reason)
    expect(model.rounds).toBe(7)
    const rest = gradientBoosting({ rounds: 50 })
    await rest.fit(data.X, data.y, { initial: model.save() })
    expect(rest.save()).toEqual((await trained({ rounds: 50 }, data, false)).save())
    await expect(model.fit(data.X, data.y, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('bad input', () => {
  const good = made(1, 'binary', { rows: 60 })
  const cases: readonly (readonly [string, string, (m: Model) => Promise<void>])[] = [
    ['NaN target', 'BAD_DATA', (m) => m.fit(good.X, good.y.with(3, Number.NaN))],
    ['infinite target', 'BAD_DATA', (m) => m.fit(good.X, good.y.with(3, Number.POSITIVE_INFINITY))],
    ['a class that is none', 'BAD_DATA', (m) => m.fit(good.X, good.y.with(3, 2))],
    [
      'one class',
      'BAD_DATA',
      (m) =>
        m.fit(
          good.X,
          good.y.map(() => 1),
        ),
    ],
    ['infinite feature', 'BAD_DATA', (m) => m.fit({ ...good.X, data: good.X.data.with(7, -Infinity) }, good.y)],
    ['constant features', 'BAD_DATA', (m) => m.fit({ ...good.X, data: good.X.data.map(() => 4) }, good.y)],
    ['missing features', 'BAD_DATA', (m) => m.fit({ ...good.X, data: good.X.data.map(() => Number.NaN) }, good.y)],
    ['too few targets', 'BAD_SHAPE', (m) => m.fit(good.X, good.y.subarray(1))],
    ['too few features', 'BAD_SHAPE', (m) => m.fit({ ...good.X, data: good.X.data.subarray(1) }, good.y)],
    ['too few names', 'BAD_SHAPE', (m) => m.fit({ ...good.X, names: ['a'] }, good.y)],
    ['too few weights', 'BAD_SHAPE', (m) => m.fit(good.X, good.y, { sampleWeight: good.weight.subarray(1) })],
    ['a negative weight', 'BAD_DATA', (m) => m.fit(good.X, good.y, { sampleWeight: good.weight.with(0, -1) })],
    ['no weight', 'BAD_DATA', (m) => m.fit(good.X, good.y, { sampleWeight: good.weight.map(() => 0) })],
    ['no rows', 'BAD_DATA', (m) => m.fit({ ...good.X, rows: 0, data: new Float32Array(0) }, new Float32Array(0))],
    [
      'a foreign state',
      'BAD_DATA',
      (m) => m.fit(good.X, good.y, { initial: { kind: 'linear-regression', version: 1 } }),
    ],
    [
      'other columns',
      'BAD_SHAPE',
      (m) => m.fit({ ...good.X, names: [...good.X.names].reverse() }, good.y, { initial: m.save() }),
    ],
  ]
  it.each(cases)('%s: %s, and the model is as it was', async (_, code, run) => {
    const model = gradientBoosting({ rounds: 3 })
    await model.fit(good.X, good.y)
    const before = model.save()
    expect(await codeOf(() => run(model))).toBe(code)
    expect(model.save()).toEqual(before)
  })

  it('refuses more classes than rows, and options that break their rules', async () => {
    const { X, y } = made(1, 'multi-class', { rows: 20 })
    expect(await codeOf(() => gradientBoosting({ objective: 'multi-class', classes: 30 }).fit(X, y))).toBe('BAD_DATA')
    expect(await codeOf(() => gradientBoosting({ rounds: -1 }))).toBe('BAD_OPTION')
    expect(await codeOf(() => gradientBoosting({ learningRate: 0 }))).toBe('BAD_OPTION')
    expect(await codeOf(() => gradientBoosting({ maxBins: 257 }))).toBe('BAD_OPTION')
    expect(await codeOf(() => gradientBoosting({ objective: 'ranking' as 'binary' }))).toBe('UNKNOWN_NAME')
    expect(await codeOf(() => gradientBoosting({ depth: 3 } as GradientBoostingOptions))).toBe('UNKNOWN_NAME')
    expect(await codeOf(() => gradientBoosting({ monotone: { nope: 1 } }).fit(good.X, good.y))).toBe('UNKNOWN_NAME')
    expect(await codeOf(() => gradientBoosting({ categorical: ['nope'] }).fit(good.X, good.y))).toBe('UNKNOWN_NAME')
    expect(await codeOf(() => gradientBoosting({ categorical: ['x0'] }).fit(good.X, good.y))).toBe('BAD_DATA')
    expect(await codeOf(() => gradientBoosting().predict(good.X))).toBe('NOT_AVAILABLE')
    expect(await codeOf(() => gradientBoosting().save())).toBe('NOT_AVAILABLE')
  })

  it('one constant column, one missing column and one class of categories do no harm', async () => {
    const { X, y } = made(1, 'binary', { rows: 200 })
    const data = X.data.map((x, i) => (i % 6 === 3 ? 1 : i % 6 === 4 ? Number.NaN : x))
    const model = gradientBoosting({ rounds: 5 })
    await model.fit({ ...X, data }, y)
    expect(model.importances.x3).toBe(0)
    expect(model.importances.x4).toBe(0)
  })

  it('refuses damaged states, whatever was damaged', async () => {
    const model = gradientBoosting({ rounds: 3, categorical: ['x1'] })
    await model.fit(good.X, good.y)
    const before = model.predict(good.X)
    const state = model.save() as unknown as { ensemble: TreeEnsemble; cuts: object }
    const { ensemble } = state
    const damaged = [
      undefined,
      7,
      { ...state, kind: 'random-forest' },
      { ...state, version: 2 },
      { ...state, objective: 'ranking' },
      { ...state, names: ['a'] },
      { ...state, ensemble: null },
      { ...state, ensemble: { ...ensemble, feature: ensemble.feature.slice(1) } },
      { ...state, ensemble: { ...ensemble, feature: ensemble.feature.map((f) => (f >= 0 ? 99 : f)) } },
      { ...state, ensemble: { ...ensemble, left: ensemble.left.map(() => 0) } },
      { ...state, ensemble: { ...ensemble, roots: ensemble.roots.map((r) => r + 1) } },
      { ...state, ensemble: { ...ensemble, group: ensemble.group.map(() => 1) } },
      { ...state, ensemble: { ...ensemble, category: ensemble.category.map(() => 1e6) } },
      { ...state, cuts: { ...state.cuts, values: new Float32Array(2) } },
    ]
    for (const data of damaged) {
      expect(['CORRUPT', 'BAD_DATA']).toContain(await codeOf(() => model.load(data as never)))
      expect(model.predict(good.X)).toEqual(before)
    }
  })

  it('predicts only for its own features', async () => {
    const model = gradientBoosting({ rounds: 2 })
    await model.fit(good.X, good.y)
    expect(await codeOf(() => model.predict({ ...good.X, names: ['a', 'b', 'c', 'd', 'e', 'f'] }))).toBe('BAD_SHAPE')
    expect(await codeOf(() => model.predict({ names: ['x0'], columns: 1, rows: 1, data: new Float32Array(1) }))).toBe(
      'BAD_SHAPE',
    )
    expect(await codeOf(() => model.predict(good.X, new Float32Array(3)))).toBe('BAD_SHAPE')
    expect(model.predict({ ...good.X, rows: 0, data: new Float32Array(0) })).toEqual(new Float32Array(0))
  })
})
