import { TradewrightError } from '@tradewright/core'
import { integerRange } from './dtype.ts'
import type { Field, Views } from './layout.ts'

const cell = new Float32Array(1)
const bits = new Uint32Array(cell.buffer)

/** The bits of the half-precision number nearest to `value`, ties to even. */
export function toHalf(value: number): number {
  cell[0] = value
  const x = bits[0]
  const sign = (x >>> 16) & 0x8000
  const magnitude = x & 0x7fffffff
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00)
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) {
    // Subnormal: units of 2^-24, rounded to even by hand.
    const scaled = Math.abs(cell[0]) * 16777216
    const floor = Math.floor(scaled)
    const rest = scaled - floor
    return sign | (rest > 0.5 || (rest === 0.5 && (floor & 1) === 1) ? floor + 1 : floor)
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x38000000) >>> 13)
}

/** The number of 65,536 possible halves; a table costs 256 KB and is built once, when first needed. */
let halves: Float32Array | undefined

function halfTable(): Float32Array {
  const table = new Float32Array(65536)
  for (let h = 0; h < 65536; h++) {
    const exponent = (h >>> 10) & 31
    const fraction = h & 1023
    const magnitude =
      exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : exponent === 0
          ? fraction * 2 ** -24
          : (1024 + fraction) * 2 ** (exponent - 25)
    table[h] = (h & 0x8000) === 0 ? magnitude : -magnitude
  }
  return table
}

/** The number that half-precision bits stand for. */
export function fromHalf(half: number): number {
  halves ??= halfTable()
  return halves[half]
}

function unfit(field: Field, value: number, form: string): TradewrightError {
  return new TradewrightError('BAD_DATA', `column '${field.name}' must fit ${form}, was ${value}`, {
    column: field.name,
    value,
  })
}

/** Refuses a value that its packed form cannot hold, before anything is written. @throws TradewrightError `BAD_DATA`. */
export function checkPacked(field: Field, values: ArrayLike<number>, from: number, size: number): void {
  const pack = field.pack
  if (pack === undefined) return
  if (pack.dtype === 'float16') {
    for (let i = from; i < from + size; i++)
      if (!(Math.abs(values[i]) < 65520)) throw unfit(field, values[i], 'float16 (magnitude below 65520)')
    return
  }
  const [min, max] = integerRange(pack.dtype) ?? [0, 0]
  const { scale, offset = 0 } = pack
  for (let i = from; i < from + size; i++) {
    const q = Math.round((values[i] - offset) / scale)
    if (!(q >= min && q <= max)) throw unfit(field, values[i], `${pack.dtype} with scale ${scale} and offset ${offset}`)
  }
}

/** Stores checked values in their packed form at byte `at`. */
export function writePacked(field: Field, views: Views, at: number, values: ArrayLike<number>, from: number): void {
  const pack = field.pack
  if (pack === undefined) return
  if (pack.dtype === 'float16') {
    const out = views.uint16
    for (let i = 0, o = at >>> 1; i < field.size; i++) out[o + i] = toHalf(values[from + i])
    return
  }
  const { scale, offset = 0 } = pack
  const out = views[pack.dtype]
  for (let i = 0, o = at / out.BYTES_PER_ELEMENT; i < field.size; i++)
    out[o + i] = Math.round((values[from + i] - offset) / scale)
}

/** Reads a packed value back, in its delivered type. */
export function readPacked(field: Field, views: Views, at: number, out: { [index: number]: number }, to: number): void {
  const pack = field.pack
  if (pack === undefined) return
  if (pack.dtype === 'float16') {
    const source = views.uint16
    for (let i = 0, o = at >>> 1; i < field.size; i++) out[to + i] = fromHalf(source[o + i])
    return
  }
  const { scale, offset = 0 } = pack
  const source = views[pack.dtype]
  for (let i = 0, o = at / source.BYTES_PER_ELEMENT; i < field.size; i++) out[to + i] = source[o + i] * scale + offset
}
