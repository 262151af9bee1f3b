/**
 * y += alpha (x - y) for four alphas: from state[0..4) over `values` into four columns of `out`, `stride` slots apart.
 */
export function plainSmooth4(
  values: Float64Array,
  alphas: Float64Array,
  state: Float64Array,
  out: Float64Array,
  stride: number,
): void {
  for (let lane = 0; lane < 4; lane++) {
    const alpha = alphas[lane]
    const at = lane * stride
    let y = state[lane]
    for (let i = 0; i < values.length; i++) {
      y += alpha * (values[i] - y)
      out[at + i] = y
    }
    state[lane] = y
  }
}

/**
 * Wilder's index for four periods: from the averages in `state` (four gains, then four losses) over the moves between
 * `values`, of which the first is the one before, into four columns of `out`, `stride` slots apart.
 */
export function plainStrength4(
  values: Float64Array,
  periods: Float64Array,
  state: Float64Array,
  out: Float64Array,
  stride: number,
): void {
  for (let lane = 0; lane < 4; lane++) {
    const period = periods[lane]
    const at = lane * stride - 1
    let gain = state[lane]
    let loss = state[lane + 4]
    for (let i = 1; i < values.length; i++) {
      const move = values[i] - values[i - 1]
      gain = (gain * (period - 1) + Math.max(move, 0)) / period
      loss = (loss * (period - 1) + Math.max(-move, 0)) / period
      out[at + i] = loss === 0 ? 100 : (100 * gain) / (gain + loss)
    }
    state[lane] = gain
    state[lane + 4] = loss
  }
}
