import { appendFileSync, existsSync, readFileSync } from 'node:fs'

/** What one study found. */
export interface SearchResult {
  readonly f: string
  readonly sampler: string
  readonly seed: number
  /** Best value of the first 100 trials. */
  readonly at100: number
  /** Best value of all trials. */
  readonly value: number
  /** Milliseconds a trial, the function's own included. */
  readonly ms: number
}

/** Results of studies, in memory and, where a file is named, one line a study there: a run that was stopped goes on. */
export class SearchResults {
  readonly #file: string | undefined
  readonly #byKey = new Map<string, SearchResult>()

  constructor(file: string | undefined) {
    this.#file = file
    if (file === undefined || !existsSync(file)) return
    for (const line of readFileSync(file, 'utf8').split('\n'))
      if (line !== '') this.#keep(JSON.parse(line) as SearchResult)
  }

  #keep(result: SearchResult): void {
    this.#byKey.set(`${result.f}|${result.sampler}|${result.seed}`, result)
  }

  has(f: string, sampler: string, seed: number): boolean {
    return this.#byKey.has(`${f}|${sampler}|${seed}`)
  }

  add(result: SearchResult): void {
    this.#keep(result)
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(result)}\n`)
  }

  /** Those of one function and sampler, by seed. */
  of(f: string, sampler: string, seeds: number): readonly SearchResult[] {
    return [...this.#byKey.values()]
      .filter((r) => r.f === f && r.sampler === sampler && r.seed < seeds)
      .sort((a, b) => a.seed - b.seed)
  }
}
