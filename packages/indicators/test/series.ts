import fc from 'fast-check'
import type { IndicatorDefinition } from '../src/index.ts'

/** Any value a column may hold: prices, runs of one price, zeros, huge and tiny magnitudes, sometimes a hole. */
const piece: fc.Arbitrary<readonly number[]> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.double({ min: 50, max: 150, noNaN: true }), { maxLength: 20 }) },
  {
    weight: 3,
    arbitrary: fc.array(
      fc.integer({ min: 9_000, max: 11_000 }).map((n) => n / 100),
      { maxLength: 20 },
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(0.1, 1e-8, 100.05, 1e12, 0, 3, 1 / 3), fc.integer({ min: 1, max: 30 }))
      .map(([value, times]) => Array.from({ length: times }, () => value)),
  },
  {
    weight: 2,
    arbitrary: fc.array(
      fc
        .tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: -8, max: 12 }))
        .map(([digits, power]) => digits * 10 ** power),
      { maxLength: 10 },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom([NaN], [Infinity], [NaN, NaN]) },
)

const wildColumn: fc.Arbitrary<number[]> = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.flat())

function asColumns(definition: IndicatorDefinition, columns: readonly number[][]): Float64Array[] {
  const length = Math.min(...columns.map((column) => column.length))
  const cut = columns.map((column) => Float64Array.from(column.slice(0, length)))
  const high = definition.inputs.indexOf('high')
  const low = definition.inputs.indexOf('low')
  if (high >= 0 && low >= 0)
    for (let i = 0; i < length; i++) {
      const [a, b] = [cut[high][i], cut[low][i]]
      cut[high][i] = Math.max(a, b)
      cut[low][i] = Math.min(a, b)
    }
  return cut
}

/** Inputs of one length, of any content, holes included. */
export function wildInputs(definition: IndicatorDefinition): fc.Arbitrary<Float64Array[]> {
  return fc
    .tuple(...definition.inputs.map(() => wildColumn))
    .map((columns: number[][]) => asColumns(definition, columns))
}

/** Inputs of one length as a market makes them: finite, positive, high above low. */
export function usualInputs(definition: IndicatorDefinition, maxLength = 60): fc.Arbitrary<Float64Array[]> {
  return fc
    .array(fc.tuple(...definition.inputs.map(() => fc.double({ min: 50, max: 150, noNaN: true }))), {
      minLength: 1,
      maxLength,
    })
    .map((rows: number[][]) =>
      asColumns(
        definition,
        definition.inputs.map((_, k) => rows.map((row) => row[k])),
      ),
    )
}

/** Parameters within reach of short columns, as the definition takes them. */
export function paramsOf(definition: IndicatorDefinition): fc.Arbitrary<number[]> {
  return fc
    .tuple(
      ...definition.parameters.map(({ kind, min }) =>
        kind === 'integer' ? fc.integer({ min, max: min + 25 }) : fc.double({ min, max: min + 4, noNaN: true }),
      ),
    )
    .filter((params: number[]) => {
      try {
        definition.check(params)
        return true
      } catch {
        return false
      }
    })
}

export function computeBatch(
  definition: IndicatorDefinition,
  inputs: readonly Float64Array[],
  params: readonly number[],
): Float64Array[] {
  const outs = definition.outputs.map(() => new Float64Array(inputs[0].length).fill(123))
  definition.compute(inputs, params, outs)
  return outs
}

/** Bar by bar, the state carried over a structured clone to a new stream before bar `cut`. */
export function computeStream(
  definition: IndicatorDefinition,
  inputs: readonly Float64Array[],
  params: readonly number[],
  cut: number,
): Float64Array[] {
  const length = inputs[0].length
  const outs = definition.outputs.map(() => new Float64Array(length))
  const slots = new Float64Array(definition.outputs.length)
  let stream = definition.createStream(params)
  for (let i = 0; i < length; i++) {
    if (i === cut) {
      const state = structuredClone(stream.save())
      stream = definition.createStream(params)
      stream.next(
        definition.inputs.map(() => 7),
        slots,
      )
      stream.restore(state)
    }
    stream.next(
      inputs.map((column) => column[i]),
      slots,
    )
    for (let k = 0; k < outs.length; k++) outs[k][i] = slots[k]
  }
  return outs
}
