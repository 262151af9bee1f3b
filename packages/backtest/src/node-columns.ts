import { applyBinary } from './fold.ts'
import { Op } from './operation.ts'

/** Two columns of numbers, value by value. */
export function arithmetic(code: number, a: Float64Array, b: Float64Array, out: Float64Array): void {
  const n = out.length
  if (code === Op.add) for (let i = 0; i < n; i++) out[i] = a[i] + b[i]
  else if (code === Op.sub) for (let i = 0; i < n; i++) out[i] = a[i] - b[i]
  else if (code === Op.mul) for (let i = 0; i < n; i++) out[i] = a[i] * b[i]
  else if (code === Op.div) for (let i = 0; i < n; i++) out[i] = a[i] / b[i]
  else for (let i = 0; i < n; i++) out[i] = applyBinary(code, a[i], b[i])
}

/** A comparison or crossing of two columns. */
export function compared(code: number, a: Float64Array, b: Float64Array, out: Uint8Array): Uint8Array {
  const n = out.length
  if (code === Op.gt) for (let i = 0; i < n; i++) out[i] = a[i] > b[i] ? 1 : 0
  else if (code === Op.gte) for (let i = 0; i < n; i++) out[i] = a[i] >= b[i] ? 1 : 0
  else if (code === Op.eq) for (let i = 0; i < n; i++) out[i] = a[i] === b[i] ? 1 : 0
  else if (code === Op.crossesAbove) crossed(a, b, out)
  else for (let i = 0; i < n; i++) out[i] = applyBinary(code, a[i], b[i])
  return out
}

function crossed(a: Float64Array, b: Float64Array, out: Uint8Array): void {
  let below = false // a[i - 1] <= b[i - 1]
  for (let i = 0; i < out.length; i++) {
    const x = a[i]
    const y = b[i]
    out[i] = below && x > y ? 1 : 0
    below = x <= y
  }
}

/** Two columns of conditions, bar by bar. */
export function combined(code: number, a: Uint8Array, b: Uint8Array, out: Uint8Array): Uint8Array {
  const n = out.length
  if (code === Op.and) for (let i = 0; i < n; i++) out[i] = a[i] & b[i]
  else if (code === Op.or) for (let i = 0; i < n; i++) out[i] = a[i] | b[i]
  else for (let i = 0; i < n; i++) out[i] = a[i] ^ b[i]
  return out
}

/** One of two columns, by a condition. */
export function selected(condition: Uint8Array, a: Float64Array, b: Float64Array, out: Float64Array): Float64Array {
  for (let i = 0; i < out.length; i++) out[i] = condition[i] === 1 ? a[i] : b[i]
  return out
}

/** A column some bars before. */
export function lagged(a: Float64Array, bars: number, out: Float64Array): Float64Array {
  out.fill(NaN, 0, Math.min(bars, out.length))
  for (let i = bars; i < out.length; i++) out[i] = a[i - bars]
  return out
}

/** True bars among the last ones. */
export function counted(a: Uint8Array, bars: number, out: Float64Array): Float64Array {
  let count = 0
  for (let i = 0; i < out.length; i++) {
    count += a[i]
    if (i >= bars) count -= a[i - bars]
    out[i] = count
  }
  return out
}

/** Bars since the condition was true. */
export function sinceTrue(a: Uint8Array, out: Float64Array): Float64Array {
  let since = NaN
  for (let i = 0; i < out.length; i++) {
    since = a[i] === 1 ? 0 : since + 1
    out[i] = since
  }
  return out
}

/** The value on the n-th last bar where the condition was true. */
export function whenTrue(condition: Uint8Array, a: Float64Array, nth: number, out: Float64Array): Float64Array {
  const hits: number[] = []
  for (let i = 0; i < out.length; i++) {
    if (condition[i] === 1) hits.push(a[i])
    out[i] = hits.length > nth ? hits[hits.length - 1 - nth] : NaN
  }
  return out
}
