import type { Evaluation, EvaluationRequest, Key, SliceResult, TrialRef } from '@tradewright/core'
import type { StoredSlice } from './slice-codec.ts'
import { trimmed } from './stored-answer.ts'

/** Answer for one slice of one trial, and what its making cost. */
export interface Solved {
  readonly stored: StoredSlice
  readonly bars: number
  readonly ms: number
}

/** A computation under way; undefined where it gave nothing. */
export type Flight = Promise<Solved | undefined>

/** Another batch's work is waited for only as long as this one is wanted. */
export function untilAborted(flight: Flight, signal: AbortSignal): Flight {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as unknown)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    void flight.then((solved) => {
      signal.removeEventListener('abort', abort)
      resolve(solved)
    })
  })
}

/** Trials that lack the same slices. */
export interface Group {
  readonly trials: readonly number[]
  readonly slices: readonly number[]
}

/** One request under way: what of each trial's slices is known. */
export class CacheBatch {
  readonly request: EvaluationRequest
  readonly keys: readonly Key[]
  readonly solved: (Solved | undefined)[]
  readonly lacking: Map<number, StoredSlice> = new Map()
  readonly failures: Map<number, Evaluation> = new Map()
  /** Ends the flights that this batch took. */
  readonly landings: Map<number, (solved: Solved | undefined) => void> = new Map()
  readonly #own = new Set<number>()
  readonly #want: string

  constructor(request: EvaluationRequest, keys: readonly Key[]) {
    this.request = request
    this.keys = keys
    this.solved = new Array(keys.length).fill(undefined)
    const { state, returns, metrics } = request.want
    this.#want = ` ${state ? 's' : ''}${returns ? 'r' : ''}${typeof metrics === 'string' ? metrics : [...metrics].sort().join()}`
  }

  index(trial: number, slice: number): number {
    return trial * this.request.slices.length + slice
  }

  /** A computation is shared only with those who want the same of it. */
  flightKey(i: number): string {
    return this.keys[i] + this.#want
  }

  take(i: number): Flight {
    this.#own.add(i)
    return new Promise((resolve) => this.landings.set(i, resolve))
  }

  solve(i: number, solved: Solved): void {
    this.solved[i] = solved
  }

  /** What this batch has to compute itself, trials with the same gaps together, in trial order. */
  groups(only: Iterable<number> = this.#own): readonly Group[] {
    const { length } = this.request.slices
    const gaps = new Map<number, number[]>()
    for (const i of only) {
      const trial = Math.floor(i / length)
      const slices = gaps.get(trial)
      if (slices === undefined) gaps.set(trial, [i % length])
      else slices.push(i % length)
    }
    const groups = new Map<string, { trials: number[]; slices: readonly number[] }>()
    for (const [trial, slices] of gaps) {
      const name = slices.join()
      const group = groups.get(name)
      if (group === undefined) groups.set(name, { trials: [trial], slices })
      else group.trials.push(trial)
    }
    return [...groups.values()]
  }

  requestOf({ trials, slices }: Group): EvaluationRequest {
    const { request } = this
    if (trials.length === request.trials.length && slices.length === request.slices.length) return request
    const some = slices.length !== request.slices.length
    const part = (trial: TrialRef): TrialRef =>
      some && trial.resume !== undefined ? { ...trial, resume: slices.map((s) => trial.resume?.[s]) } : trial
    return {
      ...request,
      trials: trials.map((t) => part(request.trials[t])),
      slices: some ? slices.map((s) => request.slices[s]) : request.slices,
    }
  }

  /** Each slice's share of a trial's cost, by bars. */
  shares({ slices }: Group): readonly number[] {
    const bars = slices.map((s) => this.request.slices[s].end - this.request.slices[s].start)
    const total = bars.reduce((sum, n) => sum + n, 0)
    return bars.map((n) => (total === 0 ? 1 / bars.length : n / total))
  }

  evaluations(): readonly Evaluation[] {
    const { trials, slices, want } = this.request
    const answers: Evaluation[] = []
    for (let t = 0; t < trials.length; t++) {
      const failure = this.failures.get(t)
      if (failure !== undefined) {
        answers.push(failure)
        continue
      }
      const results: SliceResult[] = []
      let bars = 0
      let ms = 0
      for (let s = 0; s < slices.length; s++) {
        const solved = this.solved[this.index(t, s)]
        if (solved === undefined) break // the inside gave no answer: core names it
        results.push(trimmed(solved.stored, want))
        bars += solved.bars
        ms += solved.ms
      }
      if (results.length === slices.length)
        answers.push({ id: trials[t].id, cost: { bars: Math.round(bars), ms }, status: 'done', slices: results })
    }
    return answers
  }
}
