import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { TradewrightError } from '@tradewright/core'
import { checksum } from './checksum.ts'
import type { SavedParts } from './saved-state.ts'

const MAGIC = 0x53455254

/** Length and checksum, then the bytes. */
function frame(bytes: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(12))
  head.setUint32(0, MAGIC, true)
  head.setUint32(4, bytes.length, true)
  head.setUint32(8, checksum(aligned(bytes)), true)
  return new Uint8Array(head.buffer)
}

/** The bytes at a whole word, copied only where they are not. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(file, bytes, at, bytes.length - at)
}

/** Where a large array of the state stands in for itself. */
interface ArrayRef {
  readonly savedArray: number
  readonly kind: string
}

/** Arrays above this size are frames of their own: the state's text would hold a second copy of them. */
const LARGE_BYTES = 4096

const KINDS: ReadonlyMap<string, new (buffer: ArrayBuffer) => ArrayBufferView> = new Map(
  [Uint8Array, Int32Array, Float64Array, Float32Array, Int16Array].map((kind) => [kind.name, kind as never]),
)

/** Plain data with its large arrays taken out into `arrays`. */
function takeArrays(data: unknown, arrays: Uint8Array[]): unknown {
  if (ArrayBuffer.isView(data)) {
    if (data.byteLength <= LARGE_BYTES || !KINDS.has(data.constructor.name)) return data
    arrays.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return { savedArray: arrays.length - 1, kind: data.constructor.name } satisfies ArrayRef
  }
  if (Array.isArray(data)) return data.map((item) => takeArrays(item, arrays))
  if (typeof data !== 'object' || data === null) return data
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, takeArrays(value, arrays)]))
}

/** Puts the arrays back. */
function putArrays(data: unknown, arrays: readonly Uint8Array[]): unknown {
  if (Array.isArray(data)) return data.map((item) => putArrays(item, arrays))
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return data
  const ref = data as ArrayRef
  const Kind = typeof ref.savedArray === 'number' ? KINDS.get(ref.kind) : undefined
  if (Kind !== undefined) return new Kind(arrays[ref.savedArray].buffer as ArrayBuffer)
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, putArrays(value, arrays)]))
}

/** Writes parts one after the other, so that no more than one is in memory; whole or not at all. */
export function writeSaved(path: string, parts: SavedParts): void {
  const temporary = `${path}.new`
  try {
    fs.mkdirSync(dirname(path), { recursive: true })
    const file = fs.openSync(temporary, 'w', 0o644)
    try {
      const arrays: Uint8Array[] = []
      const state = takeArrays(parts.state, arrays)
      let pieces = 0
      for (const piece of parts.pieces()) {
        writeFrame(file, piece)
        pieces++
      }
      for (const array of arrays) writeFrame(file, array)
      writeFrame(file, serialize({ state, pieces }))
      fs.fsyncSync(file)
    } finally {
      fs.closeSync(file)
    }
    fs.renameSync(temporary, path)
  } catch (cause) {
    try {
      fs.rmSync(temporary, { force: true })
    } catch {
      // Nothing was made where nothing can be made: what was thrown first says why.
    }
    throw new TradewrightError('IO', `saving to ${path} failed: ${String(cause)}`, { path }, { cause })
  }
}

function writeFrame(file: number, bytes: Uint8Array): void {
  writeAll(file, frame(bytes))
  writeAll(file, bytes)
}

/** Frames of a file from a position on; each is checked. */
function* frames(path: string, file: number): Generator<Uint8Array> {
  const head = new Uint8Array(12)
  const corrupt = (): TradewrightError =>
    new TradewrightError('CORRUPT', `${path} must be whole, was damaged`, { path })
  for (let at = 0; ; ) {
    const got = fs.readSync(file, head, 0, 12, at)
    if (got === 0) return
    const view = new DataView(head.buffer)
    const length = view.getUint32(4, true)
    const size = fs.fstatSync(file).size
    if (got < 12 || view.getUint32(0, true) !== MAGIC || at + 12 + length > size) throw corrupt()
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) done += fs.readSync(file, bytes, done, length - done, at + 12 + done)
    if (checksum(bytes) !== view.getUint32(8, true)) throw corrupt()
    yield bytes
    at += 12 + length
  }
}

/** Reads a file twice: checks all of it and returns the state, then gives the pieces one by one. */
export function readSaved(path: string): SavedParts & { close(): void } {
  let file: number
  try {
    file = fs.openSync(path, 'r')
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new TradewrightError(
      missing ? 'NOT_FOUND' : 'IO',
      `a saved buffer must be at ${path}: ${String(cause)}`,
      { path },
      { cause },
    )
  }
  try {
    let last: Uint8Array | undefined
    for (const bytes of frames(path, file)) last = bytes
    if (last === undefined) throw new TradewrightError('CORRUPT', `${path} must be whole, was empty`, { path })
    const skeleton = deserialize(last) as { state: unknown; pieces: number }
    const arrays: Uint8Array[] = []
    let n = 0
    for (const bytes of frames(path, file)) if (n++ >= skeleton.pieces) arrays.push(bytes)
    function* pieces(): Generator<Uint8Array> {
      let left = skeleton.pieces
      for (const bytes of frames(path, file)) {
        if (left-- === 0) return
        yield bytes
      }
    }
    const state = putArrays(skeleton.state, arrays) as SavedParts['state']
    return { state, pieces, close: () => fs.closeSync(file) }
  } catch (error) {
    fs.closeSync(file)
    throw error
  }
}
