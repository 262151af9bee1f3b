import { TradewrightError } from '@tradewright/core'
import { isReference } from './columns.ts'
import { arrayConstructor, type ColumnArray, integerRange } from './dtype.ts'
import type { Field, Layout, Views } from './layout.ts'
import { checkPacked, writePacked } from './pack.ts'
import { type AddRow, type AddTarget, createRowAdder } from './row-adder.ts'
import { checkLines, isPlainLayout, storeLines } from './row-source.ts'

/** Writes one transition's fields at byte `base`. Everything is checked before anything is written. */
export type WriteRow = (views: Views, base: number, transition: Readonly<Record<string, unknown>>) => void

/** The two writers of a buffer. */
export interface RowWriters {
  /** Every field of a transition. */
  readonly row: WriteRow
  /** The observation alone, from `{ obs }`: the row after an episode's last step. Other fields become zeros. */
  readonly obsOnly: WriteRow
  /** Whether the writers were generated at run time. */
  readonly generated: boolean
  /** Makes a lane's adder where rows lie in one piece; undefined where nothing may be generated. */
  readonly adder: ((target: AddTarget) => AddRow) | undefined
}

function describe(value: unknown): string {
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${(value as unknown as ArrayLike<number>).length})`
  if (Array.isArray(value)) return `an array of ${value.length}`
  return value === null || typeof value !== 'object' ? String(value) : 'an object'
}

/** The rule of a scalar field, as text and as a test. */
function fits(field: Field, value: number): boolean {
  const range = integerRange(field.dtype)
  if (range === undefined) return value - value === 0
  return Number.isInteger(value) && value >= range[0] && value <= range[1]
}

function badValue(field: Field, value: unknown): TradewrightError {
  const rule = integerRange(field.dtype) === undefined ? 'finite' : `an integer that ${field.dtype} holds`
  return new TradewrightError('BAD_DATA', `column '${field.name}' must be ${rule}, was ${String(value)}`, {
    column: field.name,
    value,
  })
}

function coerceScalar(field: Field, value: unknown): number {
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number === 'object' && number !== null && (number as ArrayLike<number>).length === 1)
    return coerceScalar(field, (number as ArrayLike<number>)[0])
  if (typeof number !== 'number')
    throw new TradewrightError('BAD_SHAPE', `column '${field.name}' must be a number, was ${describe(value)}`, {
      column: field.name,
    })
  if (!fits(field, number)) throw badValue(field, number)
  return number
}

/** Accepts what is not of the exact form: plain arrays, booleans. Refuses other kinds and lengths, and bad values. */
export function coerceValues(field: Field, value: unknown, length: number): ColumnArray {
  const Kind = arrayConstructor(field.dtype)
  const array = value as ArrayLike<number>
  const list = Array.isArray(value) || ArrayBuffer.isView(value)
  if (!list || array.length !== length)
    throw new TradewrightError(
      'BAD_SHAPE',
      `column '${field.name}' must have ${length} numbers of ${field.dtype}, was ${describe(value)}`,
      { column: field.name, expected: length },
    )
  if (!Array.isArray(value)) {
    if ((value as object).constructor.name !== Kind.name)
      throw new TradewrightError(
        'BAD_SHAPE',
        `column '${field.name}' must be a ${Kind.name} or a plain array, was ${describe(value)}`,
        { column: field.name },
      )
    checkFinite(field, value as ColumnArray)
    return value as ColumnArray
  }
  const out = new Kind(length)
  for (let i = 0; i < length; i++) out[i] = coerceScalar(field, value[i])
  return out
}

/** Whether any word has the exponent bits of NaN and infinity: integer arithmetic, one kind of array, no branches. */
function anyNotFinite32(words: Int32Array): boolean {
  const n = words.length
  const whole = n - (n & 3)
  let found = 0
  for (let i = 0; i < whole; i += 4) {
    const a = ((words[i] & 0x7f800000) + 0x00800000) | ((words[i + 1] & 0x7f800000) + 0x00800000)
    const b = ((words[i + 2] & 0x7f800000) + 0x00800000) | ((words[i + 3] & 0x7f800000) + 0x00800000)
    found |= a | b
  }
  for (let i = whole; i < n; i++) found |= (words[i] & 0x7f800000) + 0x00800000
  return found < 0
}

/** The same for Float64: the exponent is in every second word. */
function anyNotFinite64(words: Int32Array): boolean {
  let found = 0
  for (let i = 1, n = words.length; i < n; i += 2) found |= (words[i] & 0x7ff00000) + 0x00100000
  return found < 0
}

/** Refuses NaN and infinity in a float column. @throws TradewrightError `BAD_DATA`. */
function checkFinite(field: Field, values: ColumnArray): void {
  if (integerRange(field.dtype) !== undefined) return
  const { buffer, byteOffset, byteLength } = values
  if (byteOffset % 4 === 0) {
    const words = new Int32Array(buffer, byteOffset, byteLength / 4)
    if (!(field.dtype === 'float32' ? anyNotFinite32(words) : anyNotFinite64(words))) return
  }
  for (let i = 0; i < values.length; i++) if (values[i] - values[i] !== 0) throw badValue(field, values[i])
}

/** Bars of a reference column's data, by the name of its time field. */
function referenceBars(layout: Layout): ReadonlyMap<string, number> {
  const bars = new Map<string, number>()
  for (const { name, spec } of layout.columns)
    if (isReference(spec)) bars.set(`${name}.time`, spec.data.length / spec.features)
  return bars
}

function badTime(field: Field, value: unknown, bars: number): TradewrightError {
  return new TradewrightError(
    'BAD_DATA',
    `'${field.name}' must be an index of one of the ${bars} bars, was ${String(value)}`,
    { column: field.name, bars },
  )
}

/** Checks a field's value and returns it in exact form. `bars` is set for time fields. */
function checkedValue(field: Field, value: unknown, bars: number | undefined): number | ColumnArray {
  if (bars !== undefined && !(Number.isInteger(value) && (value as number) >= 0 && (value as number) < bars))
    throw badTime(field, value, bars)
  const exact = field.scalar ? coerceScalar(field, value) : coerceValues(field, value, field.size)
  if (field.pack !== undefined) checkPacked(field, typeof exact === 'number' ? [exact] : exact, 0, field.size)
  return exact
}

function fieldValue(field: Field, transition: Readonly<Record<string, unknown>>): unknown {
  const value = transition[field.name]
  if (value !== undefined) return value
  const dot = field.name.lastIndexOf('.')
  const part = field.name.slice(dot + 1)
  if (dot < 0 || (part !== 'time' && part !== 'state')) return undefined
  return (transition[field.name.slice(0, dot)] as Record<string, unknown> | undefined)?.[part]
}

function store(field: Field, views: Views, base: number, value: number | ColumnArray): void {
  const at = base + field.offset
  if (field.pack !== undefined) {
    writePacked(field, views, at, typeof value === 'number' ? [value] : value, 0)
    return
  }
  const out = views[field.dtype]
  const index = at / out.BYTES_PER_ELEMENT
  if (typeof value === 'number') out[index] = value
  else out.set(value, index)
}

/** The plain form of the writers: the same checks, the same bytes, no code generation. */
function plainWriter(layout: Layout, fields: readonly Field[]): WriteRow {
  const bars = referenceBars(layout)
  const values: (number | ColumnArray)[] = []
  return (views, base, transition) => {
    for (let i = 0; i < fields.length; i++)
      values[i] = checkedValue(fields[i], fieldValue(fields[i], transition), bars.get(fields[i].name))
    for (let i = 0; i < fields.length; i++) store(fields[i], views, base, values[i])
  }
}

/**
 * A writer as straight-line code: one property access, one check and unrolled copies a field. What is not of the exact
 * form (plain arrays, booleans, mistakes) goes to the plain form, as do packed and referenced columns.
 */
function generatedWriter(layout: Layout, fields: readonly Field[], finite: boolean): WriteRow {
  const plain = plainWriter(layout, fields)
  if (!isPlainLayout(layout, fields)) return plain
  const index = (field: Field): string => {
    const bytes = arrayConstructor(field.dtype).BYTES_PER_ELEMENT
    return `(base >>> ${Math.log2(bytes)}) + ${field.offset / bytes}`
  }
  const source = [
    "'use strict'",
    'return function write(v, base, t) {',
    ...checkLines(fields, finite, 'return plain(v, base, t)'),
    ...fields.flatMap((field, i) => storeLines(field, i, index(field), `v.${field.dtype}`)),
    '}',
  ].join('\n')
  // The text is made of the layout's numbers and JSON-quoted names alone.
  return new Function('plain', source)(plain) as WriteRow
}

function withZeroedRest(layout: Layout, write: WriteRow): WriteRow {
  const rest = layout.fields.filter((field) => !isObs(field))
  return (views, base, transition) => {
    write(views, base, transition)
    for (const field of rest) views.uint8.fill(0, base + field.offset, base + field.offset + field.bytes)
  }
}

const isObs = (field: Field): boolean => field.name === 'obs' || field.name === 'obs.time' || field.name === 'obs.state'

/**
 * Makes the writers of a layout: generated where the platform allows it, otherwise the plain form.
 *
 * @param codegen `false` forces the plain form. @default true
 * @param finite  `false` trusts arrays of the exact type to hold no NaN and no infinity. @default true
 */
export function createRowWriters(layout: Layout, codegen: boolean = true, finite: boolean = true): RowWriters {
  const obs = layout.fields.filter(isObs)
  if (codegen) {
    try {
      const row = generatedWriter(layout, layout.fields, finite)
      return {
        row,
        obsOnly: withZeroedRest(layout, generatedWriter(layout, obs, true)),
        generated: true,
        adder: createRowAdder(layout, finite),
      }
    } catch (error) {
      // A content-security policy forbids code from text: EvalError. Anything else is a bug of ours.
      if (!(error instanceof EvalError)) throw error
    }
  }
  const row = plainWriter(layout, layout.fields)
  return { row, obsOnly: withZeroedRest(layout, plainWriter(layout, obs)), generated: false, adder: undefined }
}
