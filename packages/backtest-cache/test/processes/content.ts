import { contentKey, createRng, type Entry } from '@tradewright/core'

/** A value that follows from its number: small ones, and every tenth one large enough for a file of its own. */
export function numberedEntry(i: number): Entry {
  const length = i % 10 === 9 ? 70_000 + (i % 7) : 200 + (i % 50)
  const rng = createRng(7, i)
  const value = new Uint8Array(length)
  const word = rng.uint32()
  for (let k = 0; k < length; k++) value[k] = (word + k * 31 + (k >>> 8)) & 255
  return { key: contentKey(['numbered', i]), value, costMs: i }
}
