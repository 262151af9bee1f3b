import { normalCdf, normalPdf } from '@tradewright/core'

/**
 * log of h(z) = pdf(z) + z cdf(z), the expected improvement in units of the standard deviation.
 *
 * @see Ament, Daulton, Eriksson, Balandat, Bakshy (2023), "Unexpected improvements to expected improvement", NeurIPS 36,
 *   equation 9. Where it differs: below z = -25 the asymptotic series instead of erfcx.
 */
export function logH(z: number): number {
  if (z > -25) return Math.log(normalPdf(z) + z * normalCdf(z))
  const square = 1 / (z * z)
  return -0.5 * z * z - 0.9189385332046727 + Math.log(square * (1 - 3 * square + 15 * square * square))
}

/** d logH / dz = cdf / h. */
export function logHSlope(z: number): number {
  if (z > -25) return normalCdf(z) / (normalPdf(z) + z * normalCdf(z))
  return -z - 2 / z
}

/** Log expected improvement below `best` of a normal with this mean and standard deviation. */
export function logExpectedImprovement(mean: number, sigma: number, best: number): number {
  return Math.log(sigma) + logH((best - mean) / sigma)
}
