/**
 * A 32-bit checksum of bytes, four words at a time in independent lanes (the mixing of FNV-1a on words, finished as in
 * MurmurHash3). It guards against torn and rotten blocks, not against an adversary.
 *
 * @param bytes begins at a whole word of its buffer; a last incomplete word counts as filled up with zeros.
 */
export function checksum(bytes: Uint8Array): number {
  const n = bytes.length >>> 2
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, n)
  const P = 0x01000193
  let a = 0x811c9dc5 | 0
  let b = 0x811c9dc5 ^ 1
  let c = 0x811c9dc5 ^ 2
  let d = 0x811c9dc5 ^ 3
  const whole = n - (n & 3)
  for (let i = 0; i < whole; i += 4) {
    a = Math.imul(a ^ words[i], P)
    b = Math.imul(b ^ words[i + 1], P)
    c = Math.imul(c ^ words[i + 2], P)
    d = Math.imul(d ^ words[i + 3], P)
  }
  for (let i = whole; i < n; i++) a = Math.imul(a ^ words[i], P)
  for (let i = n * 4, shift = 0; i < bytes.length; i++, shift += 8) b = Math.imul(b ^ (bytes[i] << shift), P)
  let h = bytes.length
  for (const lane of [a, b, c, d]) {
    h = Math.imul(h ^ lane ^ (lane >>> 15), 0x85ebca6b)
    h ^= h >>> 13
    h = Math.imul(h, 0xc2b2ae35)
    h ^= h >>> 16
  }
  return h >>> 0
}
