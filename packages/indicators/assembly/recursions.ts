// Recursions wait for their own last step, so four run side by side, one period each: two vectors of two lanes.

/**
 * y += alpha (x - y) for four alphas: from state[0..4) over values[0..count) into four columns, `stride` bytes apart.
 */
export function smooth4(values: usize, count: i32, alphas: usize, state: usize, out: usize, stride: i32): void {
  const alpha0 = v128.load(alphas)
  const alpha1 = v128.load(alphas, 16)
  let y0 = v128.load(state)
  let y1 = v128.load(state, 16)
  const out1 = out + usize(stride)
  const out2 = out1 + usize(stride)
  const out3 = out2 + usize(stride)
  const bytes = usize(count) << 3
  for (let at: usize = 0; at < bytes; at += 8) {
    const value = v128.load64_splat(values + at)
    y0 = f64x2.add(y0, f64x2.mul(alpha0, f64x2.sub(value, y0)))
    y1 = f64x2.add(y1, f64x2.mul(alpha1, f64x2.sub(value, y1)))
    v128.store64_lane(out + at, y0, 0)
    v128.store64_lane(out1 + at, y0, 1)
    v128.store64_lane(out2 + at, y1, 0)
    v128.store64_lane(out3 + at, y1, 1)
  }
  v128.store(state, y0)
  v128.store(state, y1, 16)
}

// @ts-ignore: decorator
@inline
function index(gain: v128, loss: v128): v128 {
  const hundred = f64x2.splat(100)
  const value = f64x2.div(f64x2.mul(hundred, gain), f64x2.add(gain, loss))
  return v128.bitselect(hundred, value, f64x2.eq(loss, f64x2.splat(0)))
}

/**
 * Wilder's index for four periods: from the averages in state (four gains, then four losses), over the moves between
 * values[-1..count), into four columns, `stride` bytes apart. `periods` holds the four periods as doubles.
 */
export function strength4(values: usize, count: i32, periods: usize, state: usize, out: usize, stride: i32): void {
  const zero = f64x2.splat(0)
  const one = f64x2.splat(1)
  const period0 = v128.load(periods)
  const period1 = v128.load(periods, 16)
  const keep0 = f64x2.sub(period0, one)
  const keep1 = f64x2.sub(period1, one)
  let gain0 = v128.load(state)
  let gain1 = v128.load(state, 16)
  let loss0 = v128.load(state, 32)
  let loss1 = v128.load(state, 48)
  const out1 = out + usize(stride)
  const out2 = out1 + usize(stride)
  const out3 = out2 + usize(stride)
  const bytes = usize(count) << 3
  for (let at: usize = 0; at < bytes; at += 8) {
    const move = f64x2.sub(v128.load64_splat(values + at), v128.load64_splat(values + at - 8))
    const up = f64x2.pmax(zero, move)
    const down = f64x2.pmax(zero, f64x2.neg(move))
    gain0 = f64x2.div(f64x2.add(f64x2.mul(gain0, keep0), up), period0)
    gain1 = f64x2.div(f64x2.add(f64x2.mul(gain1, keep1), up), period1)
    loss0 = f64x2.div(f64x2.add(f64x2.mul(loss0, keep0), down), period0)
    loss1 = f64x2.div(f64x2.add(f64x2.mul(loss1, keep1), down), period1)
    const index0 = index(gain0, loss0)
    const index1 = index(gain1, loss1)
    v128.store64_lane(out + at, index0, 0)
    v128.store64_lane(out1 + at, index0, 1)
    v128.store64_lane(out2 + at, index1, 0)
    v128.store64_lane(out3 + at, index1, 1)
  }
  v128.store(state, gain0)
  v128.store(state, gain1, 16)
  v128.store(state, loss0, 32)
  v128.store(state, loss1, 48)
}
