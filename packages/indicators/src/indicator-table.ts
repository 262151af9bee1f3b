import { TradewrightError, unknownName } from '@tradewright/core'
import { atr, createAtrStream } from './atr.ts'
import { bollinger, createBollingerStream } from './bollinger.ts'
import { maxPeriod } from './check.ts'
import type { IndicatorDefinition, IndicatorParameter, IndicatorStream } from './definition.ts'
import { createDonchianStream, donchian } from './donchian.ts'
import { createEmaStream, ema } from './ema.ts'
import { emaMany } from './ema-many.ts'
import { checkMacd, createMacdStream, macd } from './macd.ts'
import { createObvStream, obv } from './obv.ts'
import { createRocStream, roc } from './roc.ts'
import { createRollingMaxStream, createRollingMinStream, rollingMax, rollingMin } from './rolling-extremes.ts'
import { createRollingStdStream, rollingStd } from './rolling-std.ts'
import { createRollingSumStream, rollingSum } from './rolling-sum.ts'
import { createRsiStream, rsi } from './rsi.ts'
import { rsiMany } from './rsi-many.ts'
import { createSmaStream, sma } from './sma.ts'
import { smaMany } from './sma-many.ts'
import { createStochasticStream, stochastic } from './stochastic.ts'
import type { MultiStream, Stream } from './stream.ts'
import { createTrueRangeStream, trueRange } from './true-range.ts'
import { createVwapStream, vwap } from './vwap.ts'
import { createWmaStream, wma } from './wma.ts'

const period = (usual: number, name = 'period', min = 1): IndicatorParameter => ({
  name,
  kind: 'integer',
  min,
  max: maxPeriod,
  default: usual,
})

/** What a definition says itself; `define` adds the checks. */
interface Unchecked extends Omit<IndicatorDefinition, 'check'> {
  /** Rules between parameters. */
  readonly together?: (params: readonly number[]) => void
}

function checkParams(definition: Unchecked, params: readonly number[]): void {
  const { name, parameters } = definition
  if (params.length !== parameters.length)
    throw new TradewrightError(
      'BAD_OPTION',
      `${name} takes ${parameters.length} parameters (${parameters.map((p) => p.name).join(', ')}), was given ${params.length}`,
      { name, params: [...params] },
    )
  parameters.forEach(({ name: parameter, kind, min, max }, i) => {
    const value = params[i]
    if (!(kind === 'integer' ? Number.isInteger(value) : Number.isFinite(value)) || value < min || value > max)
      throw new TradewrightError(
        'BAD_OPTION',
        `${parameter} of ${name} must be ${kind === 'integer' ? 'an integer' : 'a number'} from ${min} to ${max}, was ${value}`,
        { name, parameter, value },
      )
  })
}

function checkColumns(definition: Unchecked, inputs: readonly Float64Array[], outs: readonly Float64Array[]): void {
  const { name } = definition
  const refuse = (rule: string): TradewrightError => new TradewrightError('BAD_SHAPE', `${name} ${rule}`, { name })
  if (inputs.length !== definition.inputs.length)
    throw refuse(`reads ${definition.inputs.join(', ')}, was given ${inputs.length} columns`)
  if (outs.length !== definition.outputs.length)
    throw refuse(`writes ${definition.outputs.join(', ')}, was given ${outs.length} columns`)
  for (const column of [...inputs, ...outs])
    if (column.length !== inputs[0].length)
      throw refuse(`needs columns of one length, was given ${inputs[0].length} and ${column.length} rows`)
}

function define(unchecked: Unchecked): IndicatorDefinition {
  const { together, computeMany, ...definition } = unchecked
  const check = (params: readonly number[]): void => {
    checkParams(definition, params)
    together?.(params)
  }
  return Object.freeze({
    ...definition,
    check,
    compute: (inputs, params, outs) => {
      check(params)
      checkColumns(definition, inputs, outs)
      definition.compute(inputs, params, outs)
    },
    ...(computeMany === undefined ? {} : { computeMany: checkedMany(definition, check, computeMany) }),
    createStream: (params) => {
      check(params)
      return definition.createStream(params)
    },
  } satisfies IndicatorDefinition)
}

