// Functions of four numbers at once.

// @ts-ignore: decorator
@inline
export function f4(value: f32): v128 { return f32x4.splat(value) }

/** e^x within 2 units in the last place (Cephes expf). */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f4(-87.3)), f4(88.3))
  const n = f32x4.nearest(f32x4.mul(x, f4(1.44269504088896341)))
  let r = f32x4.sub(x, f32x4.mul(n, f4(0.693359375)))
  r = f32x4.sub(r, f32x4.mul(n, f4(-2.12194440e-4)))
  let y = f4(1.9875691500e-4)
  y = f32x4.add(f32x4.mul(y, r), f4(1.3981999507e-3))
  y = f32x4.add(f32x4.mul(y, r), f4(8.3334519073e-3))
  y = f32x4.add(f32x4.mul(y, r), f4(4.1665795894e-2))
  y = f32x4.add(f32x4.mul(y, r), f4(1.6666665459e-1))
  y = f32x4.add(f32x4.mul(y, r), f4(5.0000001201e-1))
  y = f32x4.add(f32x4.add(f32x4.mul(y, f32x4.mul(r, r)), r), f4(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return f32x4.mul(y, power)
}

/** ln x for x > 0 (Cephes logf). */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126)))
  let m = v128.or(v128.and(x, i32x4.splat(0x7fffff)), i32x4.splat(0x3f000000))
  const small = f32x4.lt(m, f4(0.707106781186547524))
  e = f32x4.sub(e, v128.and(small, f4(1)))
  m = f32x4.sub(f32x4.add(m, v128.and(small, m)), f4(1))
  const z = f32x4.mul(m, m)
  let y = f4(7.0376836292e-2)
  y = f32x4.add(f32x4.mul(y, m), f4(-1.1514610310e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(1.1676998740e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(-1.2420140846e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(1.4249322787e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(-1.6668057665e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(2.0000714765e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(-2.4999993993e-1))
  y = f32x4.add(f32x4.mul(y, m), f4(3.3333331174e-1))
  y = f32x4.mul(f32x4.mul(y, m), z)
  y = f32x4.add(y, f32x4.mul(e, f4(-2.12194440e-4)))
  y = f32x4.sub(y, f32x4.mul(z, f4(0.5)))
  return f32x4.add(f32x4.add(m, y), f32x4.mul(e, f4(0.693359375)))
}

// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 { return f32x4.div(f4(1), f32x4.add(f4(1), exp4(f32x4.neg(x)))) }

// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  // Near zero 1 - 2 / (e^2x + 1) loses digits: a polynomial there (Cephes tanhf).
  const z = f32x4.mul(x, x)
  let y = f4(-5.70498872745e-3)
  y = f32x4.add(f32x4.mul(y, z), f4(2.06390887954e-2))
  y = f32x4.add(f32x4.mul(y, z), f4(-5.37397155531e-2))
  y = f32x4.add(f32x4.mul(y, z), f4(1.33314422036e-1))
  y = f32x4.add(f32x4.mul(y, z), f4(-3.33332819422e-1))
  y = f32x4.add(f32x4.mul(f32x4.mul(y, z), x), x)
  const far = f32x4.sub(f4(1), f32x4.div(f4(2), f32x4.add(exp4(f32x4.add(x, x)), f4(1))))
  return v128.bitselect(y, far, f32x4.lt(f32x4.abs(x), f4(0.625)))
}
