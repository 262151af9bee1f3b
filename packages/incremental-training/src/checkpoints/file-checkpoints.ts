import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CheckpointInfo,
  type Checkpoints,
  type Clock,
  type Data,
  type Logger,
  systemClock,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import {
  availableCompression,
  type CheckpointCompression,
  type CheckpointHeader,
  readCheckpointFile,
  readCheckpointHeader,
  writeCheckpointFile,
} from './checkpoint-file.ts'
import { type PackedState, packState } from './pack-state.ts'
import { weightsOf } from './weights-of.ts'

/** Options of {@link fileCheckpoints}. */
export interface FileCheckpointsOptions {
  /** Folder of the files; made where it is not there. */
  readonly directory: string
  /** Begins the file names, so that several trainings share a folder. Letters, digits, `_` and `-`. @default 'state' */
  readonly name?: string | undefined
  /** The newest that are kept, at least 1. @default 3 */
  readonly newest?: number | undefined
  /** The best that are kept beside them, by score. @default 1 */
  readonly best?: number | undefined
  /** Which score is better. @default 'minimize' */
  readonly direction?: 'minimize' | 'maximize' | undefined
  /** zstd needs Node 22.15 or later; before, deflate is taken, and the statistics say so. @default 'zstd' */
  readonly compression?: CheckpointCompression | undefined
  /** All of a state, for an exact resume, or only what predicts: see {@link weightsOf}. @default 'all' */
  readonly contents?: 'weights' | 'all' | undefined
  /**
   * Memory held ready for the copy of a state, beside what a saved state leaves: memory never used before costs the
   * first `save` three times as long. @default 16 MiB
   */
  readonly reserveBytes?: number | undefined
  /** Told of damaged files that are passed over, and of states that could not be written. */
  readonly logger?: Pick<Logger, 'warn'> | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** Counters of {@link fileCheckpoints}. */
export interface FileCheckpointsStats {
  readonly saved: number
  readonly failed: number
  /** Damaged files passed over. */
  readonly damaged: number
  /** Removed by rotation. */
  readonly removed: number
  /** Bytes on the disk of all that were saved, and before compression. */
  readonly writtenBytes: number
  readonly stateBytes: number
  /** Longest time that a call of `save` kept its caller. */
  readonly longestBlockMs: number
  /** What is really used. */
  readonly compression: CheckpointCompression
}

/** {@link Checkpoints} in files. */
export interface FileCheckpoints extends Checkpoints {
  stats(): FileCheckpointsStats
}

const OPTIONS: readonly string[] = [
  'directory',
  'name',
  'newest',
  'best',
  'direction',
  'compression',
  'contents',
  'reserveBytes',
  'logger',
  'clock',
]
const SUFFIX = '.checkpoint'

interface Stored {
  readonly id: string
  readonly sequence: number
}

function oneOf(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw unknownName(name, value, known)
}

function count(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least)
    throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= ${least}, was ${value}`, { [name]: value })
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

class CheckpointFiles implements FileCheckpoints {
  readonly #directory: string
  readonly #name: string
  readonly #newest: number
  readonly #best: number
  readonly #sign: number
  readonly #compression: CheckpointCompression
  readonly #contents: 'weights' | 'all'
  readonly #logger: Pick<Logger, 'warn'> | undefined
  readonly #clock: Clock
  readonly #infos = new Map<string, CheckpointInfo>()
  readonly #warned = new Set<string>()
  #sequence: number
  #last: Promise<unknown> = Promise.resolve()
  #spare: ArrayBuffer | undefined
  #failure: unknown
  #closed = false
  #stats = { saved: 0, failed: 0, damaged: 0, removed: 0, writtenBytes: 0, stateBytes: 0, longestBlockMs: 0 }

  constructor(options: FileCheckpointsOptions) {
    for (const key of Object.keys(options))
      if (!OPTIONS.includes(key)) throw unknownName('an option of fileCheckpoints', key, OPTIONS)
    const { directory, name = 'state', newest = 3, best = 1, direction = 'minimize' } = options
    const { compression = 'zstd', contents = 'all', logger, clock = systemClock } = options
    const { reserveBytes = 16 * 1024 * 1024 } = options
    if (typeof directory !== 'string' || directory === '')
      throw new TradewrightError('BAD_OPTION', `directory must be a path, was '${String(directory)}'`)
    if (!/^[\w-]+$/.test(name))
      throw new TradewrightError('BAD_OPTION', `name must be letters, digits, '_' and '-', was '${name}'`, { name })
    count('newest', newest, 1)
    count('best', best, 0)
    count('reserveBytes', reserveBytes, 0)
    oneOf('direction', direction, ['minimize', 'maximize'])
    oneOf('compression', compression, ['zstd', 'deflate', 'none'])
    oneOf('contents', contents, ['weights', 'all'])
    this.#directory = directory
    this.#name = name
    this.#newest = newest
    this.#best = best
    this.#sign = direction === 'minimize' ? 1 : -1
    this.#compression = availableCompression(compression)
    this.#contents = contents
    this.#logger = logger
    this.#clock = clock
    this.#sequence = this.#open()
    if (reserveBytes > 0) this.#spare = new Uint8Array(reserveBytes).fill(1).buffer // written to, so that it is really there
  }

  /** Makes the folder, removes what dead processes left half-written, and finds the next number. */
  #open(): number {
    try {
      mkdirSync(this.#directory, { recursive: true })
      for (const file of readdirSync(this.#directory)) {
        const pid = new RegExp(`^${this.#name}\\.\\d+\\.(\\d+)\\.tmp$`).exec(file)?.[1]
        if (pid !== undefined && Number(pid) !== process.pid && !alive(Number(pid)))
          rmSync(join(this.#directory, file), { force: true })
      }
      return this.#stored(readdirSync(this.#directory)).reduce((most, { sequence }) => Math.max(most, sequence), 0)
    } catch (cause) {
      throw this.#refused('opened', cause)
    }
  }

