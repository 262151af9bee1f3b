import { type ColumnSpec, type Columns, columnSize, isReference, type Pack, type ReferenceSpec } from './columns.ts'
import { type Dtype, dtypeBytes, type StoredDtype } from './dtype.ts'

/** One stored field of a record. */
export interface Field {
  /** The column's name; the time index of a reference is `<column>.time`, its state `<column>.state`. */
  readonly name: string
  /** As delivered. */
  readonly dtype: Dtype
  /** As stored. */
  readonly stored: StoredDtype
  /** Elements. */
  readonly size: number
  /** Whether a value is a number, not an array. */
  readonly scalar: boolean
  /** Bytes from the start of the record; a multiple of the element's bytes. */
  readonly offset: number
  /** Bytes in the record. */
  readonly bytes: number
  readonly pack: Pack | undefined
}

/** One column as delivered. */
export interface Column {
  readonly name: string
  readonly spec: ColumnSpec | ReferenceSpec
  readonly dtype: Dtype
  /** Elements of one delivered value. */
  readonly size: number
  /** Its fields: one, or time and state. */
  readonly fields: readonly Field[]
}

/** Where everything of a transition lies in its record. The same in memory, in shared memory and on disk. */
export interface Layout {
  readonly columns: readonly Column[]
  readonly fields: readonly Field[]
  /** Bytes from one record to the next; a multiple of the largest element, at least 4. */
  readonly recordBytes: number
  /** Says which columns these are, for files: two layouts with the same text read the same bytes. */
  readonly signature: string
}

/** From this size on whole cache lines are worth the bytes between them. */
const LARGE_FIELD_BYTES = 4096

const align = (value: number, to: number): number => Math.ceil(value / to) * to

type Loose = { -readonly [K in keyof Field]: Field[K] }

function looseFields(name: string, spec: ColumnSpec | ReferenceSpec): Loose[] {
  const base = { offset: 0, pack: undefined }
  if (isReference(spec)) {
    const time: Loose = {
      ...base,
      name: `${name}.time`,
      dtype: 'int32',
      stored: 'int32',
      size: 1,
      scalar: true,
      bytes: 4,
    }
    const size = spec.state ?? 0
    if (size === 0) return [time]
    const state = { ...base, name: `${name}.state`, dtype: spec.dtype, stored: spec.dtype, size, scalar: false }
    return [time, { ...state, bytes: size * 4 }]
  }
  const size = columnSize(spec)
  const stored = spec.pack?.dtype ?? spec.dtype
  const scalar = (spec.shape ?? []).length === 0
  return [
    { name, dtype: spec.dtype, stored, size, scalar, offset: 0, bytes: size * dtypeBytes(stored), pack: spec.pack },
  ]
}

/** Lays the fields out, those of larger elements first, so that each is aligned to its own size. */
export function createLayout(given: Columns): Layout {
  const all: Columns = given.reward === undefined ? { ...given, reward: { dtype: 'float32' } } : given
  const groups = Object.entries(all).map(([name, spec]) => ({ name, spec, fields: looseFields(name, spec) }))
  const ordered = groups.flatMap((group) => group.fields)
  // Large fields first: with the record they begin at a cache line, which copies a tenth faster.
  const large = (field: Loose): number => (field.bytes >= LARGE_FIELD_BYTES ? 1 : 0)
  ordered.sort((a, b) => large(b) - large(a) || dtypeBytes(b.stored) - dtypeBytes(a.stored))
  let offset = 0
  for (const field of ordered) {
    offset = align(offset, dtypeBytes(field.stored))
    field.offset = offset
    // Whole words where that costs at most three bytes: words copy faster than bytes.
    offset = align(offset + field.bytes, Math.min(4, field.bytes >= 4 ? 4 : dtypeBytes(field.stored)))
  }
  const largest = Math.max(4, ...ordered.map((field) => dtypeBytes(field.stored)))
  const fields: readonly Field[] = ordered.map((field) => Object.freeze(field))
  const columns = groups.map(({ name, spec }) => ({
    name,
    spec,
    dtype: spec.dtype,
    size: columnSize(spec),
    fields: fields.filter((f) => f.name === name || f.name === `${name}.time` || f.name === `${name}.state`),
  }))
  const signature = fields
    .map(
      (f) => `${f.name}:${f.dtype}:${f.stored}:${f.size}:${f.offset}:${f.pack === undefined ? '' : packText(f.pack)}`,
    )
    .join(';')
  return { columns, fields, recordBytes: align(offset, offset >= LARGE_FIELD_BYTES ? 64 : largest), signature }
}

const packText = (pack: Pack): string => (pack.dtype === 'float16' ? 'half' : `${pack.scale},${pack.offset ?? 0}`)

/** Typed views of every kind on one run of records. */
export class Views {
  readonly uint8: Uint8Array
  readonly int8: Int8Array
  readonly uint16: Uint16Array
  readonly int16: Int16Array
  readonly uint32: Uint32Array
  readonly int32: Int32Array
  readonly float32: Float32Array
  readonly float64: Float64Array

  /** Views on `byteLength` bytes (a multiple of 8) from `byteOffset` (a multiple of 8). */
  constructor(buffer: ArrayBufferLike, byteOffset: number, byteLength: number) {
    this.uint8 = new Uint8Array(buffer, byteOffset, byteLength)
    this.int8 = new Int8Array(buffer, byteOffset, byteLength)
    this.uint16 = new Uint16Array(buffer, byteOffset, byteLength / 2)
    this.int16 = new Int16Array(buffer, byteOffset, byteLength / 2)
    this.uint32 = new Uint32Array(buffer, byteOffset, byteLength / 4)
    this.int32 = new Int32Array(buffer, byteOffset, byteLength / 4)
    this.float32 = new Float32Array(buffer, byteOffset, byteLength / 4)
    this.float64 = new Float64Array(buffer, byteOffset, byteLength / 8)
  }
}

/** Fresh zeroed records in memory of their own. */
export function allocateViews(rows: number, recordBytes: number): Views {
  const bytes = align(rows * recordBytes, 8)
  return new Views(new ArrayBuffer(bytes), 0, bytes)
}
