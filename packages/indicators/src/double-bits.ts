const word = new Float64Array(1)
const halves = new Int32Array(word.buffer)
const HIGH = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

/** floor(log2 |value|) of a normal double, -1023 for zero and subnormals. */
export function leadingExponent(value: number): number {
  word[0] = value
  return ((halves[HIGH] >>> 20) & 0x7ff) - 1023
}

/** The exponent of the last bit of `value`'s significand: value = {@link significandOf} * 2^exponent. */
export function exponentOf(value: number): number {
  word[0] = value
  const biased = (halves[HIGH] >>> 20) & 0x7ff
  return (biased === 0 ? 1 : biased) - 1075
}

/** The signed significand of a finite `value` as an integer below 2^53. */
export function significandOf(value: number): number {
  word[0] = value
  const high = halves[HIGH]
  const biased = (high >>> 20) & 0x7ff
  if (biased === 0) return value * 2 ** 537 * 2 ** 537
  halves[HIGH] = (high & 0x800fffff) | 0x43300000
  return word[0]
}
