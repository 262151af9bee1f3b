import { leadingExponent } from './double-bits.ts'

/** The double nearest to numerator / denominator * 2^exponent (ties to even), for denominator > 0. */
export function roundRatio(numerator: bigint, denominator: bigint, exponent: number): number {
  if (numerator === 0n) return 0
  if (numerator < 0n) return -roundRatio(-numerator, denominator, exponent)
  // Shift so that the quotient has 64 bits or a few more, then round to 53 with everything below in one sticky bit.
  const shift = 68 + bitLength(denominator) - bitLength(numerator)
  const scaled = shift > 0 ? numerator << BigInt(shift) : numerator
  const divisor = shift > 0 ? denominator : denominator << BigInt(-shift)
  const quotient = scaled / divisor
  const sticky = quotient * divisor === scaled ? 0n : 1n
  return scaleDown(Number((quotient << 1n) | sticky), exponent - shift - 1)
}

/** The number of bits of a positive integer, or up to 3 more. */
function bitLength(value: bigint): number {
  const double = Number(value)
  return double < Infinity ? leadingExponent(double) + 1 : value.toString(16).length * 4
}

function scaleDown(value: number, exponent: number): number {
  let result = value
  let rest = exponent
  while (rest < -1000) {
    result *= 2 ** -1000
    rest += 1000
  }
  while (rest > 1000) {
    result *= 2 ** 1000
    rest -= 1000
  }
  return result * 2 ** rest
}
