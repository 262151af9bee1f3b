import { TradewrightError } from '@tradewright/core'
import { isReference } from './columns.ts'
import type { ColumnArray } from './dtype.ts'
import type { Field, Layout, Views } from './layout.ts'
import { checkPacked, writePacked } from './pack.ts'
import { coerceValues } from './row-writer.ts'

/** One field of many rows, in the field's own type. */
interface FieldRows {
  readonly field: Field
  readonly array: ColumnArray
  readonly bytes: Uint8Array
  readonly words: Int32Array | undefined
}

/** A checked batch: nothing in it can fail any more. */
export interface RowBatch {
  readonly rows: number
  readonly fields: readonly FieldRows[]
  /** Observation fields of `finalObs`; empty where none was given. */
  readonly finals: readonly FieldRows[]
  /** 1 terminated, 2 truncated, by row. */
  readonly ends: Uint8Array
}

function fieldRows(field: Field, value: unknown, rows: number): FieldRows {
  const array = coerceValues(field, value, rows * field.size)
  if (field.pack !== undefined) checkPacked(field, array, 0, rows * field.size)
  const { buffer, byteOffset, byteLength } = array
  const whole = byteOffset % 4 === 0 && field.bytes % 4 === 0 && field.pack === undefined
  return {
    field,
    array,
    bytes: new Uint8Array(buffer, byteOffset, byteLength),
    words: whole ? new Int32Array(buffer, byteOffset, byteLength / 4) : undefined,
  }
}

function checkTimes(times: FieldRows, bars: number): void {
  for (let i = 0; i < times.array.length; i++)
    if (times.array[i] < 0 || times.array[i] >= bars)
      throw new TradewrightError(
        'BAD_DATA',
        `'${times.field.name}' must be an index of one of the ${bars} bars, was ${times.array[i]}`,
        { column: times.field.name, bars },
      )
}

/** Reads the flags of every row. `undefined` entries and lengths that differ are refused. */
function readEnds(batch: Readonly<Record<string, unknown>>, rows: number): Uint8Array {
  const ends = new Uint8Array(rows)
  for (const [name, bit] of [
    ['terminated', 1],
    ['truncated', 2],
  ] as const) {
    const flags = batch[name] as ArrayLike<boolean | number> | undefined
    if (flags === undefined || flags === null || flags.length !== rows)
      throw new TradewrightError('BAD_SHAPE', `${name} must have ${rows} flags, had ${flags?.length}`, { rows })
    for (let i = 0; i < rows; i++) {
      const flag = Number(flags[i])
      if (flag !== 0 && flag !== 1)
        throw new TradewrightError('BAD_DATA', `${name} must be 0, 1 or a boolean, was ${String(flags[i])}`, { row: i })
      if (flag === 1) ends[i] |= bit
    }
  }
  return ends
}

/** The values of one column's fields, from a batch that has them under the column's name. */
function columnRows(layout: Layout, name: string, value: unknown, rows: number): FieldRows[] {
  const column = layout.columns.find((c) => c.name === name)
  if (column === undefined) return []
  return column.fields.map((field) => {
    if (!isReference(column.spec)) return fieldRows(field, value, rows)
    const part = field.name.endsWith('.time') ? 'time' : 'state'
    const made = fieldRows(field, (value as Record<string, unknown> | undefined)?.[part], rows)
    if (part === 'time') checkTimes(made, column.spec.data.length / column.spec.features)
    return made
  })
}

/**
 * Checks a batch whole, so that either all of it is stored or nothing.
 *
 * @throws TradewrightError `BAD_SHAPE`, `BAD_DATA`, `BAD_OPTION` (no `finalObs` though a row is truncated).
 */
export function prepareBatch(layout: Layout, batch: Readonly<Record<string, unknown>>): RowBatch {
  const rows = (batch.terminated as ArrayLike<number> | undefined)?.length ?? 0
  const ends = readEnds(batch, rows)
  const fields = layout.columns.flatMap((column) => columnRows(layout, column.name, batch[column.name], rows))
  const truncated = ends.some((end) => (end & 2) !== 0)
  if (truncated && batch.finalObs === undefined)
    throw new TradewrightError('BAD_OPTION', 'finalObs must be given where a row is truncated, was undefined', {})
  const finals = truncated ? columnRows(layout, 'obs', batch.finalObs, rows) : []
  return { rows, fields, finals, ends }
}

function copyFieldRows(
  rows: FieldRows,
  views: Views,
  base: number,
  stride: number,
  first: number,
  count: number,
): void {
  const { field, array, bytes, words } = rows
  if (field.pack !== undefined) {
    for (let r = 0; r < count; r++)
      writePacked(field, views, base + r * stride + field.offset, array, (first + r) * field.size)
    return
  }
  if (field.bytes >= 512) {
    for (let r = 0; r < count; r++) {
      const from = (first + r) * field.bytes
      views.uint8.set(bytes.subarray(from, from + field.bytes), base + r * stride + field.offset)
    }
    return
  }
  if (words !== undefined) {
    copyWords(views.int32, (base + field.offset) >>> 2, stride >>> 2, words, first, count, field.bytes >>> 2)
    return
  }
  const target = views.uint8
  for (let r = 0; r < count; r++) {
    const to = base + r * stride + field.offset
    const from = (first + r) * field.bytes
    for (let i = 0; i < field.bytes; i++) target[to + i] = bytes[from + i]
  }
}

function copyWords(
  target: Int32Array,
  at: number,
  stride: number,
  source: Int32Array,
  first: number,
  count: number,
  size: number,
): void {
  let from = first * size
  if (size === 1) {
    for (let r = 0; r < count; r++) target[at + r * stride] = source[from + r]
    return
  }
  const whole = size - (size & 3)
  for (let r = 0, to = at; r < count; r++, to += stride, from += size) {
    for (let i = 0; i < whole; i += 4) {
      target[to + i] = source[from + i]
      target[to + i + 1] = source[from + i + 1]
      target[to + i + 2] = source[from + i + 2]
      target[to + i + 3] = source[from + i + 3]
    }
    for (let i = whole; i < size; i++) target[to + i] = source[from + i]
  }
}

/** Stores `count` rows of a batch from row `first` at byte `base` of `views`. */
export function copyRows(
  layout: Layout,
  views: Views,
  base: number,
  fields: readonly FieldRows[],
  first: number,
  count: number,
): void {
  for (let i = 0; i < fields.length; i++) copyFieldRows(fields[i], views, base, layout.recordBytes, first, count)
}

/** Stores the final observation of row `row` as a row of its own; every other field becomes zero. */
export function copyFinal(layout: Layout, views: Views, base: number, finals: readonly FieldRows[], row: number): void {
  views.uint8.fill(0, base, base + layout.recordBytes)
  copyRows(layout, views, base, finals, row, 1)
}