  #refused(what: string, cause: unknown): TradewrightError {
    const { code, message } = cause as NodeJS.ErrnoException
    const full = code === 'ENOSPC' || code === 'EDQUOT'
    const why = full ? 'the disk is full' : message
    const kept = full ? '; the last good one is kept' : ''
    return new TradewrightError(
      'IO',
      `checkpoints in ${this.#directory} could not be ${what}: ${why}${kept}`,
      { directory: this.#directory, code },
      { cause },
    )
  }

  /** Oldest first. */
  #stored(files: readonly string[]): readonly Stored[] {
    const pattern = new RegExp(`^${this.#name}\\.(\\d{8,})\\${SUFFIX}$`)
    return files
      .flatMap((file) => {
        const id = pattern.exec(file)?.[1]
        return id === undefined ? [] : [{ id, sequence: Number(id) }]
      })
      .sort((a, b) => a.sequence - b.sequence)
  }

  #path(id: string): string {
    return join(this.#directory, `${this.#name}.${id}${SUFFIX}`)
  }

  #checkOpen(): void {
    if (this.#closed) throw new TradewrightError('DISPOSED', 'checkpoints must not be used after they were closed')
  }

  save(state: Parameters<Checkpoints['save']>[0]): Promise<CheckpointInfo> {
    const saved = this.#accept(state)
    saved.catch(() => undefined) // whoever does not await it hears of a failure at the next flush
    return saved
  }

  async #accept({ step, score, data }: Parameters<Checkpoints['save']>[0]): Promise<CheckpointInfo> {
    this.#checkOpen()
    count('step', step, 0)
    const begun = performance.now()
    const packed = packState(this.#contents === 'weights' ? weightsOf(data) : data, this.#spare)
    this.#spare = undefined
    const id = String(++this.#sequence).padStart(8, '0')
    const at = this.#clock.now()
    this.#stats.longestBlockMs = Math.max(this.#stats.longestBlockMs, performance.now() - begun)
    const written = this.#last.then(() => this.#write(id, { step, score, at }, packed))
    this.#last = written.then(
      () => this.#rotate(),
      (error: unknown) => {
        this.#failure ??= error
      },
    )
    await this.#last
    return written
  }

  async #write(id: string, about: Pick<CheckpointInfo, 'step' | 'score' | 'at'>, packed: PackedState) {
    const header: CheckpointHeader = {
      ...about,
      contents: this.#contents,
      compression: this.#compression,
      skeletonBytes: packed.skeleton.length,
      arrayBytes: packed.bytes,
    }
    const temporary = join(this.#directory, `${this.#name}.${id}.${process.pid}.tmp`)
    try {
      const bytes = await writeCheckpointFile(this.#path(id), temporary, header, packed)
      const info: CheckpointInfo = Object.freeze({ id, ...about, bytes })
      this.#infos.set(id, info)
      this.#stats.saved++
      this.#stats.writtenBytes += bytes
      this.#stats.stateBytes += packed.skeleton.length + packed.bytes
      this.#spare = packed.buffer
      return info
    } catch (cause) {
      this.#stats.failed++
      throw this.#refused('written', cause)
    }
  }

  /** Removes all but the newest and the best, the new one safely on the disk. */
  async #rotate(): Promise<void> {
    const infos = await this.#whole().catch((): readonly CheckpointInfo[] => [])
    const keep = new Set(infos.slice(-this.#newest).map(({ id }) => id))
    const scored = infos.filter(({ score }) => score !== undefined && !Number.isNaN(score))
    scored.sort((a, b) => this.#sign * ((a.score ?? 0) - (b.score ?? 0)) || Number(b.id) - Number(a.id))
    for (const { id } of scored.slice(0, this.#best)) keep.add(id)
    for (const { id } of infos) {
      if (keep.has(id)) continue
      try {
        await rm(this.#path(id), { force: true })
      } catch (error) {
        this.#logger?.warn(`checkpoint ${this.#path(id)} could not be removed: ${(error as Error).message}`)
        continue
      }
      this.#infos.delete(id)
      this.#stats.removed++
    }
  }

  #warn(id: string, error: unknown): void {
    if (this.#warned.has(id)) return
    this.#warned.add(id)
    this.#stats.damaged++
    this.#logger?.warn(`checkpoint ${this.#path(id)} is passed over: ${(error as Error).message}`)
  }

  async #info(id: string): Promise<CheckpointInfo | undefined> {
    const known = this.#infos.get(id)
    if (known !== undefined) return known
    try {
      const { step, score, at } = await readCheckpointHeader(this.#path(id))
      const { size } = await stat(this.#path(id))
      const info = Object.freeze({ id, step, score, bytes: size, at })
      this.#infos.set(id, info)
      return info
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#warn(id, error)
      return undefined
    }
  }

  /** Those whose header is whole, oldest first. */
  async #whole(): Promise<readonly CheckpointInfo[]> {
    const infos: CheckpointInfo[] = []
    for (const { id } of this.#stored(await readdir(this.#directory))) {
      const info = await this.#info(id)
      if (info !== undefined) infos.push(info)
    }
    return infos
  }

  async #read(id: string): Promise<{ readonly info: CheckpointInfo; readonly data: Data } | undefined> {
    try {
      const { header, data, bytes } = await readCheckpointFile(this.#path(id))
      const { step, score, at } = header
      return { info: Object.freeze({ id, step, score, bytes, at }), data }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#warn(id, error)
      return undefined
    }
  }

  async load(id?: string): Promise<{ readonly info: CheckpointInfo; readonly data: Data } | undefined> {
    this.#checkOpen()
    await this.#last
    const stored = this.#stored(await readdir(this.#directory))
    if (id !== undefined) return stored.some((each) => each.id === id) ? this.#read(id) : undefined
    for (const each of [...stored].reverse()) {
      const found = await this.#read(each.id)
      if (found !== undefined) return found
    }
    return undefined
  }

  async list(): Promise<readonly CheckpointInfo[]> {
    this.#checkOpen()
    await this.#last
    return this.#whole()
  }

  async flush(): Promise<void> {
    await this.#last
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
  }

  stats(): FileCheckpointsStats {
    return { ...this.#stats, compression: this.#compression }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#last
    if (this.#failure !== undefined) this.#logger?.warn(`a checkpoint was lost: ${(this.#failure as Error).message}`)
  }
}

/**
 * Checkpoints in files of a folder: one file a state, written to a temporary name, synced and renamed; kept in rotation.
 *
 * `save` copies the state and returns to its caller; compression and writing happen in other threads. What lies in a
 * state is found again by its name. A file that fails a length or checksum is passed over with a warning. Nothing else
 * may write to the same name at the same time.
 *
 * @returns checkpoints whose `save` rejects with `IO` where the system refuses; a full disk leaves the last good one.
 *   The next `flush` rejects with it too, once, so that a training need not await each `save`.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`, `IO`.
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { fileCheckpoints } from '@tradewright/incremental-training'
 * const checkpoints = fileCheckpoints({ directory: mkdtempSync('/tmp/checkpoints-'), newest: 2 })
 * await checkpoints.save({ step: 1, score: 0.5, data: { weights: Float32Array.of(1, 2, 3) } })
 * console.log((await checkpoints.load())?.info.step) // 1
 * await checkpoints[Symbol.asyncDispose]()
 * ```
 */
export function fileCheckpoints(options: FileCheckpointsOptions): FileCheckpoints {
  return new CheckpointFiles(options)
}
