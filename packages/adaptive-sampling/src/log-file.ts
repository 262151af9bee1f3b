import type { FileHandle } from 'node:fs/promises'
import { TradewrightError } from '@tradewright/core'

const MAGIC = 'TWLOG01\n'
const FRAME = 8
const LOCK_RETRY_MS = 2
/** A lock whose owner cannot be asked (another machine, a recycled pid) is broken after this long. */
const LOCK_STALE_MS = 10_000

/** The Node modules this file works with, imported when the first log is opened. */
interface NodeModules {
  readonly fs: typeof import('node:fs/promises')
  readonly zlib: typeof import('node:zlib')
}

function ioError(action: string, path: string, cause: unknown): TradewrightError {
  return new TradewrightError('IO', `${action} of '${path}' must succeed, was ${String(cause)}`, { path }, { cause })
}

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown }).code

/**
 * An append-only file of records that several processes may write: a length, a checksum and the bytes each.
 *
 * A record is there once its append resolves (written and synced), and not at all where the process died before. A torn
 * tail is cut off by the next writer; damage before whole records is refused, since cutting there would lose them.
 * Writers take turns by a lock file that names its owner. The file is open only during a turn.
 */
export class LogFile {
  readonly path: string
  readonly #modules: NodeModules
  #end = MAGIC.length
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(path: string, modules: NodeModules) {
    this.path = path
    this.#modules = modules
  }

  /** Opens or creates the file. @throws TradewrightError `IO`; `CORRUPT` for a file that is no log. */
  static async open(path: string): Promise<LogFile> {
    const [fs, zlib] = await Promise.all([import('node:fs/promises'), import('node:zlib')])
    try {
      const handle = await fs.open(path, 'a+')
      await handle.close()
      const log = new LogFile(path, { fs, zlib })
      await log.locked((turn) => log.#checkMagic(turn))
      return log
    } catch (error) {
      throw error instanceof TradewrightError ? error : ioError('opening', path, error)
    }
  }

  async #checkMagic(handle: FileHandle): Promise<void> {
    const bytes = new Uint8Array(MAGIC.length)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
    const text = new TextDecoder().decode(bytes.subarray(0, bytesRead))
    if (text === MAGIC) return
    // A file whose creator died before its first eight bytes were whole has no records yet.
    if (!MAGIC.startsWith(text))
      throw new TradewrightError('CORRUPT', `'${this.path}' must be a study log, its first bytes are others`, {
        path: this.path,
      })
    await handle.write(new TextEncoder().encode(MAGIC), 0, MAGIC.length, 0)
    await handle.datasync()
  }

  /** Runs `work` alone: among the calls of this process, then among processes. */
  locked<T>(work: (turn: FileHandle) => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      const release = await this.#lock()
      try {
        const handle = await this.#modules.fs.open(this.path, 'r+').catch((error) => {
          throw ioError('opening', this.path, error)
        })
        try {
          return await work(handle)
        } finally {
          await handle.close()
        }
      } finally {
        await release()
      }
    })
    this.#turn = result.catch(() => undefined)
    return result
  }

  async #lock(): Promise<() => Promise<void>> {
    const { fs } = this.#modules
    const path = `${this.path}.lock`
    for (;;) {
      try {
        const handle = await fs.open(path, 'wx')
        const release = (): Promise<void> => fs.rm(path, { force: true })
        try {
          await handle.writeFile(String(process.pid))
        } catch (error) {
          await release() // on a full disk: nobody is to wait for a lock without an owner
          throw error
        } finally {
          await handle.close()
        }
        return release
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw ioError('locking', this.path, error)
      }
      await this.#breakStale(path)
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS))
    }
  }

  /** Removes a lock whose owner is dead. Renamed first, so that of two breakers only one wins. */
  async #breakStale(path: string): Promise<void> {
    const { fs } = this.#modules
    try {
      const text = await fs.readFile(path, 'utf8')
      const { mtimeMs } = await fs.stat(path)
      const age = performance.timeOrigin + performance.now() - mtimeMs
      const dead = text !== '' && !isAlive(Number(text))
      if (!dead && age < LOCK_STALE_MS) return
      const grave = `${path}.${process.pid}`
      await fs.rename(path, grave)
      // Another process may have broken it and locked anew in between: then its lock goes back.
      if ((await fs.readFile(grave, 'utf8')) !== text) await fs.link(grave, path).catch(() => undefined)
      await fs.rm(grave, { force: true })
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw ioError('unlocking', this.path, error)
    }
  }

  /** Records that were appended since the last read, by anyone. */
  async readNew(handle: FileHandle): Promise<readonly Uint8Array[]> {
    const { size } = await handle.stat()
    const records: Uint8Array[] = []
    if (size < this.#end)
      throw new TradewrightError(
        'CORRUPT',
        `'${this.path}' must only grow while it is open, was cut to ${size} bytes`,
        {
          path: this.path,
          size,
          expected: this.#end,
        },
      )
    if (size === this.#end) return records
    const bytes = new Uint8Array(size - this.#end)
    await handle.read(bytes, 0, bytes.length, this.#end)
    let at = 0
    for (let record = this.#recordAt(bytes, at); record !== undefined; record = this.#recordAt(bytes, at)) {
      records.push(record)
      at += FRAME + record.length
    }
    if (at < bytes.length) {
      for (let later = at + 1; later < bytes.length; later++)
        if (this.#recordAt(bytes, later) !== undefined)
          throw new TradewrightError(
            'CORRUPT',
            `'${this.path}' must have whole records, was damaged at byte ${this.#end + at}, before records that are whole; restore it from a copy, or cut it there and lose what follows`,
            { path: this.path, byte: this.#end + at, whole: this.#end + later },
          )
      // Whoever holds the lock is the only writer: what is not whole is what a dead one left.
      await handle.truncate(this.#end + at)
    }
    this.#end += at
    return records
  }

  /** The record whose frame begins here, where it is whole. */
  #recordAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
    if (at + FRAME > bytes.length) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset + at)
    const length = view.getUint32(0, true)
    // No record is empty: a torn tail may be zeros.
    if (length === 0 || at + FRAME + length > bytes.length) return undefined
    const record = bytes.subarray(at + FRAME, at + FRAME + length)
    return this.#modules.zlib.crc32(record) === view.getUint32(4, true) ? record : undefined
  }

  /** Appends a record; it is on disk when this resolves. Call it after `readNew`. */
  async append(handle: FileHandle, record: Uint8Array): Promise<void> {
    const frame = new Uint8Array(FRAME + record.length)
    const view = new DataView(frame.buffer)
    view.setUint32(0, record.length, true)
    view.setUint32(4, this.#modules.zlib.crc32(record), true)
    frame.set(record, FRAME)
    try {
      await writeAll(handle, frame, this.#end)
      await handle.datasync()
    } catch (error) {
      throw ioError('writing', this.path, error)
    }
    this.#end += frame.length
  }

  /** Waits for the turns that were asked for. */
  async close(): Promise<void> {
    await this.#turn
  }
}

/** A write may take only a part where the disk is nearly full. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}