type ComputeMany = NonNullable<IndicatorDefinition['computeMany']>

function checkedMany(
  definition: Unchecked,
  check: (params: readonly number[]) => void,
  computeMany: ComputeMany,
): ComputeMany {
  return (inputs, paramSets, outs) => {
    if (outs.length !== paramSets.length)
      throw new TradewrightError(
        'BAD_SHAPE',
        `${definition.name} needs one list of outputs per parameter set (${paramSets.length}), had ${outs.length}`,
        { name: definition.name },
      )
    paramSets.forEach((params, k) => {
      check(params)
      checkColumns(definition, inputs, outs[k])
    })
    if (paramSets.length > 0) computeMany(inputs, paramSets, outs)
  }
}

/** A stream of one output, in the form of the table. */
function oneOutput<Args extends readonly number[]>(stream: Stream<Args>): IndicatorStream {
  return {
    next: (inputs, outs) => {
      outs[0] = stream.next(...(asArguments(inputs) as unknown as Args))
    },
    save: stream.save,
    restore: stream.restore,
  }
}

/** A stream of several outputs, in the form of the table. */
function manyOutputs<Args extends readonly number[]>(stream: MultiStream<Args>): IndicatorStream {
  return {
    next: (inputs, outs) => stream.next(...([...asArguments(inputs), outs] as unknown as [...Args, typeof outs])),
    save: stream.save,
    restore: stream.restore,
  }
}

const asArguments = (inputs: ArrayLike<number>): number[] => Array.prototype.slice.call(inputs)

/** An indicator of one column, one period and one output. */
function ofPeriod(
  head: Pick<IndicatorDefinition, 'name' | 'memory' | 'warmupBars'> & { readonly usual: number },
  kernel: (src: Float64Array, period: number, out: Float64Array) => Float64Array,
  createStream: (period: number) => Stream<[value: number]>,
): Unchecked {
  const { usual, ...rest } = head
  return {
    ...rest,
    inputs: ['source'],
    parameters: [period(usual)],
    outputs: ['value'],
    compute: ([src], [n], [out]) => void kernel(src, n, out),
    createStream: ([n]) => oneOutput(createStream(n)),
  }
}

/** `computeMany` from a kernel of many periods. */
function manyPeriods(
  kernel: (src: Float64Array, periods: readonly number[], outs: readonly Float64Array[]) => unknown,
): ComputeMany {
  return ([src], paramSets, outs) => {
    kernel(
      src,
      paramSets.map(([n]) => n),
      outs.map(([out]) => out),
    )
  }
}

const windowOf = (name: string, usual = 20): Parameters<typeof ofPeriod>[0] => ({
  name,
  usual,
  memory: 'window',
  warmupBars: ([n]) => n - 1,
})

const bars = ['high', 'low', 'close'] as const

