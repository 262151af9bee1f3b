// Philox 4x32-10, 8 decisions of 16 bits a block.

/** y = x * factor where a 16-bit draw is >= threshold, else 0. Block b has the counter (first + b, step, 0, 0). */
export function dropout(
  n: i32, x: usize, y: usize, threshold: u32, factor: f32, key0: u32, key1: u32, step: u32, first: u32,
): void {
  const blocks = (n + 7) >> 3
  for (let block = 0; block < blocks; block++) {
    let c0 = first + <u32>block, c1 = step, c2: u32 = 0, c3: u32 = 0
    let k0 = key0, k1 = key1
    for (let round = 0; round < 10; round++) {
      const p0 = <u64>c0 * 0xd2511f53
      const p1 = <u64>c2 * 0xcd9e8d57
      c0 = <u32>(p1 >> 32) ^ c1 ^ k0
      c1 = <u32>p1
      c2 = <u32>(p0 >> 32) ^ c3 ^ k1
      c3 = <u32>p0
      k0 += 0x9e3779b9
      k1 += 0xbb67ae85
    }
    const limit = min(8, n - (block << 3))
    for (let j = 0; j < limit; j++) {
      const word = j < 2 ? c0 : j < 4 ? c1 : j < 6 ? c2 : c3
      const draw = j & 1 ? word >> 16 : word & 0xffff
      const at = (<usize>block * 8 + j) << 2
      store<f32>(y + at, draw >= threshold ? load<f32>(x + at) * factor : 0)
    }
  }
}
