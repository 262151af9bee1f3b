import { deserialize, serialize } from 'node:v8'
import { type Cache, contentKey, type Data, type FittedModel, type Key } from '@tradewright/core'
import type { DriftSketch } from './drift.ts'

/** A trained model as it is kept. */
export interface StoredFit {
  /** Of the training that made it: checked again when it is read. */
  readonly core: Key
  readonly data: Key
  /** Rounds asked for, in all. */
  readonly asked: number | undefined
  readonly fitted: Pick<FittedModel, 'model' | 'exact' | 'rounds' | 'continuation' | 'truncates'>
  /** What it cost from nothing, in ms. */
  readonly coldMs: number
  readonly sketch: DriftSketch | undefined
}

/** What is known of a state without reading it. */
export interface StateEntry {
  readonly key: Key
  readonly core: Key
  readonly data: Key
  readonly options: Data
  readonly asked: number | undefined
  readonly run: string | undefined
  readonly trial: number
  /** Epoch ms of the last row, where times were given. */
  readonly last: number | undefined
}

/** Most entries of a run, and trials of it, that are looked at. */
const FAMILY = 64
/** Most runs of a family that are remembered. */
const RUNS = 16

/** States in a cache, found by key and by family. Nothing that is read is trusted before its keys are compared. */
export class StateStore {
  readonly #cache: Pick<Cache, 'getMany' | 'setMany'>
  #last: Promise<unknown> = Promise.resolve()

  constructor(cache: Pick<Cache, 'getMany' | 'setMany'>) {
    this.#cache = cache
  }

  async #read<T>(keys: readonly Key[]): Promise<readonly (T | undefined)[]> {
    if (keys.length === 0) return []
    const values = await this.#cache.getMany(keys)
    return values.map((value, i) => {
      if (value === undefined) return undefined
      try {
        // The value says under which key it was put: a cache that mixes entries up gives a miss.
        const { key, content } = deserialize(value) as { readonly key: Key; readonly content: T }
        return key === keys[i] ? content : undefined
      } catch {
        return undefined
      }
    })
  }

  async #write(key: Key, content: unknown, costMs: number): Promise<number> {
    const value = serialize({ key, content })
    await this.#cache.setMany([{ key, value, costMs }])
    return value.length
  }

  async get(key: Key): Promise<StoredFit | undefined> {
    return (await this.#read<StoredFit>([key]))[0]
  }

  /** @returns bytes written. */
  put(key: Key, fit: StoredFit): Promise<number> {
    return this.#write(key, fit, fit.coldMs)
  }

  /** Reads a list, adds to it and writes it back, one after another; another process may lose an addition. */
  #append<T>(key: Key, added: T, same: (a: T, b: T) => boolean, most: number): Promise<void> {
    const done = this.#last.then(async () => {
      const list = (await this.#read<readonly T[]>([key]))[0] ?? []
      const kept = list.filter((each) => !same(each, added))
      await this.#write(key, [...kept, added].slice(-most), Number.POSITIVE_INFINITY)
    })
    this.#last = done.catch(() => undefined)
    return done
  }

  #roundsKey(core: Key, data: Key): Key {
    return contentKey(['rounds of', core, data])
  }

  /** Numbers of rounds of which exact states were kept. */
  async knownRounds(core: Key, data: Key): Promise<readonly number[]> {
    return (await this.#read<readonly number[]>([this.#roundsKey(core, data)]))[0] ?? []
  }

  addRounds(core: Key, data: Key, rounds: number): Promise<void> {
    return this.#append(this.#roundsKey(core, data), rounds, (a, b) => a === b, FAMILY)
  }

  #runKey(family: Key, run: string): Key {
    return contentKey(['run', family, run])
  }

  #trialKey(family: Key, run: string, trial: number): Key {
    return contentKey(['trial', family, run, trial])
  }

  /** Remembers a state under its run and trial. */
  async addEntry(family: Key, entry: StateEntry): Promise<void> {
    const same = (a: StateEntry, b: StateEntry): boolean => a.key === b.key && a.trial === b.trial
    const run = entry.run ?? ''
    await this.#append(contentKey(['runs', family]), run, (a, b) => a === b, RUNS)
    await this.#append(this.#runKey(family, run), entry, same, FAMILY)
    await this.#append(this.#trialKey(family, run, entry.trial), entry, same, FAMILY)
  }

  /**
   * States that a trial may go on from: of its own and of other runs, and of its run those of trials below `earlier`,
   * which had all finished; so that what it finds does not depend on what runs beside it. Without a run all.
   */
  async entries(
    family: Key,
    {
      run,
      trial,
      earlier,
    }: { readonly run: string | undefined; readonly trial: number; readonly earlier: number | undefined },
  ): Promise<readonly StateEntry[]> {
    const runs = (await this.#read<readonly string[]>([contentKey(['runs', family])]))[0] ?? []
    const others = runs.filter((each) => each !== run).sort()
    const keys = others.map((each) => this.#runKey(family, each))
    if (run !== undefined) {
      const end = earlier ?? trial
      for (let t = Math.max(0, end - FAMILY); t < end; t++) if (t !== trial) keys.push(this.#trialKey(family, run, t))
      keys.push(this.#trialKey(family, run, trial))
    }
    return (await this.#read<readonly StateEntry[]>(keys)).flatMap((list) => list ?? [])
  }
}
