import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, type Data, systemClock, TradewrightError } from '@tradewright/core'
import { checkCount } from './check-range.ts'
import type { Trainer } from './trainer-options.ts'

/** Options of {@link createModelPool}. */
export interface ModelPoolOptions {
  /** Makes the trainer of a name, always the same way. */
  readonly make: (name: string) => Trainer
  /** Where trainers go that are not in use: 'disk' a file each, deleted at the end; 'shared' SharedArrayBuffers. */
  readonly to: 'disk' | 'shared'
  /** Trainers that stay in memory, the last used ones. @default 1 */
  readonly resident?: number | undefined
  /** Folder of the files. @default the system's for temporary files */
  readonly directory?: string | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** What a pool did so far. */
export interface ModelPoolStats {
  readonly resident: number
  readonly away: number
  /** Bytes that lie outside of the models' memory now. */
  readonly bytesAway: number
  /** Moves out and in, and the time that they took, making the model again included. */
  readonly moves: number
  readonly ms: number
}

/** Trainers by name, of which only some are in memory. */
export interface ModelPool {
  /** Runs with a trainer, brought back first where it is away. It must not be used after that, nor disposed. */
  use<T>(name: string, run: (trainer: Trainer) => T | Promise<T>): Promise<T>
  stats(): ModelPoolStats
  /** Ends all trainers and deletes what is away. */
  dispose(): void
}

/** Arrays of a state put one behind the other elsewhere; the rest of it stays as it is. */
interface Away {
  readonly state: Data
  readonly bytes: number
  read(at: number, to: Uint8Array): void
  close(): void
}

/** Stands for an array that is away. */
interface Pointer {
  readonly away: string
  readonly at: number
  readonly length: number
}

type Typed = Float32Array | Float64Array
const bytesOf = (values: Typed): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
const isTyped = (value: unknown): value is Typed => value instanceof Float32Array || value instanceof Float64Array

/** A copy of plain data whose arrays, or whose pointers, are replaced. */
function replace(data: Data, change: (value: unknown) => unknown): Data {
  const changed = change(data)
  if (changed !== data || typeof data !== 'object' || data === null || isTyped(data)) return changed as Data
  if (Array.isArray(data)) return data.map((each) => replace(each as Data, change)) as Data
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, replace(value as Data, change)])) as Data
}

function sendAway(state: Data, write: (bytes: Uint8Array) => void): { readonly state: Data; readonly bytes: number } {
  let at = 0
  const left = replace(state, (value) => {
    if (!isTyped(value)) return value
    write(bytesOf(value))
    const pointer: Pointer = { away: value.constructor.name, at, length: value.length }
    at += value.byteLength
    return pointer
  })
  return { state: left, bytes: at }
}

function bringBack({ state, read }: Away): Data {
  return replace(state, (value) => {
    const pointer = value as Pointer | undefined
    if (typeof pointer !== 'object' || pointer === null || typeof pointer.away !== 'string') return value
    const back = pointer.away === 'Float32Array' ? new Float32Array(pointer.length) : new Float64Array(pointer.length)
    read(pointer.at, bytesOf(back))
    return back
  })
}

function toFile(path: string, state: Data): Away {
  try {
    const file = openSync(path, 'wx+')
    const left = sendAway(state, (bytes) => {
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done)
    })
    return {
      ...left,
      read(at, to) {
        const got = readSync(file, to, 0, to.length, at)
        if (got !== to.length)
          throw new TradewrightError('IO', `the offloaded model must be whole, was cut off at ${at + got} bytes`, {
            path,
          })
      },
      close() {
        closeSync(file)
        rmSync(path, { force: true })
      },
    }
  } catch (cause) {
    throw new TradewrightError(
      'IO',
      `the offloaded model must be written, was refused at '${path}'`,
      { path },
      { cause },
    )
  }
}

function toShared(state: Data): Away {
  let total = 0
  sendAway(state, (bytes) => {
    total += bytes.length
  })
  const shared = new Uint8Array(new SharedArrayBuffer(total))
  let at = 0
  const left = sendAway(state, (bytes) => {
    shared.set(bytes, at)
    at += bytes.length
  })
  return { ...left, read: (from, to) => to.set(shared.subarray(from, from + to.length)), close: () => {} }
}

class Pool implements ModelPool {
  readonly #options: ModelPoolOptions
  readonly #most: number
  readonly #clock: Clock
  /** Last used last. */
  readonly #here: Map<string, Trainer> = new Map()
  readonly #away: Map<string, Away> = new Map()
  readonly #busy: Set<string> = new Set()
  #folder: string | undefined
  #files = 0
  #moves = 0
  #ms = 0
  #disposed = false

