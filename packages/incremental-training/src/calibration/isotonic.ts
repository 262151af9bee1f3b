/** A rising curve through points, straight between them, flat beyond. */
export interface IsotonicCurve {
  /** Ascending. */
  readonly x: Float64Array
  /** Never falling. */
  readonly y: Float64Array
}

/**
 * Isotonic regression: the rising curve with the least weighted squares, by pooling adjacent violators. O(n log n).
 *
 * @param scores  shape [rows], finite. Read only.
 * @param targets shape [rows], finite. Read only.
 * @param weights shape [rows], >= 0; rows of weight 0 are left out. Read only. @default all 1
 * @returns the curve's corners: points inside a straight piece are left out. Equal scores are one point, their mean.
 * @see Barlow, Bartholomew, Bremner, Brunk (1972); Zadrozny, Elkan (2002), KDD, for its use.
 */
export function isotonicCurve(
  scores: Float64Array,
  targets: Float32Array | Float64Array,
  weights?: Float32Array,
): IsotonicCurve {
  const order = Array.from({ length: scores.length }, (_, i) => i).filter((i) => (weights?.[i] ?? 1) > 0)
  order.sort((a, b) => scores[a] - scores[b])
  const at: number[] = []
  const mean: number[] = []
  const mass: number[] = []
  for (const i of order) {
    const weight = weights?.[i] ?? 1
    const last = at.length - 1
    if (last >= 0 && at[last] === scores[i]) {
      mass[last] += weight
      mean[last] += (weight / mass[last]) * (targets[i] - mean[last])
    } else {
      at.push(scores[i])
      mean.push(targets[i])
      mass.push(weight)
    }
  }
  // Blocks by their end: each pools while the one before it is higher.
  const value: number[] = []
  const heavy: number[] = []
  const end: number[] = []
  for (let i = 0; i < at.length; i++) {
    let y = mean[i]
    let w = mass[i]
    while (value.length > 0 && value[value.length - 1] >= y) {
      const before = heavy[heavy.length - 1]
      y = (y * w + value[value.length - 1] * before) / (w + before)
      w += before
      value.pop()
      heavy.pop()
      end.pop()
    }
    value.push(y)
    heavy.push(w)
    end.push(i)
  }
  const x: number[] = []
  const ys: number[] = []
  value.forEach((y, block) => {
    const first = block === 0 ? 0 : end[block - 1] + 1
    x.push(at[first])
    ys.push(y)
    if (end[block] > first) {
      x.push(at[end[block]])
      ys.push(y)
    }
  })
  return { x: Float64Array.from(x), y: Float64Array.from(ys) }
}

/** The curve at one place. An empty curve gives NaN. */
export function isotonicAt({ x, y }: IsotonicCurve, score: number): number {
  const last = x.length - 1
  if (last < 0 || score !== score) return Number.NaN
  if (score <= x[0]) return y[0]
  if (score >= x[last]) return y[last]
  let low = 0
  let high = last
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (x[middle] <= score) low = middle
    else high = middle
  }
  return y[low] + ((score - x[low]) / (x[high] - x[low])) * (y[high] - y[low])
}
