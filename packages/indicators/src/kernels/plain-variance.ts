/** out = values - middle; gives the sum of the magnitudes of the rounding errors. */
export function plainCentre(values: Float64Array, middle: number, out: Float64Array): number {
  let error = 0
  for (let i = 0; i < out.length; i++) {
    const value = values[i]
    const difference = value - middle
    const back = value - difference
    error += Math.abs(value - (difference + back)) + Math.abs(back - middle)
    out[i] = difference
  }
  return error
}

/** Adds up both parts of every value and of its exact square; gives the largest total of the squares' rest. */
export function plainSplitSquares(
  values: Float64Array,
  splitter: number,
  squareSplitter: number,
  coarse: Float64Array,
  rest: Float64Array,
  coarseSquares: Float64Array,
  restSquares: Float64Array,
): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let largest = 0
  coarse[0] = rest[0] = coarseSquares[0] = restSquares[0] = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const part = value + splitter - splitter
    // Dekker (1971): square + error is the exact square.
    const scaled = 134217729 * value
    const high = scaled - (scaled - value)
    const low = value - high
    const square = value * value
    const error = high * high - square + 2 * high * low + low * low
    const squarePart = square + squareSplitter - squareSplitter
    a += part
    b += value - part
    c += squarePart
    d += square - squarePart + error
    if (d > largest) largest = d
    if (-d > largest) largest = -d
    coarse[i + 1] = a
    rest[i + 1] = b
    coarseSquares[i + 1] = c
    restSquares[i + 1] = d
  }
  return largest
}

/** Variances of windows from slot 0 on, NaN where the bound does not decide the last bit; gives whether there is one. */
export function plainVary(
  coarse: Float64Array,
  rest: Float64Array,
  coarseSquares: Float64Array,
  restSquares: Float64Array,
  period: number,
  error: number,
  out: Float64Array,
): number {
  const scale = period * period
  const inverse = 1 / scale
  const errors = error * inverse
  const units = 2 ** -51 * inverse
  let missed = 0
  for (let i = 0; i < out.length; i++) {
    const sum = coarse[i + period] - coarse[i]
    const sumRest = rest[i + period] - rest[i]
    const first = period * (coarseSquares[i + period] - coarseSquares[i]) - sum * sum
    const squares = period * (restSquares[i + period] - restSquares[i])
    const mixed = sumRest * (sum + sum + sumRest)
    const second = squares - mixed
    // 26 leading bits of the variance, then what they leave.
    const estimate = (first + second) * inverse
    const scaled = 134217729 * estimate
    const leading = scaled - (scaled - estimate)
    const remainder = first - leading * scale
    const tail = (remainder + second) * inverse
    const bound = errors + units * (Math.abs(squares) + Math.abs(mixed) + Math.abs(remainder))
    const variance = leading + (tail + bound)
    const certain = variance === leading + (tail - bound)
    out[i] = certain ? variance : NaN
    if (!certain) missed = 1
  }
  return missed
}
