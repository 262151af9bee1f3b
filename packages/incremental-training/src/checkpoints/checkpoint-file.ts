import { createHash } from 'node:crypto'
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable, type Transform } from 'node:stream'
import { deserialize, serialize } from 'node:v8'
import * as zlib from 'node:zlib'
import { type Data, TradewrightError } from '@tradewright/core'
import { type PackedState, unpackState } from './pack-state.ts'

/** How a checkpoint's bytes are written. */
export type CheckpointCompression = 'zstd' | 'deflate' | 'none'

/** What a checkpoint file says of itself. */
export interface CheckpointHeader {
  readonly step: number
  readonly score: number | undefined
  readonly at: number
  readonly contents: 'weights' | 'all'
  readonly compression: CheckpointCompression
  readonly skeletonBytes: number
  readonly arrayBytes: number
}

// magic, header length, header, SHA-256 of these three; payload; its length in 8 bytes and its SHA-256.
const MAGIC = Buffer.from('TWCKPT1\n', 'latin1')
const DIGEST = 32
const TRAILER = 8 + DIGEST
const SLICE = 128 * 1024

type Codec = { compress(): Transform; decompress(bytes: Uint8Array): Promise<Uint8Array> }
type Callback = (error: Error | null, result: Buffer) => void

function codec(compression: 'zstd' | 'deflate'): Codec | undefined {
  const later = zlib as unknown as Readonly<Record<string, unknown>>
  const make = compression === 'zstd' ? later.createZstdCompress : undefined
  const undo = (compression === 'zstd' ? later.zstdDecompress : zlib.inflate) as
    | ((bytes: Uint8Array, done: Callback) => void)
    | undefined
  if (undo === undefined || (compression === 'zstd' && make === undefined)) return undefined
  return {
    compress: () =>
      make === undefined
        ? zlib.createDeflate({ level: 1, chunkSize: SLICE })
        : (make as (options: object) => Transform)({ chunkSize: SLICE }),
    decompress: (bytes) =>
      new Promise((resolve, reject) => {
        undo(bytes, (error, result) => (error === null ? resolve(result) : reject(error)))
      }),
  }
}

/** What this version of Node can do of what was asked: zstd is in Node 22.15 and later. */
export function availableCompression(wanted: CheckpointCompression): CheckpointCompression {
  return wanted === 'zstd' && codec('zstd') === undefined ? 'deflate' : wanted
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE) yield bytes.subarray(at, at + SLICE)
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function headerBytes(header: CheckpointHeader): Buffer {
  const body = serialize(header)
  const head = Buffer.concat([MAGIC, Buffer.alloc(4), body])
  head.writeUInt32LE(body.length, MAGIC.length)
  return Buffer.concat([head, sha256(head)])
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten
}

async function writePayload(file: FileHandle, packed: PackedState, kind: CheckpointCompression): Promise<number> {
  const hash = createHash('sha256')
  let length = 0
  function* source(): Generator<Uint8Array> {
    yield* slices(packed.skeleton)
    yield* slices(new Uint8Array(packed.buffer, 0, packed.bytes))
  }
  const chosen = kind === 'none' ? undefined : codec(kind)
  const chunks = chosen === undefined ? source() : Readable.from(source()).pipe(chosen.compress())
  // The compressor and the writes work in the threads of libuv; only the hash of a slice is made here.
  for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
    hash.update(chunk)
    length += chunk.length
    await writeAll(file, chunk)
  }
  const trailer = Buffer.alloc(8)
  trailer.writeBigUInt64LE(BigInt(length))
  await writeAll(file, Buffer.concat([trailer, hash.digest()]))
  return length + TRAILER
}

async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  } catch {
    // Systems that cannot sync a folder have renamed it durably or not at all: nothing more can be done.
  }
}

/**
 * Writes a checkpoint: to a temporary file, synced, renamed, folder synced. A failure leaves nothing behind.
 *
 * @returns the file's bytes.
 */
export async function writeCheckpointFile(
  path: string,
  temporary: string,
  header: CheckpointHeader,
  packed: PackedState,
): Promise<number> {
  try {
    const file = await open(temporary, 'wx')
    let bytes: number
    try {
      const head = headerBytes(header)
      await writeAll(file, head)
      bytes = head.length + (await writePayload(file, packed, header.compression))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
    return bytes
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

const corrupt = (why: string): TradewrightError =>
  new TradewrightError('CORRUPT', `a checkpoint must be whole, was damaged: ${why}`, { why })

function parseHeader(bytes: Buffer): { readonly header: CheckpointHeader; readonly end: number } {
  if (bytes.length < MAGIC.length + 4 || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw corrupt('no checkpoint')
  const end = MAGIC.length + 4 + bytes.readUInt32LE(MAGIC.length)
  if (bytes.length < end + DIGEST) throw corrupt('truncated in its header')
  if (!sha256(bytes.subarray(0, end)).equals(bytes.subarray(end, end + DIGEST))) throw corrupt('checksum of its header')
  return { header: deserialize(bytes.subarray(MAGIC.length + 4, end)) as CheckpointHeader, end: end + DIGEST }
}

/** Reads what a checkpoint says of itself, without its payload. @throws TradewrightError `CORRUPT`; what the system throws. */
export async function readCheckpointHeader(path: string): Promise<CheckpointHeader> {
  const file = await open(path, 'r')
  try {
    const first = Buffer.alloc(4096)
    const { bytesRead } = await file.read(first, 0, first.length, 0)
    return parseHeader(first.subarray(0, bytesRead)).header
  } finally {
    await file.close()
  }
}

/**
 * Reads a checkpoint whole.
 *
 * @throws TradewrightError `CORRUPT` for one that fails a length or checksum, `NOT_AVAILABLE` for zstd where Node has
 *   none; what the system throws.
 */
export async function readCheckpointFile(
  path: string,
): Promise<{ readonly header: CheckpointHeader; readonly data: Data; readonly bytes: number }> {
  const bytes = await readFile(path)
  const { header, end } = parseHeader(bytes)
  const { skeletonBytes, arrayBytes, compression } = header
  const stop = bytes.length - TRAILER
  if (stop < end || bytes.readBigUInt64LE(stop) !== BigInt(stop - end)) throw corrupt('truncated')
  const payload = bytes.subarray(end, stop)
  if (!sha256(payload).equals(bytes.subarray(stop + 8))) throw corrupt('checksum of its contents')
  const chosen = compression === 'none' ? undefined : codec(compression)
  if (compression !== 'none' && chosen === undefined)
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `a checkpoint compressed with zstd needs Node 22.15 or later, was ${process.version}`,
    )
  const raw = chosen === undefined ? payload : await chosen.decompress(payload)
  if (raw.length !== skeletonBytes + arrayBytes) throw corrupt('its contents have another length')
  const data = unpackState(raw.subarray(0, skeletonBytes), raw.subarray(skeletonBytes))
  return { header, data, bytes: bytes.length }
}