  constructor(options: ModelPoolOptions) {
    const { to, resident = 1, clock = systemClock } = options
    if (to !== 'disk' && to !== 'shared')
      throw new TradewrightError('BAD_OPTION', `to must be 'disk' or 'shared', was '${String(to)}'`)
    checkCount('resident', resident, 1)
    this.#options = options
    this.#most = resident
    this.#clock = clock
  }

  #timed<T>(run: () => T): T {
    const start = this.#clock.elapsed()
    const found = run()
    this.#ms += this.#clock.elapsed() - start
    this.#moves++
    return found
  }

  #path(): string {
    const { directory = tmpdir() } = this.#options
    try {
      this.#folder ??= mkdtempSync(join(directory, 'tradewright-models-'))
    } catch (cause) {
      throw new TradewrightError('IO', `the folder must be writable, was '${directory}'`, { directory }, { cause })
    }
    return join(this.#folder, `${this.#files++}.model`)
  }

  /** Sends those away that were not used for the longest, until there is room for one more. */
  #makeRoom(): void {
    for (const [name, trainer] of this.#here) {
      if (this.#here.size < this.#most) return
      if (this.#busy.has(name)) continue
      const state = trainer.save()
      this.#away.set(
        name,
        this.#timed(() => (this.#options.to === 'disk' ? toFile(this.#path(), state) : toShared(state))),
      )
      trainer.dispose()
      this.#here.delete(name)
    }
  }

  #bring(name: string): Trainer {
    const found = this.#here.get(name)
    if (found !== undefined) {
      this.#here.delete(name)
      this.#here.set(name, found)
      return found
    }
    this.#makeRoom()
    const away = this.#away.get(name)
    const make = (): Trainer => {
      const trainer = this.#options.make(name)
      if (away !== undefined) trainer.restore(bringBack(away))
      return trainer
    }
    const trainer = away === undefined ? make() : this.#timed(make)
    away?.close()
    this.#away.delete(name)
    this.#here.set(name, trainer)
    return trainer
  }

  async use<T>(name: string, run: (trainer: Trainer) => T | Promise<T>): Promise<T> {
    if (this.#disposed) throw new TradewrightError('DISPOSED', 'a model pool must not be used after it was disposed')
    if (this.#busy.has(name))
      throw new TradewrightError('BAD_OPTION', `the model '${name}' must be free to be used, was in use`, { name })
    const trainer = this.#bring(name)
    this.#busy.add(name)
    try {
      return await run(trainer)
    } finally {
      this.#busy.delete(name)
      if (this.#disposed) trainer.dispose()
    }
  }

  stats(): ModelPoolStats {
    const bytesAway = [...this.#away.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    return { resident: this.#here.size, away: this.#away.size, bytesAway, moves: this.#moves, ms: this.#ms }
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    for (const [name, trainer] of this.#here) if (!this.#busy.has(name)) trainer.dispose()
    for (const away of this.#away.values()) away.close()
    this.#here.clear()
    this.#away.clear()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }
}

/**
 * Model offloading: many trainers, as of the folds of a walk-forward or the members of an ensemble, of which only the
 * last used are in memory. The others' parameters and rule's arrays lie on disk or in shared memory, their plans'
 * memory is given back. A trainer that comes back goes on to the last bit. `stats` says bytes and time.
 *
 * @throws TradewrightError `BAD_OPTION`, `IO`. `use` throws what `make` and `run` throw, and `DISPOSED`.
 * @example
 * ```ts
 * import { adam, arrayDataset, createModelPool, createTrainer, dense, fusedBackend, meanSquaredError, sequential } from '@tradewright/gpu-training'
 * const data = arrayDataset({ x: Float32Array.of(1, 2, 3, 4), inputs: 1, y: Float32Array.of(2, 4, 6, 8) })
 * const pool = createModelPool({
 *   to: 'disk',
 *   make: () => createTrainer({
 *     model: sequential(1, [dense(1)]), loss: meanSquaredError(), updateRule: adam(), backend: fusedBackend(),
 *   }),
 * })
 * await pool.use('fold-1', (trainer) => trainer.fit(data, { epochs: 2 }))
 * await pool.use('fold-2', (trainer) => trainer.fit(data, { epochs: 2 }))
 * await pool.use('fold-1', (trainer) => trainer.fit(data, { epochs: 4 }))
 * console.log(pool.stats().resident, pool.stats().away) // 1 1
 * pool.dispose()
 * ```
 */
export function createModelPool(options: ModelPoolOptions): ModelPool {
  return new Pool(options)
}
