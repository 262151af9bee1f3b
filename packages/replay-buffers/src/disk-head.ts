import * as nodeFs from 'node:fs'
import { dirname, join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { TradewrightError } from '@tradewright/core'
import { checksum } from './checksum.ts'
import type { DiskFileSystem } from './file-blocks.ts'
import type { ClosedState } from './persistence.ts'

/** The newest rows of a lane: those of its open block. */
export interface HeadRows {
  readonly block: number
  readonly rows: number
  readonly flags: Uint8Array
  readonly records: Uint8Array
}

/** What `flush` leaves beside the segments. */
export interface DiskHead {
  readonly signature: string
  readonly slots: number
  readonly lanes: number
  readonly blockBytes: number
  /** How blocks are packed; left out where they are not. */
  readonly packing?: string | undefined
  readonly added: readonly number[]
  readonly open: readonly boolean[]
  readonly heads: readonly HeadRows[]
  /** Where random numbers and counters stood. */
  readonly progress?: ClosedState | undefined
}

const MAGIC = 0x44504552

function io(what: string, path: string, cause: unknown): TradewrightError {
  return new TradewrightError('IO', `${what} ${path} failed: ${String(cause)}`, { path }, { cause })
}

/** Writes plain data under a name, whole or not at all: temporary name, sync, rename, sync of the folder. */
export function writeWhole(path: string, data: unknown, fs: DiskFileSystem): void {
  const body = serialize(data)
  const head = new DataView(new ArrayBuffer(16))
  head.setUint32(0, MAGIC, true)
  head.setUint32(4, 1, true)
  head.setUint32(8, body.length, true)
  // The serializer's own memory begins at a whole word as a rule; the checksum needs it.
  head.setUint32(12, checksum(body.byteOffset % 4 === 0 ? body : body.slice()), true)
  const temporary = `${path}.new`
  try {
    const file = fs.openSync(temporary, 'w', 0o644)
    try {
      for (const part of [new Uint8Array(head.buffer), body])
        for (let at = 0; at < part.length; ) at += fs.writeSync(file, part, at, part.length - at)
      fs.fsyncSync(file)
    } finally {
      fs.closeSync(file)
    }
    fs.renameSync(temporary, path)
    const folder = fs.openSync(dirname(path), 'r')
    try {
      fs.fsyncSync(folder)
    } finally {
      fs.closeSync(folder)
    }
  } catch (cause) {
    throw io('writing', path, cause)
  }
}

/**
 * Reads what {@link writeWhole} wrote.
 *
 * @returns undefined where there is no such file.
 * @throws TradewrightError `CORRUPT`, `IO`.
 */
export function readWhole(path: string, fs: DiskFileSystem): unknown {
  let bytes: Uint8Array
  try {
    bytes = fs.readFileSync(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw io('reading', path, cause)
  }
  const head = new DataView(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.length))
  const body = bytes.slice(16)
  const whole =
    bytes.length >= 16 &&
    head.getUint32(0, true) === MAGIC &&
    head.getUint32(8, true) === body.length &&
    head.getUint32(12, true) === checksum(body)
  if (!whole) throw new TradewrightError('CORRUPT', `${path} must be whole, was damaged`, { path })
  return deserialize(body)
}

/** Names of a buffer's files. */
export function diskPaths(folder: string): { readonly head: string; readonly closed: string } {
  return { head: join(folder, 'head'), closed: join(folder, 'closed') }
}

/** The real file system. */
export const realFileSystem: DiskFileSystem = nodeFs
