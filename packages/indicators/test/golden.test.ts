import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { findIndicator } from '../src/index.ts'

interface GoldenCase {
  readonly indicator: string
  readonly series: string
  readonly inputs: readonly string[]
  readonly params: readonly number[]
  readonly exact: boolean
  readonly outputs: readonly (readonly (number | null)[])[]
}

interface Golden {
  readonly series: Readonly<Record<string, Readonly<Record<string, number[]>>>>
  readonly cases: readonly GoldenCase[]
}

const golden: Golden = JSON.parse(readFileSync(new URL('./golden/indicators.json', import.meta.url), 'utf8'))

/** Relative to the larger of the value and the price level: a MACD near 0 cannot be better than its averages. */
const tolerance = 1e-13

describe('exact fractions and 60-digit decimals (golden/make_golden.py)', () => {
  it.each(golden.cases.map((c) => [`${c.indicator}(${c.params.join(', ')}) of ${c.series}`, c] as const))(
    '%s',
    (_name, { indicator, series, inputs, params, exact, outputs }) => {
      const definition = findIndicator(indicator)
      const columns = inputs.map((name) => Float64Array.from(golden.series[series][name]))
      const length = columns[0].length
      const outs = definition.outputs.map(() => new Float64Array(length))
      definition.compute(columns, params, outs)
      expect(outs.length).toBe(outputs.length)
      outputs.forEach((expected, k) => {
        expected.forEach((value, i) => {
          if (value === null) expect(outs[k][i], `bar ${i}`).toBeNaN()
          else if (exact) expect(outs[k][i], `bar ${i} of ${definition.outputs[k]}`).toBe(value)
          else {
            const level = Math.max(Math.abs(value), Math.abs(columns[0][i]))
            expect(Math.abs(outs[k][i] - value), `bar ${i} of ${definition.outputs[k]}`).toBeLessThanOrEqual(
              tolerance * level,
            )
          }
        })
      })
    },
  )
})
