// Arrays are padded to 16 bytes, so whole vectors may run up to 12 bytes past the count.
import { exp4, f4, log4, sigmoid4, tanh4 } from './vector-math'

const LEAK: f32 = 0.01
const GELU_A: f32 = 0.7978845608028654
const GELU_B: f32 = 0.044715

/** y = f(x). Kinds: 0 relu, 1 leaky relu (0.01), 2 elu, 3 sigmoid, 4 tanh, 5 softplus, 6 silu, 7 gelu (tanh form). */
export function activate(kind: i32, n: i32, x: usize, y: usize): void {
  const end = x + (<usize>n << 2)
  const zero = f4(0)
  for (; x < end; x += 16, y += 16) {
    const v = v128.load(x)
    let r: v128
    if (kind == 0) r = f32x4.max(v, zero)
    else if (kind == 1) r = f32x4.max(v, f32x4.mul(v, f4(LEAK)))
    else if (kind == 2) r = v128.bitselect(v, f32x4.sub(exp4(f32x4.min(v, zero)), f4(1)), f32x4.gt(v, zero))
    else if (kind == 3) r = sigmoid4(v)
    else if (kind == 4) r = tanh4(v)
    else if (kind == 5) r = f32x4.add(f32x4.max(v, zero), log4(f32x4.add(f4(1), exp4(f32x4.neg(f32x4.abs(v))))))
    else if (kind == 6) r = f32x4.mul(v, sigmoid4(v))
    else {
      const u = f32x4.mul(f4(GELU_A), f32x4.add(v, f32x4.mul(f4(GELU_B), f32x4.mul(v, f32x4.mul(v, v)))))
      r = f32x4.mul(f32x4.mul(f4(0.5), v), f32x4.add(f4(1), tanh4(u)))
    }
    v128.store(y, r)
  }
}

/** dx = dy * f'(x), from x for kinds 6 and 7, else from y. dx may be dy. */
export function activateGrad(kind: i32, n: i32, x: usize, y: usize, dy: usize, dx: usize): void {
  const count = <usize>n << 2
  const one = f4(1)
  const zero = f4(0)
  for (let at: usize = 0; at < count; at += 16) {
    const g = v128.load(dy + at)
    let r: v128
    if (kind < 6) {
      const v = v128.load(y + at)
      if (kind == 0) r = v128.and(g, f32x4.gt(v, zero))
      else if (kind == 1) r = v128.bitselect(g, f32x4.mul(g, f4(LEAK)), f32x4.gt(v, zero))
      else if (kind == 2) r = v128.bitselect(g, f32x4.mul(g, f32x4.add(v, one)), f32x4.gt(v, zero))
      else if (kind == 3) r = f32x4.mul(g, f32x4.mul(v, f32x4.sub(one, v)))
      else if (kind == 4) r = f32x4.mul(g, f32x4.sub(one, f32x4.mul(v, v)))
      else r = f32x4.mul(g, f32x4.sub(one, exp4(f32x4.neg(v))))
    } else {
      const v = v128.load(x + at)
      if (kind == 6) {
        const s = sigmoid4(v)
        r = f32x4.mul(g, f32x4.mul(s, f32x4.add(one, f32x4.mul(v, f32x4.sub(one, s)))))
      } else {
        const square = f32x4.mul(v, v)
        const t = tanh4(f32x4.mul(f4(GELU_A), f32x4.add(v, f32x4.mul(f4(GELU_B), f32x4.mul(v, square)))))
        const slope = f32x4.mul(f4(GELU_A), f32x4.add(one, f32x4.mul(f4(3 * GELU_B), square)))
        const left = f32x4.mul(f4(0.5), f32x4.add(one, t))
        const right = f32x4.mul(f32x4.mul(f4(0.5), v), f32x4.mul(f32x4.sub(one, f32x4.mul(t, t)), slope))
        r = f32x4.mul(g, f32x4.add(left, right))
      }
    }
    v128.store(dx + at, r)
  }
}
