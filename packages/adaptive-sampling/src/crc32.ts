const POLYNOMIAL = 0xedb88320

/** The checksum of ISO 3309, bit by bit: for short texts. */
export function crc32(text: string): number {
  let crc = 0xffffffff
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL
  }
  return (crc ^ 0xffffffff) >>> 0
}
