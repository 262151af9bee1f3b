import { isTradewrightError } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findIndicator, type IndicatorDefinition, indicatorTable } from '../src/index.ts'
import { computeBatch, computeStream, paramsOf, usualInputs, wildInputs } from './series.ts'

const definitions = [...indicatorTable.values()]

function firstValue(column: Float64Array): number {
  return column.findIndex((value) => !Number.isNaN(value))
}

describe.each(definitions.map((definition) => [definition.name, definition] as const))('%s', (_name, definition) => {
  const params = paramsOf(definition)

  it('equals its stream to the last bit, saved and restored on the way', () => {
    fc.assert(
      fc.property(wildInputs(definition), params, fc.nat(), (inputs, values, cut) => {
        const batch = computeBatch(definition, inputs, values)
        const streamed = computeStream(definition, inputs, values, cut % (inputs[0].length + 1))
        expect(streamed).toEqual(batch)
      }),
      { numRuns: 150 },
    )
  })

  it('gives for a prefix of the bars the prefix of the values', () => {
    fc.assert(
      fc.property(wildInputs(definition), params, fc.nat(), (inputs, values, cut) => {
        const length = cut % (inputs[0].length + 1)
        const whole = computeBatch(definition, inputs, values)
        const prefix = computeBatch(
          definition,
          inputs.map((column) => column.subarray(0, length)),
          values,
        )
        expect(prefix).toEqual(whole.map((column) => column.slice(0, length)))
      }),
      { numRuns: 100 },
    )
  })

  it('has its first value at warmupBars, on every output, and leaves its inputs alone', () => {
    fc.assert(
      fc.property(usualInputs(definition), params, (inputs, values) => {
        const copies = inputs.map((column) => column.slice())
        const outs = computeBatch(definition, inputs, values)
        expect(inputs).toEqual(copies)
        const warmup = definition.warmupBars(values)
        for (const out of outs) {
          expect(firstValue(out)).toBe(warmup < out.length ? warmup : -1)
          if (warmup < out.length) expect(out.slice(warmup).every(Number.isFinite)).toBe(true)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('starts its warm-up anew after a NaN or infinite bar in any input', () => {
    fc.assert(
      fc.property(
        usualInputs(definition, 120),
        params,
        fc.nat(),
        fc.nat(),
        fc.constantFrom(NaN, Infinity, -Infinity),
        (inputs, values, at, column, bad) => {
          const hole = at % inputs[0].length
          const broken = inputs.map((values_) => values_.slice())
          broken[column % broken.length][hole] = bad
          const whole = computeBatch(definition, broken, values)
          const after = computeBatch(
            definition,
            broken.map((values_) => values_.slice(hole + 1)),
            values,
          )
          whole.forEach((out, k) => {
            expect(out[hole]).toBeNaN()
            expect(out.slice(hole + 1)).toEqual(after[k])
          })
        },
      ),
      { numRuns: 50 },
    )
  })

  if (definition.memory === 'window')
    it('depends on its window alone', () => {
      fc.assert(
        fc.property(wildInputs(definition), wildInputs(definition), params, (before, inputs, values) => {
          const warmup = definition.warmupBars(values)
          const joined = inputs.map((column, k) => Float64Array.of(...before[k], ...column))
          const alone = computeBatch(definition, inputs, values)
          const after = computeBatch(definition, joined, values)
          alone.forEach((out, k) => {
            expect(after[k].slice(before[0].length + warmup)).toEqual(out.slice(warmup))
          })
        }),
        { numRuns: 100 },
      )
    })

  const { computeMany } = definition
  if (computeMany !== undefined)
    it('computes many parameter sets at once, to the last bit', () => {
      fc.assert(
        fc.property(wildInputs(definition), fc.array(params, { maxLength: 11 }), (inputs, sets) => {
          const outs = sets.map(() => definition.outputs.map(() => new Float64Array(inputs[0].length).fill(123)))
          computeMany(inputs, sets, outs)
          expect(outs).toEqual(sets.map((values) => computeBatch(definition, inputs, values)))
        }),
        { numRuns: 60 },
      )
    })

  it('refuses bad parameters and columns', () => {
    const length = 5
    const columns = (n: number): Float64Array[] => Array.from({ length: n }, () => new Float64Array(length))
    const ins = columns(definition.inputs.length)
    const outs = columns(definition.outputs.length)
    const usual = definition.parameters.map((parameter) => parameter.default)
    expect(codeOf(() => definition.compute(ins, [...usual, 1], outs))).toBe('BAD_OPTION')
    definition.parameters.forEach((parameter, i) => {
      const bad = parameter.kind === 'integer' ? [NaN, 1.5, parameter.min - 1] : [NaN, Infinity, parameter.min - 1]
      for (const value of bad) {
        const wrong = usual.map((usualValue, k) => (k === i ? value : usualValue))
        expect(codeOf(() => definition.compute(ins, wrong, outs))).toBe('BAD_OPTION')
        expect(codeOf(() => definition.createStream(wrong))).toBe('BAD_OPTION')
      }
    })
    expect(codeOf(() => definition.compute(columns(ins.length + 1), usual, outs))).toBe('BAD_SHAPE')
    expect(codeOf(() => definition.compute(ins, usual, columns(outs.length + 1)))).toBe('BAD_SHAPE')
    expect(codeOf(() => definition.compute(ins, usual, [...outs.slice(1), new Float64Array(length + 1)]))).toBe(
      'BAD_SHAPE',
    )
    const other = definitions.find((candidate) => candidate !== definition) as IndicatorDefinition
    const foreign = other.createStream(other.parameters.map((parameter) => parameter.default)).save()
    for (const state of [foreign, null, 3, {}])
      expect(codeOf(() => definition.createStream(usual).restore(state))).toBe('BAD_DATA')
  })
})

describe('the table', () => {
  it('finds by name and suggests the nearest', () => {
    expect(findIndicator('sma').name).toBe('sma')
    expect(codeOf(() => findIndicator('bolinger'))).toBe('UNKNOWN_NAME')
    expect(() => findIndicator('bolinger')).toThrow(/did you mean 'bollinger'/)
  })

  it('has defaults that pass their own checks', () => {
    for (const definition of definitions) definition.check(definition.parameters.map((parameter) => parameter.default))
  })
})

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isTradewrightError(error)) return error.code
    throw error
  }
  return 'no error'
}
