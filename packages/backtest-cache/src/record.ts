import { crc32 } from 'node:zlib'
import type { Key } from '@tradewright/core'

/** Bytes that a sealed record has before its value. */
export const recordHeaderBytes: number = 32

const MAGIC = 0x31525754 // 'TWR1'

/** A stored value with what guards it. */
export interface OpenedRecord {
  /** A view into the record. */
  readonly value: Uint8Array
  /** What the value cost to make, in ms. */
  readonly costMs: number
  /** When it was written or last touched: the writer's stamp. */
  readonly stamp: number
  /** Kind of the value, the tier's own: 0 the value itself, 1 a reference. */
  readonly kind: number
}

/** The key goes into the checksum, so that a whole record under a wrong key is damaged too. */
function checksum(key: Key, record: Uint8Array): number {
  return crc32(record.subarray(8), crc32(key))
}

/**
 * Seals a value: magic, checksum, length, kind, cost, stamp, then the value. All little-endian.
 *
 * @returns shape [32 + value.length]; the caller's.
 */
export function sealRecord(
  key: Key,
  value: Uint8Array,
  { costMs, stamp, kind }: { readonly costMs: number; readonly stamp: number; readonly kind: number },
): Uint8Array {
  const record = new Uint8Array(recordHeaderBytes + value.length)
  const view = new DataView(record.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(8, value.length, true)
  view.setUint32(12, kind, true)
  view.setFloat64(16, costMs, true)
  view.setFloat64(24, stamp, true)
  record.set(value, recordHeaderBytes)
  view.setUint32(4, checksum(key, record), true)
  return record
}

/** What {@link sealRecord} sealed, or undefined where a single bit differs, bytes are missing or the key is another. */
export function openRecord(key: Key, record: Uint8Array): OpenedRecord | undefined {
  if (record.length < recordHeaderBytes) return undefined
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
  if (view.getUint32(0, true) !== MAGIC) return undefined
  if (view.getUint32(8, true) !== record.length - recordHeaderBytes) return undefined
  if (view.getUint32(4, true) !== checksum(key, record)) return undefined
  return {
    value: new Uint8Array(record.buffer, record.byteOffset + recordHeaderBytes, record.length - recordHeaderBytes),
    kind: view.getUint32(12, true),
    costMs: view.getFloat64(16, true),
    stamp: view.getFloat64(24, true),
  }
}
