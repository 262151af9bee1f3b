import { deserialize, serialize } from 'node:v8'
import { crc32 } from 'node:zlib'
import type { Data, EngineState, EvaluationRequest, MetricName, ReturnMoments, SliceResult } from '@tradewright/core'

/**
 * The metrics that have a bit of their own, in the order of the bits. Frozen: a new metric goes by name until the
 * codec's version changes.
 */
const METRICS = [
  'totalReturn',
  'sharpe',
  'sortino',
  'calmar',
  'maxDrawdown',
  'trades',
  'winRate',
  'profitFactor',
  'expectancy',
  'exposure',
  'turnover',
  'annualizedReturn',
  'annualizedVolatility',
  'feesPaid',
  'finalEquity',
] as const

const BIT: ReadonlyMap<string, number> = new Map(METRICS.map((name, bit) => [name, bit]))
const MOMENTS = ['count', 'mean', 'variance', 'skew', 'kurtosis'] as const

/** Version of the layout: another one is a miss. */
const VERSION = 1
const HEADER = 24
const HAS_MOMENTS = 1
const HAS_RETURNS = 2
const HAS_STATE = 4
const ASKED = ['standard', 'all', 'names'] as const

/** A slice's result together with what was asked for when it was made. */
export interface StoredSlice {
  readonly result: SliceResult
  /** Which metrics were asked for: by it, not by what is there, an entry is judged to have enough. */
  readonly asked: EvaluationRequest['want']['metrics']
  /** Cost of making it, in ms. */
  readonly costMs: number
}

const text = new TextEncoder()
const untext = new TextDecoder('utf-8', { fatal: true })

/**
 * A slice's result as bytes: every float64 to the last bit, NaN, infinities and -0 included.
 *
 * Little-endian: version, flags, what was asked for, count of named metrics, length, checksum, mask of known metrics,
 * cost in ms; then metrics, named metrics, moments, returns, state.
 *
 * @returns the caller's; about 200 bytes for the standard metrics with moments.
 */
export function encodeSlice({ result, asked, costMs }: StoredSlice): Uint8Array {
  const { metrics, moments, returns, state } = result
  let mask = 0
  let known = 0
  const named: { readonly name: Uint8Array; readonly value: number }[] = []
  for (const name in metrics) {
    const value = metrics[name as MetricName]
    if (value === undefined) continue
    const bit = BIT.get(name)
    if (bit === undefined) named.push({ name: text.encode(name), value })
    else {
      mask |= 1 << bit
      known++
    }
  }
  const stateBytes = state === undefined ? undefined : serialize(state)
  const length =
    HEADER +
    known * 8 +
    named.reduce((sum, { name }) => sum + 9 + name.length, 0) +
    (moments === undefined ? 0 : 40) +
    (returns === undefined ? 0 : 4 + returns.length * 8) +
    (stateBytes === undefined ? 0 : 4 + stateBytes.length)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  bytes[1] =
    (moments === undefined ? 0 : HAS_MOMENTS) |
    (returns === undefined ? 0 : HAS_RETURNS) |
    (stateBytes === undefined ? 0 : HAS_STATE)
  bytes[2] = asked === 'standard' ? 0 : asked === 'all' ? 1 : 2
  bytes[3] = named.length
  view.setUint32(4, length, true)
  view.setUint32(12, mask, true)
  view.setFloat64(16, costMs, true)
  let at = HEADER
  const put = (value: number): void => {
    view.setFloat64(at, value, true)
    at += 8
  }
  for (let bit = 0; bit < METRICS.length; bit++) {
    if ((mask & (1 << bit)) === 0) continue
    put(metrics[METRICS[bit]] ?? Number.NaN)
  }
  for (const { name, value } of named) {
    bytes[at++] = name.length
    bytes.set(name, at)
    at += name.length
    put(value)
  }
  if (moments !== undefined) for (const name of MOMENTS) put(moments[name])
  if (returns !== undefined) {
    view.setUint32(at, returns.length, true)
    at += 4
    bytes.set(new Uint8Array(returns.buffer, returns.byteOffset, returns.byteLength), at)
    at += returns.byteLength
  }
  if (stateBytes !== undefined) {
    view.setUint32(at, stateBytes.length, true)
    bytes.set(stateBytes, at + 4)
  }
  view.setUint32(8, crc32(bytes.subarray(12), crc32(bytes.subarray(0, 8))), true)
  return bytes
}

/** The inverse of {@link encodeSlice}; undefined for bytes of another version, damaged or cut off. */
export function decodeSlice(bytes: Uint8Array): StoredSlice | undefined {
  if (bytes.length < HEADER || bytes[0] !== VERSION) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(4, true) !== bytes.length) return undefined
  if (view.getUint32(8, true) !== crc32(bytes.subarray(12), crc32(bytes.subarray(0, 8)))) return undefined
  try {
    return readSlice(bytes, view)
  } catch {
    return undefined // bytes that an encoder with a bug, or another program, sealed
  }
}

function readSlice(bytes: Uint8Array, view: DataView): StoredSlice | undefined {
  const flags = bytes[1]
  const mask = view.getUint32(12, true)
  let at = HEADER
  const take = (): number => {
    const value = view.getFloat64(at, true)
    at += 8
    return value
  }
  const metrics: Record<string, number> = {}
  for (let bit = 0; bit < METRICS.length; bit++) if ((mask & (1 << bit)) !== 0) metrics[METRICS[bit]] = take()
  for (let i = 0; i < bytes[3]; i++) {
    const length = bytes[at++]
    const name = untext.decode(bytes.subarray(at, at + length))
    at += length
    metrics[name] = take()
  }
  let moments: ReturnMoments | undefined
  if ((flags & HAS_MOMENTS) !== 0)
    moments = { count: take(), mean: take(), variance: take(), skew: take(), kurtosis: take() }
  let returns: Float64Array | undefined
  if ((flags & HAS_RETURNS) !== 0) {
    const length = view.getUint32(at, true) * 8
    at += 4
    // Not bytes.slice(): a Buffer's is a view of its pool.
    returns = new Float64Array(Uint8Array.prototype.slice.call(bytes, at, at + length).buffer)
    at += length
  }
  let state: EngineState | undefined
  if ((flags & HAS_STATE) !== 0) {
    const length = view.getUint32(at, true)
    at += 4
    state = readState(deserialize(bytes.subarray(at, at + length)) as Data)
    if (state === undefined) return undefined
    at += length
  }
  if (at !== bytes.length) return undefined
  return {
    asked: ASKED[bytes[2]] === 'names' ? (Object.keys(metrics) as MetricName[]) : ASKED[bytes[2] as 0 | 1],
    costMs: view.getFloat64(16, true),
    result: {
      metrics,
      ...(moments === undefined ? {} : { moments }),
      ...(state === undefined ? {} : { state }),
      ...(returns === undefined ? {} : { returns }),
    },
  }
}

function readState(data: Data): EngineState | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { version, bar } = data as Partial<EngineState>
  return typeof version === 'string' && typeof bar === 'number' ? (data as unknown as EngineState) : undefined
}
