// From bit sets to the bars on which a position changes.

/**
 * A latch set by `on` and reset by `off` (a bar that has both is ignored), over the bars from `from` to `to` - 1.
 * Writes the bars on which it changes to `out` (int32, room for 4 more) and returns their number.
 * `state` 1: it begins set. The state before every bar of a word is the carry into an addition.
 */
export function latchEvents(
  on: usize, off: usize, from: i32, to: i32, state: i32, out: usize,
): i32 {
  if (to <= from) return 0
  const first = from >> 6
  const last = (to - 1) >> 6
  const headMask: u64 = ~(<u64>0) << u64(from & 63)
  const tailMask: u64 = ~(<u64>0) >> u64(63 - ((to - 1) & 63))
  let carry = u64(state)
  let at = out
  for (let w = first; w <= last; w++) {
    const o = <usize>w << 3
    let e = load<u64>(on + o)
    let x = load<u64>(off + o)
    let mask: u64 = w == first ? headMask : ~(<u64>0)
    if (w == last) mask &= tailMask
    const both = e & x
    e = (e ^ both) & mask
    x = (x ^ both) & mask
    const keep = e | ~x
    const before = (keep + e + carry) ^ keep ^ e
    let changes = (e & ~before) | (x & before)
    carry = (e | (~x & before)) >> 63
    const base = w << 6
    const count = i32(popcnt(changes))
    store<i32>(at, base + i32(ctz(changes)))
    let rest = changes & (changes - 1)
    store<i32>(at, base + i32(ctz(rest)), 4)
    rest &= rest - 1
    store<i32>(at, base + i32(ctz(rest)), 8)
    rest &= rest - 1
    store<i32>(at, base + i32(ctz(rest)), 12)
    rest &= rest - 1
    let more = at + 16
    while (rest != 0) {
      store<i32>(more, base + i32(ctz(rest)))
      more += 4
      rest &= rest - 1
    }
    at += <usize>count << 2
  }
  return i32((at - out) >> 2)
}
