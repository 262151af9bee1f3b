import { crc32 } from 'node:zlib'
import type { Key } from '@tradewright/core'

/** Bytes that a record has before its key. */
export const recordHeaderBytes: number = 40

const MAGIC = 0x32525754 // 'TWR2'
/** Written over the magic of a record that was removed: no single flipped byte turns one into the other. */
const DEAD = 0xcdada8ab
const MAGIC_BYTES = Buffer.from(Uint32Array.of(MAGIC).buffer)

/** What a record holds beside its key. */
export interface RecordContent {
  readonly value: Uint8Array
  /** What the value cost to make, in ms. */
  readonly costMs: number
  /** When it was written or last touched: the writer's stamp. */
  readonly stamp: number
  /** Kind of the value, the tier's own: 0 the value itself, 1 a reference. */
  readonly kind: number
}

/** A record as it stands in a file. */
export interface OpenedRecord extends RecordContent {
  readonly key: Key
  /** Bytes of the whole record. */
  readonly length: number
}

/** What stands at a place of a file. */
export type ReadRecord =
  | { readonly status: 'whole'; readonly record: OpenedRecord }
  /** Removed: `length` bytes to pass over. */
  | { readonly status: 'dead'; readonly length: number }
  /** The bytes end before the record does. */
  | { readonly status: 'torn' }
  | { readonly status: 'damaged' }

const TORN: ReadRecord = { status: 'torn' }
const DAMAGED: ReadRecord = { status: 'damaged' }

/**
 * A record: magic, checksum of header and key, length of key, its complement, length of value, kind, checksum of key and
 * value, cost, stamp, key, value. All little-endian.
 *
 * @returns the caller's.
 */
export function sealRecord(key: Key, { value, costMs, stamp, kind }: RecordContent): Uint8Array {
  const name = Buffer.from(key, 'latin1')
  const record = new Uint8Array(recordHeaderBytes + name.length + value.length)
  const view = new DataView(record.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint16(8, name.length, true)
  view.setUint16(10, ~name.length, true)
  view.setUint32(12, value.length, true)
  view.setUint32(16, kind, true)
  view.setFloat64(24, costMs, true)
  view.setFloat64(32, stamp, true)
  record.set(name, recordHeaderBytes)
  record.set(value, recordHeaderBytes + name.length)
  view.setUint32(20, crc32(record.subarray(recordHeaderBytes)), true)
  view.setUint32(4, crc32(record.subarray(8, recordHeaderBytes + name.length)), true)
  return record
}

/** What stands at `at`: a record is whole only if every bit of it is what was sealed. */
export function readRecord(bytes: Buffer, at: number): ReadRecord {
  const left = bytes.length - at
  if (left < recordHeaderBytes) return TORN
  const magic = bytes.readUInt32LE(at)
  if (magic !== MAGIC && magic !== DEAD) return DAMAGED
  // Twice, so that a wrong length is never taken for a record that is cut off.
  const keyLength = bytes.readUInt16LE(at + 8)
  if (keyLength !== (~bytes.readUInt16LE(at + 10) & 0xffff)) return DAMAGED
  const body = at + recordHeaderBytes
  if (left < recordHeaderBytes + keyLength) return TORN
  if (bytes.readUInt32LE(at + 4) !== crc32(bytes.subarray(at + 8, body + keyLength))) return DAMAGED
  const length = recordHeaderBytes + keyLength + bytes.readUInt32LE(at + 12)
  if (left < length) return TORN
  if (magic === DEAD) return { status: 'dead', length }
  if (bytes.readUInt32LE(at + 20) !== crc32(bytes.subarray(body, at + length))) return DAMAGED
  return {
    status: 'whole',
    record: {
      key: bytes.toString('latin1', body, body + keyLength),
      value: new Uint8Array(bytes.buffer, bytes.byteOffset + body + keyLength, length - recordHeaderBytes - keyLength),
      kind: bytes.readUInt32LE(at + 16),
      costMs: bytes.readDoubleLE(at + 24),
      stamp: bytes.readDoubleLE(at + 32),
      length,
    },
  }
}

/** What {@link sealRecord} sealed under this key, or undefined where a single bit differs or bytes are missing or left. */
export function openRecord(key: Key, bytes: Buffer): OpenedRecord | undefined {
  const read = readRecord(bytes, 0)
  if (read.status !== 'whole') return undefined
  return read.record.key === key && read.record.length === bytes.length ? read.record : undefined
}

/** The next place from `from` on where a record may begin; -1 where there is none. */
export function nextRecord(bytes: Buffer, from: number): number {
  return bytes.indexOf(MAGIC_BYTES, from)
}

/** What is written over the first bytes of a record that is removed. */
export const deadMark: Buffer = Buffer.from(Uint32Array.of(DEAD).buffer)
