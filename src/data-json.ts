import { type Data, TradewrightError } from '@tradewright/core'

const ARRAYS = {
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
} as const

const bytesOf = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength)

/**
 * Plain data as what JSON keeps: whatever JSON has no word for becomes `{ $: kind, ... }`. Memory is base64 of its
 * bytes, little-endian as every machine that Node runs on.
 *
 * @throws TradewrightError `BAD_DATA` for what is no plain data.
 */
export function dataToJson(data: Data): unknown {
  if (data === null || typeof data === 'string' || typeof data === 'boolean') return data
  if (typeof data === 'number') return Number.isFinite(data) && !Object.is(data, -0) ? data : tagged('number', data)
  if (data === undefined || typeof data === 'bigint') return tagged(typeof data, data)
  if (data instanceof Date) return { $: 'Date', value: data.getTime() }
  if (ArrayBuffer.isView(data)) {
    const kind = data.constructor.name
    const name = Object.hasOwn(ARRAYS, kind) ? kind : 'Uint8Array'
    return { $: name, value: bytesOf(data).toString('base64') }
  }
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer)
    return { $: 'ArrayBuffer', value: bytesOf(new Uint8Array(data)).toString('base64') }
  if (Array.isArray(data)) return data.map(dataToJson)
  if (data instanceof Map) return { $: 'Map', value: [...data].map(([k, v]) => [dataToJson(k), dataToJson(v)]) }
  if (data instanceof Set) return { $: 'Set', value: [...data].map(dataToJson) }
  if (typeof data !== 'object')
    throw new TradewrightError('BAD_DATA', `a model's state must be plain data, has a ${typeof data}`)
  const entries = Object.entries(data as Readonly<Record<string, Data>>).map(([k, v]) => [k, dataToJson(v)] as const)
  return Object.hasOwn(data, '$') ? { $: 'object', value: entries } : Object.fromEntries(entries)
}

const tagged = ($: string, value: unknown): unknown => ({ $, value: Object.is(value, -0) ? '-0' : String(value) })

/** The inverse of {@link dataToJson}. @throws TradewrightError `BAD_DATA` for what it never wrote. */
export function dataFromJson(json: unknown): Data {
  if (Array.isArray(json)) return json.map(dataFromJson)
  if (typeof json !== 'object' || json === null) return json as Data
  if (!('$' in json)) return Object.fromEntries(Object.entries(json).map(([k, v]) => [k, dataFromJson(v)]))
  const { $: kind, value } = json as { readonly $: string; readonly value?: unknown }
  const list = Array.isArray(value) ? value : []
  switch (kind) {
    case 'undefined':
      return undefined
    case 'number':
      return Number(value)
    case 'bigint':
      return BigInt(String(value))
    case 'Date':
      return new Date(Number(value))
    case 'Map':
      return new Map(list.map(([k, v]: [unknown, unknown]) => [dataFromJson(k), dataFromJson(v)]))
    case 'Set':
      return new Set(list.map(dataFromJson))
    case 'object':
      return Object.fromEntries(list.map(([k, v]: [string, unknown]) => [k, dataFromJson(v)]))
    default:
      return memoryOf(kind, value)
  }
}

function memoryOf(kind: unknown, value: unknown): Data {
  const bytes = Uint8Array.from(Buffer.from(String(value), 'base64'))
  if (kind === 'ArrayBuffer') return bytes.buffer
  if (typeof kind !== 'string' || !Object.hasOwn(ARRAYS, kind))
    throw new TradewrightError('BAD_DATA', `a model's state has a kind that is not known, was ${JSON.stringify(kind)}`)
  const make = ARRAYS[kind as keyof typeof ARRAYS]
  if (bytes.length % make.BYTES_PER_ELEMENT !== 0)
    throw new TradewrightError('BAD_DATA', `a model's state has a ${kind} of ${bytes.length} bytes`)
  return new make(bytes.buffer)
}
