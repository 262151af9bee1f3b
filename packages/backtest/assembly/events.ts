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
  let carry = u64(state)
  let at = out
  let base = from & ~63
  let mask: u64 = ~(<u64>0) << u64(from & 63)
  on += <usize>base >> 3
  off += <usize>base >> 3
  while (base < to) {
    if (to - base < 64) mask &= ~(<u64>0) >> u64(64 - (to - base))
    const e = load<u64>(on)
    const x = load<u64>(off)
    const either = (e ^ x) & mask
    const sets = e & either
    const keep = ~(x & either)
    mask = ~(<u64>0)
    const before = (keep + sets + carry) ^ keep ^ sets
    carry = (sets | (keep & before)) >> 63
    const changes = either & (sets ^ before)
    on += 8
    off += 8
    const count = <usize>popcnt(changes)
    store<i32>(at, base + i32(ctz(changes)))
    let rest = changes & (changes - 1)
    store<i32>(at, base + i32(ctz(rest)), 4)
    rest &= rest - 1
    store<i32>(at, base + i32(ctz(rest)), 8)
    rest &= rest - 1
    store<i32>(at, base + i32(ctz(rest)), 12)
    if (count > 4) {
      let more = at + 16
      rest &= rest - 1
      do {
        store<i32>(more, base + i32(ctz(rest)))
        more += 4
        rest &= rest - 1
      } while (rest != 0)
    }
    at += count << 2
    base += 64
  }
  return i32((at - out) >> 2)
}
