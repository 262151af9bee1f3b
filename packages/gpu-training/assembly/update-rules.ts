import { f4 } from './vector-math'

/**
 * p -= rate * ((m' * c1) / (sqrt(v' * c2) + eps) + decay * p), with m' and v' the moving means of g and g^2. The numbers lie at
 * `numbers`: rate, beta1, 1 - beta1, beta2, 1 - beta2, eps, c1, c2, l2, decay (the differences made in double precision).
 */
export function adam(n: i32, p: usize, g: usize, m: usize, v: usize, numbers: usize): void {
  const rate = load<f32>(numbers), eps = load<f32>(numbers, 20)
  const c1 = load<f32>(numbers, 24), c2 = load<f32>(numbers, 28)
  const l2 = load<f32>(numbers, 32), decay = load<f32>(numbers, 36)
  const b1 = v128.load_splat<f32>(numbers, 4), d1 = v128.load_splat<f32>(numbers, 8)
  const b2 = v128.load_splat<f32>(numbers, 12), d2 = v128.load_splat<f32>(numbers, 16)
  const size = <usize>n << 2
  for (let at: usize = 0; at < size; at += 16) {
    const w = v128.load(p + at)
    const d = f32x4.add(v128.load(g + at), f32x4.mul(f4(l2), w))
    const m1 = f32x4.add(f32x4.mul(b1, v128.load(m + at)), f32x4.mul(d1, d))
    const v1 = f32x4.add(f32x4.mul(b2, v128.load(v + at)), f32x4.mul(d2, f32x4.mul(d, d)))
    v128.store(m + at, m1)
    v128.store(v + at, v1)
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(v1, f4(c2))), f4(eps))
    const move = f32x4.add(f32x4.div(f32x4.mul(m1, f4(c1)), root), f32x4.mul(f4(decay), w))
    v128.store(p + at, f32x4.sub(w, f32x4.mul(f4(rate), move)))
  }
}

/**
 * v' = momentum * v + damp * (g + l2 * p); p -= rate * (nesterov ? g + l2 * p + momentum * v' : v'). The numbers lie at
 * `numbers`: rate, momentum, damp, l2.
 */
export function momentum(n: i32, p: usize, g: usize, v: usize, numbers: usize, nesterov: i32): void {
  const rate = load<f32>(numbers), mu = load<f32>(numbers, 4)
  const damp = load<f32>(numbers, 8), l2 = load<f32>(numbers, 12)
  const size = <usize>n << 2
  for (let at: usize = 0; at < size; at += 16) {
    const w = v128.load(p + at)
    const d = f32x4.add(v128.load(g + at), f32x4.mul(f4(l2), w))
    const v1 = f32x4.add(f32x4.mul(f4(mu), v128.load(v + at)), f32x4.mul(f4(damp), d))
    v128.store(v + at, v1)
    const move = nesterov ? f32x4.add(d, f32x4.mul(f4(mu), v1)) : v1
    v128.store(p + at, f32x4.sub(w, f32x4.mul(f4(rate), move)))
  }
}