const definitions: readonly IndicatorDefinition[] = [
  define({ ...ofPeriod(windowOf('sma'), sma, createSmaStream), computeMany: manyPeriods(smaMany) }),
  define({
    ...ofPeriod({ name: 'ema', usual: 20, memory: 'history', warmupBars: ([n]) => n - 1 }, ema, createEmaStream),
    computeMany: manyPeriods(emaMany),
  }),
  define(ofPeriod(windowOf('wma'), wma, createWmaStream)),
  define({
    ...ofPeriod({ name: 'rsi', usual: 14, memory: 'history', warmupBars: ([n]) => n }, rsi, createRsiStream),
    computeMany: manyPeriods(rsiMany),
  }),
  define({
    name: 'trueRange',
    inputs: bars,
    parameters: [],
    outputs: ['value'],
    memory: 'window',
    warmupBars: () => 1,
    compute: ([high, low, close], _, [out]) => void trueRange({ high, low, close }, out),
    createStream: () => oneOutput(createTrueRangeStream()),
  }),
  define({
    name: 'atr',
    inputs: bars,
    parameters: [period(14)],
    outputs: ['value'],
    memory: 'history',
    warmupBars: ([n]) => n,
    compute: ([high, low, close], [n], [out]) => void atr({ high, low, close }, n, out),
    createStream: ([n]) => oneOutput(createAtrStream(n)),
  }),
  define({
    name: 'macd',
    inputs: ['source'],
    parameters: [period(12, 'fast'), period(26, 'slow'), period(9, 'signal')],
    outputs: ['macd', 'signal', 'histogram'],
    memory: 'history',
    warmupBars: ([, slow, signal]) => slow + signal - 2,
    together: ([fast, slow, signal]) => checkMacd({ fast, slow, signal }),
    compute: ([src], [fast, slow, signal], [difference, average, histogram]) =>
      void macd(src, { fast, slow, signal }, { macd: difference, signal: average, histogram }),
    createStream: ([fast, slow, signal]) => manyOutputs(createMacdStream({ fast, slow, signal })),
  }),
  define({
    name: 'bollinger',
    inputs: ['source'],
    parameters: [period(20), { name: 'deviations', kind: 'float', min: 0, max: Number.MAX_VALUE, default: 2 }],
    outputs: ['upper', 'middle', 'lower'],
    memory: 'window',
    warmupBars: ([n]) => n - 1,
    compute: ([src], [n, deviations], [upper, middle, lower]) =>
      void bollinger(src, { period: n, deviations }, { upper, middle, lower }),
    createStream: ([n, deviations]) => manyOutputs(createBollingerStream(n, deviations)),
  }),
  define({
    name: 'stochastic',
    inputs: bars,
    parameters: [period(14), period(3, 'smooth'), period(3, 'signal')],
    outputs: ['k', 'd'],
    memory: 'window',
    warmupBars: ([n, smooth, signal]) => n + smooth + signal - 3,
    compute: ([high, low, close], [n, smooth, signal], [k, d]) =>
      void stochastic({ high, low, close }, { period: n, smooth, signal }, { k, d }),
    createStream: ([n, smooth, signal]) => manyOutputs(createStochasticStream({ period: n, smooth, signal })),
  }),
  define({
    name: 'donchian',
    inputs: ['high', 'low'],
    parameters: [period(20)],
    outputs: ['upper', 'middle', 'lower'],
    memory: 'window',
    warmupBars: ([n]) => n - 1,
    compute: ([high, low], [n], [upper, middle, lower]) => void donchian({ high, low }, n, { upper, middle, lower }),
    createStream: ([n]) => manyOutputs(createDonchianStream(n)),
  }),
  define(ofPeriod(windowOf('rollingMin'), rollingMin, createRollingMinStream)),
  define(ofPeriod(windowOf('rollingMax'), rollingMax, createRollingMaxStream)),
  define(ofPeriod(windowOf('rollingStd'), rollingStd, createRollingStdStream)),
  define(ofPeriod(windowOf('rollingSum'), rollingSum, createRollingSumStream)),
  define(ofPeriod({ ...windowOf('roc', 10), warmupBars: ([n]) => n }, roc, createRocStream)),
  define({
    name: 'obv',
    inputs: ['close', 'volume'],
    parameters: [],
    outputs: ['value'],
    memory: 'history',
    warmupBars: () => 0,
    compute: ([close, volume], _, [out]) => void obv({ close, volume }, out),
    createStream: () => oneOutput(createObvStream()),
  }),
  define({
    name: 'vwap',
    inputs: ['high', 'low', 'close', 'volume'],
    parameters: [period(20)],
    outputs: ['value'],
    memory: 'window',
    warmupBars: ([n]) => n - 1,
    compute: ([high, low, close, volume], [n], [out]) => void vwap({ high, low, close, volume }, n, out),
    createStream: ([n]) => oneOutput(createVwapStream(n)),
  }),
]

/** Every indicator by name, in a fixed order. */
export const indicatorTable: ReadonlyMap<string, IndicatorDefinition> = new Map(
  definitions.map((definition) => [definition.name, definition]),
)

/**
 * The indicator called `name`.
 *
 * @throws TradewrightError `UNKNOWN_NAME`, with the nearest valid name.
 */
export function findIndicator(name: string): IndicatorDefinition {
  const found = indicatorTable.get(name)
  if (found === undefined) throw unknownName('indicator', name, indicatorTable.keys())
  return found
}
