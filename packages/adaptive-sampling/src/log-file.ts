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
 * tail is cut off by the next writer. Writers take turns by a lock file that names its owner.
 */
export class LogFile {
  readonly path: string
  readonly #modules: NodeModules
  readonly #handle: FileHandle
  #end: number
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(path: string, modules: NodeModules, handle: FileHandle) {
    this.path = path
    this.#modules = modules
    this.#handle = handle
    this.#end = MAGIC.length
  }

  /** Opens or creates the file. @throws TradewrightError `IO`; `CORRUPT` for a file that is no log. */
  static async open(path: string): Promise<LogFile> {
    const [fs, zlib] = await Promise.all([import('node:fs/promises'), import('node:zlib')])
    try {
      const handle = await fs.open(path, 'a+')
      await handle.close()
      const log = new LogFile(path, { fs, zlib }, await fs.open(path, 'r+'))
      await log.locked(async () => log.#checkMagic())
      return log
    } catch (error) {
      throw error instanceof TradewrightError ? error : ioError('opening', path, error)
    }
  }

  async #checkMagic(): Promise<void> {
    const bytes = new Uint8Array(MAGIC.length)
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, 0)
    const text = new TextDecoder().decode(bytes.subarray(0, bytesRead))
    if (text === MAGIC) return
    // A file whose creator died before its first eight bytes were whole has no records yet.
    if (!MAGIC.startsWith(text))
      throw new TradewrightError('CORRUPT', `'${this.path}' must be a study log, its first bytes are others`, {
        path: this.path,
      })
    await this.#handle.write(new TextEncoder().encode(MAGIC), 0, MAGIC.length, 0)
    await this.#handle.datasync()
  }

  /** Runs `work` alone: among the calls of this process, then among processes. */
  locked<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      const release = await this.#lock()
      try {
        return await work()
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
        await fs.writeFile(path, String(process.pid), { flag: 'wx' })
        return () => fs.rm(path, { force: true })
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

  /** Records that were appended since the last read, by anyone. Call it locked. */
  async readNew(): Promise<readonly Uint8Array[]> {
    const { size } = await this.#handle.stat()
    const records: Uint8Array[] = []
    if (size <= this.#end) return records
    const bytes = new Uint8Array(size - this.#end)
    await this.#handle.read(bytes, 0, bytes.length, this.#end)
    const view = new DataView(bytes.buffer)
    let at = 0
    while (at + FRAME <= bytes.length) {
      const length = view.getUint32(at, true)
      const record = bytes.subarray(at + FRAME, at + FRAME + length)
      if (record.length < length || this.#modules.zlib.crc32(record) !== view.getUint32(at + 4, true)) break
      records.push(record)
      at += FRAME + length
    }
    this.#end += at
    // Whoever holds the lock is the only writer: what is not whole is what a dead one left.
    if (at < bytes.length) await this.#handle.truncate(this.#end)
    return records
  }

  /** Appends a record; it is on disk when this resolves. Call it locked, after `readNew`. */
  async append(record: Uint8Array): Promise<void> {
    const frame = new Uint8Array(FRAME + record.length)
    const view = new DataView(frame.buffer)
    view.setUint32(0, record.length, true)
    view.setUint32(4, this.#modules.zlib.crc32(record), true)
    frame.set(record, FRAME)
    try {
      await this.#handle.write(frame, 0, frame.length, this.#end)
      await this.#handle.datasync()
    } catch (error) {
      throw ioError('writing', this.path, error)
    }
    this.#end += frame.length
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#handle.close()
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
