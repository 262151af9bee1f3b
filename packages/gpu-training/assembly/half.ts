// 16-bit storage.

// @ts-ignore: decorator
@inline
function toBrain(bits: u32): u32 {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >> 16) | 0x40 // a NaN stays one
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
}

function toFloat16(bits: u32): u32 {
  const sign = (bits >> 16) & 0x8000
  const size = bits & 0x7fffffff
  if (size > 0x7f800000) return sign | 0x7e00
  if (size >= 0x47800000) return sign | 0x7c00
  if (size < 0x38800000) {
    // Below 2^-14: adding 0.5 lines the bits up and rounds to even.
    const shifted = reinterpret<u32>(reinterpret<f32>(size) + <f32>0.5)
    return sign | (shifted - 0x3f000000)
  }
  return sign | ((size + 0xc8000fff + ((size >> 13) & 1)) >> 13)
}

function fromFloat16(half: u32): u32 {
  const sign = (half & 0x8000) << 16
  const rest = half & 0x7fff
  if (rest >= 0x7c00) return sign | 0x7f800000 | ((rest & 0x3ff) << 13)
  if (rest >= 0x400) return sign | ((rest << 13) + 0x38000000)
  return sign | reinterpret<u32>(<f32>rest * reinterpret<f32>(0x33800000)) // rest * 2^-24
}

/** float32 to bfloat16 (kind 0) or float16 (kind 1), to nearest, ties to even. */
export function toHalf(kind: i32, n: i32, x: usize, y: usize): void {
  if (kind == 0) for (let i = 0; i < n; i++) store<u16>(y + (<usize>i << 1), <u16>toBrain(load<u32>(x + (<usize>i << 2))))
  else for (let i = 0; i < n; i++) store<u16>(y + (<usize>i << 1), <u16>toFloat16(load<u32>(x + (<usize>i << 2))))
}

export function fromHalf(kind: i32, n: i32, x: usize, y: usize): void {
  if (kind == 0) for (let i = 0; i < n; i++) store<u32>(y + (<usize>i << 2), <u32>load<u16>(x + (<usize>i << 1)) << 16)
  else for (let i = 0; i < n; i++) store<u32>(y + (<usize>i << 2), fromFloat16(load<u16>(x + (<usize>i << 1))))
}
