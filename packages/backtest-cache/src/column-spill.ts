import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { TradewrightError } from '@tradewright/core'
import type { ArrowColumns } from './arrow-adapter.ts'

const bytesOf = (column: Float64Array): Uint8Array =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength)

/**
 * Columns on disk, one Arrow IPC file each, bounded in bytes, oldest out first. Synchronous, since an indicator store
 * is. A file that is damaged or not of its name counts as missing.
 */
export class ColumnSpill {
  readonly #directory: string
  readonly #maxBytes: number
  readonly #arrow: ArrowColumns
  /** Bytes of each file by its name, oldest first. */
  readonly #files = new Map<string, number>()
  #bytes = 0
  #written = 0
  /** Files that could not be written or were damaged. */
  failures = 0

  /** @throws TradewrightError `IO` where the folder cannot be made. */
  constructor(directory: string, maxBytes: number, arrow: ArrowColumns) {
    this.#directory = directory
    this.#maxBytes = maxBytes
    this.#arrow = arrow
    try {
      mkdirSync(directory, { recursive: true })
      const found = readdirSync(directory)
        .filter((file) => file.endsWith('.arrow'))
        .map((file) => ({ name: file.slice(0, -6), ...pick(statSync(join(directory, file))) }))
        .sort((a, b) => a.mtimeMs - b.mtimeMs)
      for (const { name, size } of found) this.#count(name, size)
    } catch (cause) {
      throw new TradewrightError(
        'IO',
        `the folder ${directory} for spilled indicators could not be used`,
        { directory },
        { cause },
      )
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  #path(name: string): string {
    return join(this.#directory, `${name}.arrow`)
  }

  #count(name: string, size: number): void {
    this.#bytes += size - (this.#files.get(name) ?? 0)
    this.#files.delete(name)
    this.#files.set(name, size)
  }

  #drop(name: string): void {
    this.#bytes -= this.#files.get(name) ?? 0
    this.#files.delete(name)
    rmSync(this.#path(name), { force: true })
  }

  has(name: string): boolean {
    return this.#files.has(name)
  }

  /** Whether the column is on disk now. A disk that refuses costs only speed. */
  write(name: string, column: Float64Array): boolean {
    if (this.has(name)) return true
    const note = `${name} ${column.length} ${crc32(bytesOf(column))}`
    const file = this.#arrow.write(column, note)
    if (file.length > this.#maxBytes) return false
    const temporary = `${this.#path(name)}.${process.pid}-${this.#written++}.tmp`
    try {
      writeFileSync(temporary, file)
      renameSync(temporary, this.#path(name))
    } catch {
      this.failures++
      rmSync(temporary, { force: true })
      return false
    }
    this.#count(name, file.length)
    for (const oldest of this.#files.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#drop(oldest)
    }
    return true
  }

  /** The column in memory of its own, or undefined. */
  read(name: string): Float64Array | undefined {
    if (!this.has(name)) return undefined
    let file: Uint8Array | undefined
    try {
      file = readFileSync(this.#path(name))
    } catch {
      file = undefined
    }
    const read = file === undefined ? undefined : this.#arrow.read(file)
    if (read !== undefined && read.note === `${name} ${read.column.length} ${crc32(bytesOf(read.column))}`)
      return read.column
    this.failures++
    this.#drop(name)
    return undefined
  }

  clear(): void {
    for (const name of [...this.#files.keys()]) this.#drop(name)
  }
}

function pick({ size, mtimeMs }: { readonly size: number; readonly mtimeMs: number }): {
  readonly size: number
  readonly mtimeMs: number
} {
  return { size, mtimeMs }
}
