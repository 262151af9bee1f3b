/**
 * Importance weights of a batch: (N P(i))^-beta over the largest in the batch, which is (smallest P / P(i))^beta.
 *
 * @param mass shape [count]: numbers in proportion to P(i), positive.
 */
export function batchWeights(mass: Float64Array, count: number, beta: number, weights: Float32Array): void {
  if (beta === 0) {
    weights.fill(1, 0, count)
    return
  }
  let smallest = Number.POSITIVE_INFINITY
  for (let k = 0; k < count; k++) if (mass[k] < smallest) smallest = mass[k]
  for (let k = 0; k < count; k++) weights[k] = Math.exp(beta * Math.log(smallest / mass[k]))
}

/** An array of at least `count` numbers: the given one where it suffices. */
export function roomFor(array: Float64Array, count: number): Float64Array {
  return array.length >= count ? array : new Float64Array(count)
}
