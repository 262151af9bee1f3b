/** Fall from the highest value so far: 0 at a new high, -0.25 a quarter below it. */
export function drawdownOf(growth: ArrayLike<number>): Float64Array {
  const out = new Float64Array(growth.length)
  let peak = 1
  for (let i = 0; i < growth.length; i++) {
    if (growth[i] > peak) peak = growth[i]
    out[i] = growth[i] / peak - 1
  }
  return out
}
