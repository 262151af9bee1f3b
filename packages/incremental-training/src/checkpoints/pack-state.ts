import { deserialize, serialize } from 'node:v8'
import { type Data, TradewrightError } from '@tradewright/core'

/** Views smaller than this stay in the skeleton. */
const LARGE = 1024
/** Names that mark a moved array, and an object that has such a name itself. */
const ARRAY = '$array'
const PLAIN = '$plain'
const DEEPEST = 200

const KINDS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
  ArrayBuffer,
  SharedArrayBuffer,
} as const
type Kind = keyof typeof KINDS

/** Where an array of a state lies in the packed bytes. */
interface Placed {
  readonly kind: Kind
  readonly offset: number
  readonly bytes: number
}

/** A state as one small skeleton and the bytes of its large arrays. */
export interface PackedState {
  readonly skeleton: Uint8Array
  /** Bytes of the arrays in `buffer`, from 0. */
  readonly bytes: number
  readonly buffer: ArrayBuffer
}

type Source = { readonly placed: Placed; readonly from: Uint8Array }

const align = (offset: number): number => Math.ceil(offset / 16) * 16

function kindOf(value: object): Kind | undefined {
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  return tag in KINDS ? (tag as Kind) : undefined
}

class Packer {
  readonly sources: Source[] = []
  bytes = 0

  #place(value: ArrayBufferView | ArrayBuffer | SharedArrayBuffer, kind: Kind): Data {
    const from = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value)
    const placed: Placed = { kind, offset: this.bytes, bytes: from.length }
    this.sources.push({ placed, from })
    this.bytes = align(this.bytes + from.length)
    return { [ARRAY]: placed as unknown as Data }
  }

  /** The same data with its large arrays replaced by their places. */
  strip(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (depth > DEEPEST)
      throw new TradewrightError('BAD_OPTION', `a state may be ${DEEPEST} levels deep and must have no cycles`)
    const kind = kindOf(value)
    if (kind !== undefined) {
      const array = value as ArrayBufferView | ArrayBuffer | SharedArrayBuffer
      return array.byteLength >= LARGE || kind === 'SharedArrayBuffer' ? this.#place(array, kind) : value
    }
    if (Array.isArray(value)) return value.map((each) => this.strip(each, depth + 1))
    if (value instanceof Map) {
      const pairs = [...value].map(([k, v]) => [this.strip(k, depth + 1), this.strip(v, depth + 1)] as const)
      return new Map(pairs)
    }
    if (value instanceof Set) return new Set([...value].map((each) => this.strip(each, depth + 1)))
    if (value instanceof Date) return value
    const stripped: Record<string, unknown> = {}
    for (const [name, each] of Object.entries(value)) stripped[name] = this.strip(each, depth + 1)
    return ARRAY in value || PLAIN in value ? { [PLAIN]: stripped } : stripped
  }
}

/**
 * Copies a state: its large arrays one after another into one buffer, the rest as a skeleton.
 *
 * @param data  read only; may be changed as soon as this returns.
 * @param spare a buffer to use again where it is large enough.
 * @throws TradewrightError `BAD_OPTION` for what is no plain data, and for cycles.
 */
export function packState(data: Data, spare?: ArrayBuffer): PackedState {
  const packer = new Packer()
  const stripped = packer.strip(data, 0)
  let skeleton: Uint8Array
  try {
    skeleton = serialize(stripped)
  } catch (cause) {
    throw new TradewrightError('BAD_OPTION', `a state must be plain data: ${(cause as Error).message}`, {}, { cause })
  }
  const { bytes, sources } = packer
  const buffer = spare !== undefined && spare.byteLength >= bytes ? spare : new ArrayBuffer(bytes)
  for (const { placed, from } of sources) new Uint8Array(buffer, placed.offset, placed.bytes).set(from)
  return { skeleton, bytes, buffer }
}

function rebuild(value: unknown, arrays: Uint8Array): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return value
  if (value instanceof Date) return value
  if (Array.isArray(value)) return value.map((each) => rebuild(each, arrays))
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [rebuild(k, arrays), rebuild(v, arrays)]))
  if (value instanceof Set) return new Set([...value].map((each) => rebuild(each, arrays)))
  const record = value as Readonly<Record<string, unknown>>
  if (ARRAY in record) {
    const { kind, offset, bytes } = record[ARRAY] as Placed
    const shared = kind === 'SharedArrayBuffer'
    const copy = shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
    new Uint8Array(copy).set(arrays.subarray(offset, offset + bytes))
    if (shared || kind === 'ArrayBuffer') return copy
    return new (KINDS[kind] as Float32ArrayConstructor)(copy)
  }
  const plain = (PLAIN in record ? record[PLAIN] : record) as Readonly<Record<string, unknown>>
  return Object.fromEntries(Object.entries(plain).map(([name, each]) => [name, rebuild(each, arrays)]))
}

/** The inverse of {@link packState}: fresh arrays, owned by the caller. */
export function unpackState(skeleton: Uint8Array, arrays: Uint8Array): Data {
  return rebuild(deserialize(skeleton), arrays) as Data
}
