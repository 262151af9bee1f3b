import {
  type Clock,
  contentKey,
  type Data,
  type StoredGeneration,
  type StoredStudy,
  type StudyHeader,
  type StudyStore,
  systemClock,
  TradewrightError,
} from '@tradewright/core'
import { LogFile } from './log-file.ts'

/** Options of {@link fileStudyStore}. */
export interface FileStudyStoreOptions {
  /** Time of the leases. All processes of a study should agree on it to well within a lease. @default the system's */
  readonly clock?: Clock | undefined
}

/** What became of an attempt to take a trial. */
export type Claim =
  /** Ours until the lease ends; `token` goes with the result. */
  | { readonly kind: 'mine'; readonly token: number }
  /** Another process has it until this time, epoch ms. */
  | { readonly kind: 'theirs'; readonly until: number }
  /** Somebody has done it. */
  | { readonly kind: 'done'; readonly outcome: Data }

/** A study store whose trials several processes share. */
export interface SharedStudyStore extends StudyStore {
  /** Takes a trial for `leaseMs`, unless another one has it or it is done. */
  claim(study: string, trial: number, owner: string, leaseMs: number): Promise<Claim>
  /** Makes a claim last longer. @returns false where it was lost. */
  renew(study: string, trial: number, token: number, leaseMs: number): Promise<boolean>
  /**
   * Tells the others what a trial gave.
   * @returns false where the lease had ended and another process took the trial: this result does not count.
   */
  publish(study: string, trial: number, token: number, outcome: Data): Promise<boolean>
}

type LogRecord =
  | { readonly type: 'create'; readonly header: StudyHeader }
  | { readonly type: 'append'; readonly study: string; readonly generation: StoredGeneration }
  | { readonly type: 'delete'; readonly study: string }
  | {
      readonly type: 'lease'
      readonly study: string
      readonly trial: number
      readonly token: number
      readonly until: number
    }
  | {
      readonly type: 'done'
      readonly study: string
      readonly trial: number
      readonly token: number
      readonly outcome: Data
    }

interface Lease {
  readonly token: number
  readonly until: number
  readonly outcome: { readonly data: Data } | undefined
}

interface Entry {
  readonly header: StudyHeader
  readonly generations: StoredGeneration[]
  /** Trials of the generation in flight. */
  readonly leases: Map<number, Lease>
}

class FileStore implements SharedStudyStore {
  readonly name = 'file'
  readonly #path: string
  readonly #clock: Clock
  readonly #studies = new Map<string, Entry>()
  #log: Promise<LogFile> | undefined
  #v8: typeof import('node:v8') | undefined
  #tokens = 0
  #closed = false

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** Runs `work` alone on this file, on a state that has seen every record. */
  async #locked<T>(work: (append: (record: LogRecord) => Promise<void>) => Promise<T>): Promise<T> {
    if (this.#closed) throw new TradewrightError('DISPOSED', 'a closed study store was used', { store: this.#path })
    this.#log ??= LogFile.open(this.#path)
    const log = await this.#log
    this.#v8 ??= await import('node:v8')
    const v8 = this.#v8
    return log.locked(async (turn) => {
      for (const bytes of await log.readNew(turn)) this.#apply(v8.deserialize(bytes) as LogRecord)
      return work(async (record) => {
        const bytes = v8.serialize(record)
        await log.append(turn, bytes)
        this.#apply(v8.deserialize(bytes) as LogRecord)
      })
    })
  }

