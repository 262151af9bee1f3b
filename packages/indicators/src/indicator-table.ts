import { type Data, TradewrightError, unknownName } from '@tradewright/core'
import { bollinger, createBollingerStream } from './bollinger.ts'
import { maxPeriod } from './check.ts'
import type { IndicatorDefinition, IndicatorParameter, IndicatorStream } from './definition.ts'
import { createEmaStream, ema } from './ema.ts'
import { createRsiStream, rsi } from './rsi.ts'
import { createSmaStream, sma } from './sma.ts'

const period = (usual: number, name = 'period', min = 1): IndicatorParameter => ({
  name,
  kind: 'integer',
  min,
  max: maxPeriod,
  default: usual,
})

type Unchecked = Omit<IndicatorDefinition, 'check'>

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

function define(definition: Unchecked): IndicatorDefinition {
  const check = (params: readonly number[]): void => checkParams(definition, params)
  return Object.freeze({
    ...definition,
    check,
    compute: (inputs, params, outs) => {
      check(params)
      checkColumns(definition, inputs, outs)
      definition.compute(inputs, params, outs)
    },
    createStream: (params) => {
      check(params)
      return definition.createStream(params)
    },
  } satisfies IndicatorDefinition)
}

/** A stream of one column and one output, in the form of the table. */
function oneColumn(stream: { next(value: number): number; save(): Data; restore(state: Data): void }): IndicatorStream {
  return {
    next: (inputs, outs) => {
      outs[0] = stream.next(inputs[0])
    },
    save: () => stream.save(),
    restore: (state) => stream.restore(state),
  }
}

const definitions: readonly IndicatorDefinition[] = [
  define({
    name: 'sma',
    inputs: ['source'],
    parameters: [period(20)],
    outputs: ['value'],
    memory: 'window',
    warmupBars: ([n]) => n - 1,
    compute: ([src], [n], [out]) => void sma(src, n, out),
    createStream: ([n]) => oneColumn(createSmaStream(n)),
  }),
  define({
    name: 'ema',
    inputs: ['source'],
    parameters: [period(20)],
    outputs: ['value'],
    memory: 'history',
    warmupBars: ([n]) => n - 1,
    compute: ([src], [n], [out]) => void ema(src, n, out),
    createStream: ([n]) => oneColumn(createEmaStream(n)),
  }),
  define({
    name: 'rsi',
    inputs: ['source'],
    parameters: [period(14)],
    outputs: ['value'],
    memory: 'history',
    warmupBars: ([n]) => n,
    compute: ([src], [n], [out]) => void rsi(src, n, out),
    createStream: ([n]) => oneColumn(createRsiStream(n)),
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
    createStream: ([n, deviations]) => {
      const stream = createBollingerStream(n, deviations)
      return { next: (inputs, outs) => stream.next(inputs[0], outs), save: stream.save, restore: stream.restore }
    },
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
