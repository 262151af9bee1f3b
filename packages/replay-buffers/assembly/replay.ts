// Kernels of the in-memory buffers. The plain TypeScript forms in src/kernels are the reference: same results, bit by bit.

/** Philox 4x32-10 as in core's createRng: `count` uniforms from draw number `drawn` (even), two draws each. */
export function uniforms(out: usize, count: i32, seedLow: u32, seedHigh: u32, streamLow: u32, streamHigh: u32, drawn: f64): void {
  let position = <u64>drawn
  let i: i32 = 0
  while (i < count) {
    const block = position >> 2
    let c0 = <u32>block
    let c1 = <u32>(block >> 32)
    let c2 = streamLow
    let c3 = streamHigh
    let k0 = seedLow
    let k1 = seedHigh
    for (let round = 0; round < 10; round++) {
      const p0 = <u64>0xd2511f53 * <u64>c0
      const p1 = <u64>0xcd9e8d57 * <u64>c2
      c0 = <u32>(p1 >> 32) ^ c1 ^ k0
      c1 = <u32>p1
      c2 = <u32>(p0 >> 32) ^ c3 ^ k1
      c3 = <u32>p0
      k0 += 0x9e3779b9
      k1 += 0xbb67ae85
    }
    if ((position & 3) == 0) {
      store<f64>(out + ((<usize>i) << 3), uniform(c0, c1))
      i++
      position += 2
      if (i == count) break
    }
    store<f64>(out + ((<usize>i) << 3), uniform(c2, c3))
    i++
    position += 2
  }
}

// @ts-ignore: decorator
@inline
function uniform(first: u32, second: u32): f64 {
  return (<f64>(first >> 5) * 67108864.0 + <f64>(second >> 6)) / 9007199254740992.0
}

/** Copies `bytes` from each planned record to `out`, row by row; -1 gives zeros. `offset` counts in each record. */
export function gather(plan: usize, count: i32, records: usize, stride: usize, offset: usize, bytes: usize, out: usize): void {
  const origin = records + offset
  if (bytes == 4) {
    for (let k = 0; k < count; k++) {
      const slot = load<i32>(plan + ((<usize>k) << 2))
      store<u32>(out + ((<usize>k) << 2), slot < 0 ? 0 : load<u32>(origin + <usize>slot * stride))
    }
    return
  }
  if (bytes == 64) {
    for (let k = 0; k < count; k++) {
      const slot = load<i32>(plan + ((<usize>k) << 2))
      const to = out + ((<usize>k) << 6)
      if (slot < 0) {
        memory.fill(to, 0, 64)
        continue
      }
      const from = origin + <usize>slot * stride
      v128.store(to, v128.load(from))
      v128.store(to, v128.load(from, 16), 16)
      v128.store(to, v128.load(from, 32), 32)
      v128.store(to, v128.load(from, 48), 48)
    }
    return
  }
  for (let k = 0; k < count; k++) {
    const slot = load<i32>(plan + ((<usize>k) << 2))
    const to = out + <usize>k * bytes
    if (slot < 0) {
      memory.fill(to, 0, bytes)
      continue
    }
    const from = origin + <usize>slot * stride
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) v128.store(to + i, v128.load(from + i))
    for (; i + 4 <= bytes; i += 4) store<u32>(to + i, load<u32>(from + i))
    for (; i < bytes; i++) store<u8>(to + i, load<u8>(from + i))
  }
}

// ---- The tree. `levels` points to u32 byte addresses: sums of level 0 (the leaves) to `depth`, then minima of level
// 1 to `depth`, then maxima of level 1 to `depth`. Eight children a node; level l+1 has an eighth of level l.

// @ts-ignore: decorator
@inline
function sumOf(children: usize): f64 {
  const s = f64x2.add(
    f64x2.add(v128.load(children), v128.load(children, 16)),
    f64x2.add(v128.load(children, 32), v128.load(children, 48)),
  )
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1)
}

// @ts-ignore: decorator
@inline
function positive(v: v128): v128 {
  // A leaf of 0 is not there: it counts as +Infinity for the minimum.
  return v128.bitselect(v, f64x2.splat(Infinity), f64x2.gt(v, f64x2.splat(0)))
}

// @ts-ignore: decorator
@inline
function minOfLeaves(children: usize): f64 {
  const m = f64x2.pmin(
    f64x2.pmin(positive(v128.load(children)), positive(v128.load(children, 16))),
    f64x2.pmin(positive(v128.load(children, 32)), positive(v128.load(children, 48))),
  )
  return f64x2.extract_lane(f64x2.pmin(m, i64x2.shuffle(m, m, 1, 0)), 0)
}

// @ts-ignore: decorator
@inline
function minOf(children: usize): f64 {
  const m = f64x2.pmin(
    f64x2.pmin(v128.load(children), v128.load(children, 16)),
    f64x2.pmin(v128.load(children, 32), v128.load(children, 48)),
  )
  return f64x2.extract_lane(f64x2.pmin(m, i64x2.shuffle(m, m, 1, 0)), 0)
}

