/**
 * Error function, to about 1.2e-16 absolute for |x| < 3 and relative in the tail. NaN gives NaN.
 *
 * @see W. J. Cody (1969), "Rational Chebyshev approximations for the error function", Math. Comp. 23.
 */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (a <= 0.46875) return x * erfSmall(x * x)
  const value = 1 - erfcTail(a)
  return x < 0 ? -value : value
}

function erfSmall(z: number): number {
  const num =
    (((0.18577770618460315 * z + 3.1611237438705655) * z + 113.86415415105016) * z + 377.485237685302) * z +
    3209.3775891384694
  const den = (((z + 23.601290952344122) * z + 244.02463793444417) * z + 1282.6165260773723) * z + 2844.236833439171
  return num / den
}

/** erfc for x > 0.46875. */
function erfcTail(a: number): number {
  let r: number
  if (a <= 4) {
    const num =
      (((((((2.1531153547440383e-8 * a + 0.5641884969886701) * a + 8.883149794388377) * a + 66.11919063714163) * a +
        298.6351381974001) *
        a +
        881.952221241769) *
        a +
        1712.0476126340707) *
        a +
        2051.0783778260716) *
        a +
      1230.3393547979972
    const den =
      (((((((a + 15.744926110709835) * a + 117.6939508913125) * a + 537.1811018620099) * a + 1621.3895745666903) * a +
        3290.7992357334597) *
        a +
        4362.619090143247) *
        a +
        3439.3676741437216) *
        a +
      1230.3393548037495
    r = num / den
  } else {
    const z = 1 / (a * a)
    const num =
      ((((0.016315387137302097 * z + 0.30532663496123236) * z + 0.36034489994980445) * z + 0.12578172611122926) * z +
        0.016083785148742275) *
        z +
      0.0006587491615298378
    const den =
      ((((z + 2.568520192289822) * z + 1.8729528499234604) * z + 0.5279051029514285) * z + 0.06051834131244132) * z +
      0.0023352049762686918
    r = (0.5641895835477563 - (z * num) / den) / a
  }
  return Math.exp(-a * a) * r
}

/** Distribution function of the standard normal, with full relative accuracy in the lower tail. NaN gives NaN. */
export function normalCdf(z: number): number {
  const x = z * Math.SQRT1_2
  if (x < -0.46875) return 0.5 * erfcTail(-x)
  return 0.5 * (1 + erf(x))
}

/** Density of the standard normal. NaN gives NaN. */
export function normalPdf(z: number): number {
  return 0.3989422804014327 * Math.exp(-0.5 * z * z)
}

/**
 * Quantile of the standard normal, relative error below 1e-15; -Infinity at 0, Infinity at 1. NaN gives NaN.
 *
 * @see M. J. Wichura (1988), "Algorithm AS 241: the percentage points of the normal distribution", Appl. Statist. 37.
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q
    const num =
      ((((((2509.0809287301227 * r + 33430.57558358813) * r + 67265.7709270087) * r + 45921.95393154987) * r +
        13731.69376550946) *
        r +
        1971.5909503065513) *
        r +
        133.14166789178438) *
        r +
      3.3871328727963665
    const den =
      ((((((5226.495278852546 * r + 28729.085735721943) * r + 39307.89580009271) * r + 21213.794301586597) * r +
        5394.196021424751) *
        r +
        687.1870074920579) *
        r +
        42.31333070160091) *
        r +
      1
    return (q * num) / den
  }
  if (p <= 0) return Number.NEGATIVE_INFINITY
  if (p >= 1) return Number.POSITIVE_INFINITY
  const tail = Math.sqrt(-Math.log(q < 0 ? p : 1 - p))
  const x = tail <= 5 ? quantileMiddle(tail - 1.6) : quantileFar(tail - 5)
  return q < 0 ? -x : x
}

function quantileMiddle(r: number): number {
  const num =
    ((((((0.0007745450142783414 * r + 0.022723844989269184) * r + 0.2417807251774506) * r + 1.2704582524523684) * r +
      3.6478483247632045) *
      r +
      5.769497221460691) *
      r +
      4.630337846156546) *
      r +
    1.4234371107496835
  const den =
    ((((((1.0507500716444169e-9 * r + 0.0005475938084995345) * r + 0.015198666563616457) * r + 0.14810397642748008) *
      r +
      0.6897673349851) *
      r +
      1.6763848301838038) *
      r +
      2.053191626637759) *
      r +
    1
  return num / den
}

function quantileFar(r: number): number {
  const num =
    ((((((2.0103343992922881e-7 * r + 2.7115555687434876e-5) * r + 0.0012426609473880784) * r + 0.026532189526576124) *
      r +
      0.29656057182850487) *
      r +
      1.7848265399172913) *
      r +
      5.463784911164114) *
      r +
    6.657904643501103
  const den =
    ((((((2.0442631033899397e-15 * r + 1.421511758316446e-7) * r + 1.8463183175100548e-5) * r + 0.0007868691311456133) *
      r +
      0.014875361290850615) *
      r +
      0.1369298809227358) *
      r +
      0.599832206555888) *
      r +
    1
  return num / den
}

/**
 * A draw of a normal truncated to [low, high], by inversion.
 *
 * @param sigma   standard deviation before truncation, above 0.
 * @param uniform in [0, 1).
 * @returns in [low, high].
 */
export function truncatedNormal(mean: number, sigma: number, low: number, high: number, uniform: number): number {
  // In the upper half the mirror image, whose tail probabilities do not cancel.
  if (mean < low) return -truncatedNormal(-mean, sigma, -high, -low, uniform)
  const from = normalCdf((low - mean) / sigma)
  const to = normalCdf((high - mean) / sigma)
  const x = mean + sigma * normalQuantile(from + uniform * (to - from))
  return Math.min(high, Math.max(low, x))
}
