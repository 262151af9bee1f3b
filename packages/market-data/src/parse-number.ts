/** 10^0 to 10^22: the powers of ten that a double holds exactly. */
export const exactPowersOfTen: Float64Array = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57

/** Whether the bytes read as [+-] digits [. digits] [e [+-] digits], with a digit somewhere before the exponent. */
function isDecimal(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  if (bytes[at] === 43 || bytes[at] === 45) at++
  const integer = at
  while (at < end && isDigit(bytes[at])) at++
  let digits = at - integer
  if (at < end && bytes[at] === 46) {
    const fraction = ++at
    while (at < end && isDigit(bytes[at])) at++
    digits += at - fraction
  }
  if (digits === 0) return false
  if (at < end && (bytes[at] | 32) === 101) {
    at++
    if (at < end && (bytes[at] === 43 || bytes[at] === 45)) at++
    const exponent = at
    while (at < end && isDigit(bytes[at])) at++
    if (at === exponent) return false
  }
  return at === end
}

/** The bytes as text, byte for byte: for numbers and short messages only. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i])
  return text
}

/**
 * Reads a decimal number from bytes, equal to `Number(text)` to the last bit.
 *
 * A mantissa below 2^53 and a power of ten of at most 22 are exact doubles, so one multiplication or division
 * rounds correctly; everything else goes through `Number`.
 *
 * @param bytes the file. Read only.
 * @param start first byte of the number.
 * @param end   one past its last byte.
 * @returns the number; NaN for anything but [+-] digits [. digits] [e [+-] digits] (so hex, `Infinity`, `NaN`, blanks
 *   and thousands separators are NaN). May be Infinity where the number is too large for a double.
 * @see Clinger (1990), "How to read floating point numbers accurately", PLDI, section 3 (the fast path).
 */
export function parseNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  let negative = false
  if (bytes[at] === 45) {
    negative = true
    at++
  } else if (bytes[at] === 43) at++
  let mantissa = 0
  let point = -1
  const first = at
  for (; at < end; at++) {
    const byte = bytes[at]
    if (byte >= 48 && byte <= 57) mantissa = mantissa * 10 + (byte - 48)
    else if (byte === 46 && point < 0) point = at
    else break
  }
  const digits = at - first - (point < 0 ? 0 : 1)
  const fraction = point < 0 ? 0 : at - point - 1
  if (at === end && digits > 0 && mantissa < 9007199254740992 && fraction <= 22) {
    const value = fraction === 0 ? mantissa : mantissa / exactPowersOfTen[fraction]
    return negative ? -value : value
  }
  return isDecimal(bytes, start, end) ? Number(asciiText(bytes, start, end)) : Number.NaN
}
