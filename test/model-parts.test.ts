// The parts of a model's training that need no market: files, expectations, losses, times, the report.
import type { Predictor } from '@tradewright/backtest'
import { type Data, isTradewrightError, type Model } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dataFromJson, dataToJson } from '../src/data-json.ts'
import { expectedLabels, meanLoss } from '../src/expected-label.ts'
import { countBefore, latestFold, modelFolds, timelineOf } from '../src/model-folds.ts'
import { createModel, modelReference, resolveModelSource } from '../src/model-registry.ts'
import type { FoldReport, ModelSummary } from '../src/model-summary.ts'
import { meanImportances, pooledLoss, renderModel } from '../src/report/model-section.ts'
import { renderWalkForward } from '../src/report/walk-forward-section.ts'
import { type WalkForwardModels, walkForwardPredictor } from '../src/walk-forward-predictor.ts'

const codeOf = (run: () => unknown): string => {
  try {
    run()
    return 'done'
  } catch (error) {
    return isTradewrightError(error) ? error.code : String(error)
  }
}

describe('plain data in JSON', () => {
  const leaf = fc.oneof(
    fc.constantFrom<Data>(undefined, null, true, NaN, -0, Infinity, -Infinity),
    fc.double(),
    fc.string(),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.float32Array(),
    fc.float64Array(),
    fc.int8Array(),
    fc.uint16Array(),
    fc.uint8Array().map((bytes) => bytes.slice().buffer),
    fc.bigInt64Array(),
  )
  const { data } = fc.letrec<{ data: Data }>((tie) => ({
    data: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('data')),
      fc.dictionary(fc.oneof(fc.string(), fc.constant('$')), tie('data'), { noNullPrototype: true }),
      fc.array(fc.tuple(fc.string(), tie('data'))).map((entries) => new Map(entries)),
      fc.array(fc.integer()).map((values) => new Set(values)),
    ),
  }))

  it('comes back as it was, whatever it holds', () => {
    fc.assert(
      fc.property(data, (value) => {
        const text = JSON.stringify({ value: dataToJson(value) })
        expect(dataFromJson((JSON.parse(text) as { value: unknown }).value)).toStrictEqual(value)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps a view of larger memory as itself, and refuses what it never wrote', () => {
    const view = Float32Array.of(1, 2, 3, 4).subarray(1, 3)
    expect(dataFromJson(JSON.parse(JSON.stringify(dataToJson(view))))).toEqual(Float32Array.of(2, 3))
    expect(codeOf(() => dataFromJson({ $: 'Function', value: '' }))).toBe('BAD_DATA')
    expect(codeOf(() => dataFromJson({ $: 3 }))).toBe('BAD_DATA')
    expect(codeOf(() => dataFromJson({ $: 'Float64Array', value: 'AAAA' }))).toBe('BAD_DATA')
    expect(codeOf(() => dataToJson((() => 1) as never))).toBe('BAD_DATA')
  })
})

describe('what outputs expect', () => {
  it('is the mean of what the classes stand for', () => {
    expect([...expectedLabels(Float32Array.of(0.25, 1), 2, [0, 1])]).toEqual([0.25, 1])
    expect([...expectedLabels(Float32Array.of(0.75, 0.25, 0, 1), 2, [0, 1])]).toEqual([0.25, 1])
    expect([...expectedLabels(Float32Array.of(0.25, 0.25, 0.5, 1, 0, 0), 2, [-1, 0, 1])]).toEqual([0.25, -1])
    expect([...expectedLabels(Float32Array.of(0.5), 1, [-1, 1])]).toEqual([0])
    expect([...expectedLabels(Float32Array.of(-3.5), 1, undefined)]).toEqual([-3.5])
    expect(codeOf(() => expectedLabels(new Float32Array(4), 2, undefined))).toBe('BAD_SHAPE')
    expect(codeOf(() => expectedLabels(new Float32Array(2), 2, [-1, 0, 1]))).toBe('BAD_SHAPE')
  })

  it('has a loss: log loss of classes, squared error of numbers, weighted', () => {
    const one = Float32Array.of(1, 1)
    expect(meanLoss(Float32Array.of(0.5, 0.25), Float32Array.of(1, 0), one, [0, 1])).toBeCloseTo(
      -(Math.log(0.5) + Math.log(0.75)) / 2,
      7,
    )
    expect(meanLoss(Float32Array.of(0.5, 0.5, 0, 1), Float32Array.of(0, 1), Float32Array.of(3, 1), [0, 1])).toBeCloseTo(
      (3 * Math.log(2)) / 4,
      7,
    )
    expect(meanLoss(Float32Array.of(1), Float32Array.of(0), Float32Array.of(1), [0, 1])).toBeCloseTo(15 * Math.log(10))
    expect(meanLoss(Float32Array.of(1, 2), Float32Array.of(0, 0), Float32Array.of(1, 3), undefined)).toBe(13 / 4)
    expect(meanLoss(Float32Array.of(1), Float32Array.of(0), Float32Array.of(0), undefined)).toBeNaN()
  })
})

describe('folds in time', () => {
  it('of more bars begin with those of fewer, cover every bar after the first training once, and see none they predict', () => {
    fc.assert(
      fc.property(
        fc.record({
          bars: fc.integer({ min: 8, max: 80 }),
          more: fc.nat(30),
          train: fc.integer({ min: 2, max: 20 }),
          test: fc.integer({ min: 1, max: 9 }),
          embargo: fc.nat(4),
          anchored: fc.boolean(),
        }),
        ({ bars, more, train, test, embargo, anchored }) => {
          const walkForward = { train, test, embargo, anchored }
          const timeline = Float64Array.from({ length: bars + more }, (_, i) => 1000 * i + (i % 3))
          const shorter = timeline.slice(0, bars)
          if (bars <= train + embargo) {
            expect(codeOf(() => modelFolds(shorter, walkForward))).toBe('BAD_OPTION')
            return
          }
          const few = modelFolds(shorter, walkForward)
          const many = modelFolds(timeline, walkForward)
          few.forEach((fold, k) => {
            expect({ ...fold, to: 0 }).toEqual({ ...many[k], to: 0 })
            if (k < few.length - 1) expect(fold.to).toBe(many[k].to)
          })
          for (const folds of [few, many]) {
            const times = folds === few ? shorter : timeline
            times.forEach((time, i) => {
              const asked = folds.filter(({ from, to }) => time >= from && time < to)
              expect(asked).toHaveLength(i < train + embargo ? 0 : 1)
              for (const { trainFrom, cut } of asked) {
                expect(countBefore(times, cut)).toBeLessThanOrEqual(i - embargo)
                const first = countBefore(times, trainFrom)
                expect(countBefore(times, cut) - first).toBeGreaterThanOrEqual(train)
                if (anchored) expect(first).toBe(0)
                else expect(countBefore(times, cut) - first).toBe(train)
              }
            })
            const latest = latestFold(times, walkForward, folds.length)
            expect(latest.from).toBeGreaterThan(times[times.length - 1])
            expect(countBefore(times, latest.cut)).toBe(times.length - embargo)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of several markets count every time once', () => {
    const line = timelineOf([{ timestamp: Float64Array.of(1, 5, 9) }, { timestamp: Float64Array.of(0, 5, 7) }])
    expect([...line]).toEqual([0, 1, 5, 7, 9])
  })
})

describe('a walk-forward predictor', () => {
  const source = { name: 'constant', module: 'm', export: 'constant', version: '1', rounds: '' }
  const constant = (): Model => {
    let value = Number.NaN
    return {
      name: 'constant',
      bytes: 0,
      fit: async () => undefined,
      predict: (X) => new Float32Array(X.rows).fill(value),
      save: () => value,
      load(data) {
        value = data as number
      },
    }
  }
  const folds = [
    { from: 10, to: 20, model: 1 },
    { from: 20, to: 30, model: 2 },
    { from: 40, to: Infinity, model: 3 },
  ]
  const make = (more: Partial<WalkForwardModels> = {}) =>
    walkForwardPredictor({
      model: constant(),
      source,
      options: { a: 1 },
      names: ['x'],
      classes: undefined,
      folds,
      ...more,
    })
  const ask = (predictor: Predictor, times: readonly number[]): number[] => [
    ...predictor.predict(Float64Array.from(times), {
      names: ['x'],
      data: new Float32Array(times.length),
      rows: times.length,
      columns: 1,
    }),
  ]

  it('asks of each bar the model of its time, alone as among others', () => {
    const times = [0, 9, 10, 15, 19, 20, 25, 29, 30, 39, 40, 1e15]
    const wanted = [NaN, NaN, 1, 1, 1, 2, 2, 2, NaN, NaN, 3, 3]
    const predictor = make()
    expect(ask(predictor, times)).toEqual(wanted)
    expect(times.map((time) => ask(predictor, [time])[0])).toEqual(wanted)
    expect([...times].reverse().map((time) => ask(predictor, [time])[0])).toEqual([...wanted].reverse())
    expect(ask(predictor, [])).toEqual([])
    expect(ask(make({ folds: [] }), [1, 2])).toEqual([NaN, NaN])
  })

  it('has another key for anything that it could predict otherwise by', () => {
    const keys = [
      make(),
      make({ source: { ...source, version: '2' } }),
      make({ source: { ...source, export: 'other' } }),
      make({ options: { a: 2 } }),
      make({ names: ['y'] }),
      make({ classes: [0, 1] }),
      make({ folds: folds.slice(1) }),
      make({ folds: [{ from: 11, to: 20, model: 1 }, ...folds.slice(1)] }),
      make({ folds: [{ from: 10, to: 19, model: 1 }, ...folds.slice(1)] }),
      make({ folds: [{ from: 10, to: 20, model: 1.5 }, ...folds.slice(1)] }),
    ].map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
    expect(make({ source: { ...source, name: 'x' } }).key).toBe(keys[0])
  })
})

describe('models by type', () => {
  it('name a module of ours, the nearest name is told', () => {
    expect(resolveModelSource({ type: 'gradient-boosting' })).toEqual({
      name: 'gradient-boosting',
      module: '@tradewright/incremental-training',
      export: 'gradientBoosting',
      version: '',
      rounds: 'rounds',
    })
    expect(() => resolveModelSource({ type: 'random-forst' as never })).toThrow(/random-forest/)
  })

  it.each([
    ['gradient-boosting', 'rounds'],
    ['random-forest', 'trees'],
    ['linear-regression', undefined],
    ['logistic-regression', undefined],
    ['multi-layer-perceptron', undefined],
  ] as const)('%s is made, counts %s, and predicts a row alone as among others', async (type, rounds) => {
    const options = rounds === undefined ? {} : { [rounds]: 3 }
    const reference = modelReference(resolveModelSource({ type }), options)
    expect(reference.rounds).toBe(rounds)
    const X = {
      names: ['a', 'b'],
      data: Float32Array.from({ length: 80 }, (_, k) => Math.sin(k * k)),
      rows: 40,
      columns: 2,
    }
    const model = await createModel(reference)
    await model.fit(
      X,
      Float32Array.from({ length: 40 }, (_, row) => (X.data[2 * row] > 0 ? 1 : 0)),
    )
    const all = model.predict(X)
    const [first, other] = [Array.from(all), await createModel(reference)]
    other.load(structuredClone(model.save()))
    for (let row = 0; row < 40; row++)
      expect(other.predict({ ...X, data: X.data.subarray(2 * row, 2 * row + 2), rows: 1 })[0]).toBe(first[row])
    expect(new Set(first).size).toBeGreaterThan(1)
  })
})

describe('a walk forward in the report', () => {
  it('shows each stretch, and what failed', () => {
    const times = { trainFrom: 0, testFrom: 86_400_000, testTo: 2 * 86_400_000 }
    const html = renderWalkForward(
      {
        folds: [
          {
            ...times,
            fold: 0,
            status: 'done',
            params: { kind: '<i>' },
            value: 1.25,
            testValue: 0.5,
            train: {},
            test: { totalReturn: 0.125 },
          },
          {
            ...times,
            fold: 1,
            status: 'failed',
            error: { code: 'TRIAL_FAILED', message: 'nothing gave a <result>', details: {} },
          },
        ],
        value: 1.25,
        testValue: 0.5,
        efficiency: 0.4,
      },
      'sharpe',
    )
    expect(html).toMatch(/mean sharpe 1\.250 where it was searched, 0\.500 after; efficiency 0\.40/)
    expect(html).toContain('&lt;i&gt;')
    expect(html).toContain('nothing gave a &lt;result&gt;')
    expect(html).toContain('<td>1970-01-01</td><td>1970-01-02</td><td>1970-01-03</td>')
    expect(html).not.toContain('<i>')
  })
})

describe('a model in the report', () => {
  const fold = (k: number, more: Partial<FoldReport> = {}): FoldReport => ({
    fold: k,
    trainFrom: 0,
    testFrom: k * 86_400_000,
    testTo: (k + 1) * 86_400_000,
    rows: 100,
    testRows: 10,
    trainLoss: 0.5,
    testLoss: 0.6,
    baseLoss: 0.7,
    rounds: 50,
    exact: true,
    importances: { '<b>rsi</b>': 0.25, move: 0.75 },
    ...more,
  })
  const summary = (folds: readonly FoldReport[]): ModelSummary => ({
    name: 'gradient-boosting',
    features: ['<b>rsi</b>', 'move'],
    classes: [0, 1],
    folds,
    search: {
      trainings: 400,
      exact: 300,
      approximate: 100,
      continued: 320,
      rounds: 4000,
      roundsSaved: 12_000,
      ms: 5300,
      msSaved: 9000,
    },
  })
  const newest = fold(2, { testTo: Infinity, testRows: 0, testLoss: NaN, baseLoss: NaN, exact: false })

  it('says whether what was learned holds, what it looks at, and how it was trained', () => {
    const html = renderModel(
      summary([fold(0), fold(1, { testLoss: 0.4, testRows: 30 }), newest]),
      'm',
      ({ id, lines }) =>
        `[${id}: ${lines.map(({ name, values }) => `${name} ${[...(values as number[])].join('/')}`).join('; ')}]`,
    )
    expect(html).toMatch(/Loss on bars that the models never saw: 0\.45, by guessing 0\.7: 35\.7\s%\s?less/)
    expect(html).toContain(
      '[m-loss: bars trained on 0.5/0.5; guessing, bars never seen 0.7/0.7; bars never seen 0.6/0.4]',
    )
    expect(html).toMatch(/<b>75\s?%<\/b><span>exact/)
    expect(html).toMatch(/<b>75\s?%<\/b><span>of the rounds not made again/)
    expect(html).toContain('&lt;b&gt;rsi&lt;/b&gt;')
    expect(html).not.toContain('<b>rsi')
    expect(html.indexOf('move')).toBeLessThan(html.indexOf('&lt;b&gt;rsi'))
    expect(html).toContain('<td>approximate</td>')
    expect(html).toContain('<td>on</td>')
  })

  it('says so where nothing holds', () => {
    const html = renderModel(summary([fold(0, { testLoss: 0.8 }), newest]), 'm', () => '[chart]')
    expect(html).toContain('what was learned does not hold there')
    expect(html).not.toContain('[chart]')
    expect(pooledLoss([newest], 'testLoss')).toBeNaN()
    expect(meanImportances([fold(0, { importances: undefined })])).toBeUndefined()
  })
})
