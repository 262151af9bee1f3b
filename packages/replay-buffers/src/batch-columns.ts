import { TradewrightError } from '@tradewright/core'
import { type Accumulator, elementRows } from './accumulator.ts'
import type { Dtype } from './dtype.ts'
import type { Field, Layout } from './layout.ts'
import type { OutColumn } from './row-store.ts'

/** One column that a view delivers. */
export interface OutputColumn {
  readonly name: string
  readonly dtype: Dtype
  /** Elements of one batch row. */
  readonly size: number
}

/** What planning writes for each row of a batch. */
export interface StepOutputs {
  readonly terminated: Uint8Array
  readonly truncated: Uint8Array
  readonly steps: Int32Array
  readonly discount: Float32Array
}

/** Those columns of a batch. */
export function stepOutputs(batch: { readonly columns: ReadonlyMap<string, OutColumn> }): StepOutputs {
  const get = (name: string): unknown => batch.columns.get(name)?.array
  return {
    terminated: get('terminated') as Uint8Array,
    truncated: get('truncated') as Uint8Array,
    steps: get('steps') as Int32Array,
    discount: get('discount') as Float32Array,
  }
}

/** The field of a column of one number. @throws TradewrightError `BAD_OPTION`. */
export function scalarField(layout: Layout, name: string): Field {
  const field = layout.fields.find((f) => f.name === name)
  if (field === undefined || !field.scalar)
    throw new TradewrightError('BAD_OPTION', `'${name}' must be a column of one number a row`, { name })
  return field
}

/** What a view delivers, by name. */
export function outputColumns(layout: Layout, accumulator: Accumulator): OutputColumn[] {
  const rows = elementRows(accumulator)
  const out: OutputColumn[] = []
  for (const { name, dtype, size } of layout.columns) {
    const elements = rows * size * (name === 'obs' ? accumulator.frames : 1)
    out.push({ name, dtype, size: elements })
    if (name === 'obs') out.push({ name: 'nextObs', dtype, size: elements })
  }
  out.push({ name: 'discount', dtype: 'float32', size: rows }, { name: 'steps', dtype: 'int32', size: rows })
  out.push({ name: 'terminated', dtype: 'uint8', size: rows }, { name: 'truncated', dtype: 'uint8', size: rows })
  if (accumulator.lambda !== undefined) out.push({ name: 'lambdaReturn', dtype: 'float32', size: rows })
  if (accumulator.kind !== 'step')
    out.push({ name: 'present', dtype: 'uint8', size: rows }, { name: 'train', dtype: 'uint8', size: rows })
  return out
}