// @ts-ignore: decorator
@inline
function maxOf(children: usize): f64 {
  const m = f64x2.pmax(
    f64x2.pmax(v128.load(children), v128.load(children, 16)),
    f64x2.pmax(v128.load(children, 32), v128.load(children, 48)),
  )
  return f64x2.extract_lane(f64x2.pmax(m, i64x2.shuffle(m, m, 1, 0)), 0)
}

// @ts-ignore: decorator
@inline
function address(levels: usize, index: i32): usize {
  return <usize>load<u32>(levels + ((<usize>index) << 2))
}

// @ts-ignore: decorator
@inline
function rebuildNode(node: usize, level: i32, child: usize, sums: usize, childMin: usize, mins: usize, childMax: usize, maxs: usize, mode: i32): void {
  const group = node << 6
  const to = node << 3
  store<f64>(sums + to, sumOf(child + group))
  if (mode & 1) store<f64>(mins + to, level == 1 ? minOfLeaves(child + group) : minOf(childMin + group))
  if (mode & 2) store<f64>(maxs + to, level == 1 ? maxOf(child + group) : maxOf(childMax + group))
}

/** Rebuilds every ancestor of the listed leaves, level by level. `list` is overwritten. mode: 1 minima, 2 maxima. */
export function treeUpdate(levels: usize, depth: i32, list: usize, count: i32, mode: i32): void {
  for (let level = 1; level <= depth; level++) {
    const child = address(levels, level - 1)
    const sums = address(levels, level)
    const mins = address(levels, depth + level)
    const childMin = address(levels, depth + level - 1)
    const maxs = address(levels, 2 * depth + level)
    const childMax = address(levels, 2 * depth + level - 1)
    let last: i32 = -1
    let kept: i32 = 0
    for (let k = 0; k < count; k++) {
      const node = load<i32>(list + ((<usize>k) << 2)) >> 3
      if (node == last) continue
      last = node
      store<i32>(list + ((<usize>kept) << 2), node)
      kept++
      rebuildNode(<usize>node, level, child, sums, childMin, mins, childMax, maxs, mode)
    }
    count = kept
  }
}

/** Rebuilds every ancestor of the leaves from `from` to `to`, both included. */
export function treeRange(levels: usize, depth: i32, from: i32, to: i32, mode: i32): void {
  for (let level = 1; level <= depth; level++) {
    from >>= 3
    to >>= 3
    const child = address(levels, level - 1)
    const sums = address(levels, level)
    const mins = address(levels, depth + level)
    const childMin = address(levels, depth + level - 1)
    const maxs = address(levels, 2 * depth + level)
    const childMax = address(levels, 2 * depth + level - 1)
    for (let node = from; node <= to; node++)
      rebuildNode(<usize>node, level, child, sums, childMin, mins, childMax, maxs, mode)
  }
}

/**
 * For each mass the leaf it falls on, and that leaf's value. All masses go down one level before the next. The first 64
 * bytes of the memory are scratch, zeros at first.
 */
export function treeDraw(levels: usize, depth: i32, masses: usize, count: i32, out: usize, values: usize): void {
  // Eight places that nobody else uses: the first stays 0.
  const prefixes: usize = 0
  for (let k = 0; k < count; k++) store<i32>(out + ((<usize>k) << 2), 0)
  for (let level = depth - 1; level >= 0; level--) {
    const sums = address(levels, level)
    for (let k = 0; k < count; k++) {
      const at = out + ((<usize>k) << 2)
      const massAt = masses + ((<usize>k) << 3)
      const parent = load<i32>(at)
      const group = sums + ((<usize>parent) << 6)
      const mass = load<f64>(massAt)
      const p0 = load<f64>(group)
      const p1 = p0 + load<f64>(group, 8)
      const p2 = p1 + load<f64>(group, 16)
      const p3 = p2 + load<f64>(group, 24)
      const p4 = p3 + load<f64>(group, 32)
      const p5 = p4 + load<f64>(group, 40)
      const p6 = p5 + load<f64>(group, 48)
      let child = (i32(p0 <= mass) + i32(p1 <= mass)) + (i32(p2 <= mass) + i32(p3 <= mass)) + (i32(p4 <= mass) + i32(p5 <= mass)) + i32(p6 <= mass)
      // What lies before the child, by a load: choosing among floats would be seven branches that nobody can predict.
      store<f64>(prefixes, p0, 8)
      store<f64>(prefixes, p1, 16)
      store<f64>(prefixes, p2, 24)
      store<f64>(prefixes, p3, 32)
      store<f64>(prefixes, p4, 40)
      store<f64>(prefixes, p5, 48)
      store<f64>(prefixes, p6, 56)
      const before = load<f64>(prefixes + ((<usize>child) << 3))
      // Rounding can carry a mass past the last child that has any: step back to it.
      while (child > 0 && load<f64>(group + ((<usize>child) << 3)) == 0) child--
      store<f64>(massAt, mass - before)
      store<i32>(at, (parent << 3) + child)
    }
  }
  const leaves = address(levels, 0)
  for (let k = 0; k < count; k++)
    store<f64>(values + ((<usize>k) << 3), load<f64>(leaves + ((<usize>load<i32>(out + ((<usize>k) << 2))) << 3)))
}
