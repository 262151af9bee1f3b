import { TradewrightError, unknownName } from '@tradewright/core'

/** The element types a column can be delivered in, each with its typed array. */
export interface TypedArrayByDtype {
  readonly float32: Float32Array
  readonly float64: Float64Array
  readonly int8: Int8Array
  readonly uint8: Uint8Array
  readonly int16: Int16Array
  readonly uint16: Uint16Array
  readonly int32: Int32Array
  readonly uint32: Uint32Array
}

/** Name of an element type. */
export type Dtype = keyof TypedArrayByDtype

/** Any typed array a column can be delivered in. */
export type ColumnArray = TypedArrayByDtype[Dtype]

/** Element types as stored: those delivered, and IEEE half precision. */
export type StoredDtype = Dtype | 'float16'

type Constructor<D extends Dtype> = {
  new (length: number): TypedArrayByDtype[D]
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArrayByDtype[D]
  readonly BYTES_PER_ELEMENT: number
}

const CONSTRUCTORS: { readonly [D in Dtype]: Constructor<D> } = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
} as never

/** The inclusive range of an integer type, undefined for floats. */
const RANGES: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['int8', [-128, 127]],
  ['uint8', [0, 255]],
  ['int16', [-32768, 32767]],
  ['uint16', [0, 65535]],
  ['int32', [-2147483648, 2147483647]],
  ['uint32', [0, 4294967295]],
] as const)

/** The constructor of a type's array. */
export function arrayConstructor<D extends Dtype>(dtype: D): Constructor<D> {
  return CONSTRUCTORS[dtype]
}

/** Bytes of one stored element. */
export function dtypeBytes(dtype: StoredDtype): number {
  return dtype === 'float16' ? 2 : CONSTRUCTORS[dtype].BYTES_PER_ELEMENT
}

/** The range of an integer type; undefined for floats. */
export function integerRange(dtype: StoredDtype): readonly [number, number] | undefined {
  return RANGES.get(dtype)
}

/**
 * Refuses what is no element type.
 *
 * @throws TradewrightError `UNKNOWN_NAME`.
 */
export function checkDtype(what: string, dtype: string, half: boolean = false): void {
  const known = [...Object.keys(CONSTRUCTORS), ...(half ? ['float16'] : [])]
  if (!known.includes(dtype)) throw unknownName(what, dtype, known)
}

/** Refuses what is no integer in a range. @throws TradewrightError `BAD_OPTION`. */
export function checkInteger(name: string, value: number, min: number, max: number = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new TradewrightError('BAD_OPTION', `${name} must be an integer from ${min} to ${max}, was ${String(value)}`, {
      [name]: value,
    })
}

/** Refuses what is no finite number in a closed range. @throws TradewrightError `BAD_OPTION`. */
export function checkNumber(name: string, value: number, min: number, max: number): void {
  if (typeof value !== 'number' || !(value >= min && value <= max) || !Number.isFinite(value))
    throw new TradewrightError('BAD_OPTION', `${name} must be a number from ${min} to ${max}, was ${String(value)}`, {
      [name]: value,
    })
}