  #apply(record: LogRecord): void {
    switch (record.type) {
      case 'create':
        this.#studies.set(record.header.name, { header: record.header, generations: [], leases: new Map() })
        return
      case 'append': {
        const entry = this.#studies.get(record.study)
        entry?.generations.push(record.generation)
        for (const { number } of record.generation.finished) entry?.leases.delete(number)
        return
      }
      case 'delete':
        this.#studies.delete(record.study)
        return
      case 'lease':
        this.#tokens = Math.max(this.#tokens, record.token)
        this.#studies
          .get(record.study)
          ?.leases.set(record.trial, { token: record.token, until: record.until, outcome: undefined })
        return
      case 'done':
        this.#studies
          .get(record.study)
          ?.leases.set(record.trial, { token: record.token, until: 0, outcome: { data: record.outcome } })
        return
      default:
        return record satisfies never
    }
  }

  #entry(study: string): Entry {
    const entry = this.#studies.get(study)
    if (entry === undefined) throw new TradewrightError('NOT_FOUND', `study '${study}' must exist`, { study })
    return entry
  }

  load(study: string): Promise<StoredStudy | undefined> {
    return this.#locked(async () => {
      const entry = this.#studies.get(study)
      return entry === undefined ? undefined : structuredClone({ header: entry.header, generations: entry.generations })
    })
  }

  create(header: StudyHeader): Promise<void> {
    return this.#locked(async (append) => {
      const known = this.#studies.get(header.name)
      // Two processes may begin the same study at the same time: the second joins the first.
      if (known !== undefined)
        throw new TradewrightError('DUPLICATE_NAME', `study '${header.name}' exists already`, { study: header.name })
      await append({ type: 'create', header })
    })
  }

  append(study: string, generation: StoredGeneration): Promise<void> {
    return this.#locked(async (append) => {
      const { generations, leases } = this.#entry(study)
      if (generation.generation === generations.length) return append({ type: 'append', study, generation })
      // Processes that share a study reach the same generation with the same content: the first one stores it.
      const stored = generations[generation.generation]
      const shared = generation.finished.length > 0 && this.#shared.has(study)
      if (stored !== undefined && shared && contentKey(stored) === contentKey(generation)) return undefined
      throw new TradewrightError(
        'STUDY_CONFLICT',
        `the next generation of study '${study}' is ${generations.length}, was ${generation.generation}`,
        { study, expected: generations.length, generation: generation.generation, leases: leases.size },
      )
    })
  }

  /** Studies of which this process has claimed trials. */
  readonly #shared = new Set<string>()

  claim(study: string, trial: number, _owner: string, leaseMs: number): Promise<Claim> {
    this.#shared.add(study)
    return this.#locked(async (append): Promise<Claim> => {
      const { leases, generations } = this.#entry(study)
      const lease = leases.get(trial)
      if (lease?.outcome !== undefined) return { kind: 'done', outcome: structuredClone(lease.outcome.data) }
      const stored = generations.findLast((g) => g.finished.some((t) => t.number === trial))
      if (stored !== undefined) {
        const finished = stored.finished.find((t) => t.number === trial)
        return { kind: 'done', outcome: structuredClone(finished) as unknown as Data }
      }
      const now = this.#clock.now()
      if (lease !== undefined && lease.until > now) return { kind: 'theirs', until: lease.until }
      const token = this.#tokens + 1
      await append({ type: 'lease', study, trial, token, until: now + leaseMs })
      return { kind: 'mine', token }
    })
  }

  renew(study: string, trial: number, token: number, leaseMs: number): Promise<boolean> {
    return this.#locked(async (append) => {
      if (this.#studies.get(study)?.leases.get(trial)?.token !== token) return false
      await append({ type: 'lease', study, trial, token, until: this.#clock.now() + leaseMs })
      return true
    })
  }

  publish(study: string, trial: number, token: number, outcome: Data): Promise<boolean> {
    return this.#locked(async (append) => {
      const lease = this.#studies.get(study)?.leases.get(trial)
      if (lease === undefined || lease.token !== token || lease.outcome !== undefined) return false
      await append({ type: 'done', study, trial, token, outcome })
      return true
    })
  }

  list(): Promise<readonly string[]> {
    return this.#locked(async () => [...this.#studies.keys()])
  }

  delete(study: string): Promise<void> {
    return this.#locked(async (append) => {
      if (this.#studies.has(study)) await append({ type: 'delete', study })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await (await this.#log)?.close()
  }
}

/**
 * A study store in one file: an append-only log of our own, with a length and a checksum for every record, that is
 * synced once a generation.
 *
 * A process may die at any instant: what `append` has resolved is there, what it has not is there as a whole or not at
 * all. Several processes may use the file: writers take turns, and {@link SharedStudyStore.claim} gives each trial to one
 * of them. Deleted studies keep their bytes. Needs Node; nothing of Node is imported before the first call.
 *
 * @param path of the file; `<path>.lock` beside it is the lock.
 * @throws TradewrightError `IO`, `CORRUPT` from the first call.
 */
export function fileStudyStore(path: string, { clock = systemClock }: FileStudyStoreOptions = {}): SharedStudyStore {
  return new FileStore(path, clock)
}
