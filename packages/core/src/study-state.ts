import type { Data } from './data.ts'
import { TradewrightError } from './error.ts'
import { contentKey } from './key.ts'
import type { StoredGeneration, StudyHeader, StudyStore } from './study-store.ts'
import type { FinishedTrial, PausedTrial } from './trial.ts'

/** Creates a study; what another process has made of it by now, where that was quicker. */
async function createOrLoad(store: StudyStore, header: StudyHeader): ReturnType<StudyStore['load']> {
  try {
    await store.create(header)
    return undefined
  } catch (error) {
    if (!(error instanceof TradewrightError && error.code === 'DUPLICATE_NAME')) throw error
    return store.load(header.name)
  }
}

/** What a study holds between two generations: the only state of the study loop, and exactly what a store keeps. */
export class StudyState {
  readonly header: StudyHeader
  readonly store: StudyStore
  /** Finished trials in the order of their numbers. Grows in place, only between generations. */
  readonly trials: FinishedTrial[] = []
  paused: readonly PausedTrial[] = []
  nextTrial = 0
  generation = 0
  /** State of the sampler after the last generation. */
  sampler: Data | undefined

  private constructor(header: StudyHeader, store: StudyStore) {
    this.header = header
    this.store = store
  }

  /**
   * Opens a study: resumes what the store holds under this name, or creates it.
   *
   * @throws TradewrightError `STUDY_CONFLICT` where the stored study has another space, seed, sampler, ...
   */
  static async open(store: StudyStore, header: StudyHeader): Promise<StudyState> {
    const state = new StudyState(header, store)
    const stored = (await store.load(header.name)) ?? (await createOrLoad(store, header))
    if (stored === undefined) return state
    for (const field of ['space', 'directions', 'seed', 'sampler', 'generationSize', 'content'] as const) {
      const [was, is] = [stored.header[field], header[field]]
      if (contentKey(was) !== contentKey(is))
        throw new TradewrightError(
          'STUDY_CONFLICT',
          `study '${header.name}' can be resumed only with the ${field} it was begun with (${String(was)}), was ${String(is)}; give it another name or the old settings`,
          { study: header.name, field, stored: was, given: is },
        )
    }
    for (const generation of stored.generations) state.#take(generation)
    return state
  }

  #take(stored: StoredGeneration): void {
    const last = this.trials.at(-1)
    this.trials.push(...stored.finished)
    // Trials that waited at a rung finish after younger ones: back into the order of their numbers.
    if (last !== undefined && stored.finished.length > 0 && stored.finished[0].number < last.number)
      this.trials.sort((a, b) => a.number - b.number)
    this.paused = stored.paused
    this.nextTrial = stored.nextTrial
    this.generation = stored.generation + 1
    this.sampler = stored.sampler
  }

  /** Stores a generation, then makes it part of the state. */
  async commit(generation: Omit<StoredGeneration, 'generation'>): Promise<void> {
    const stored = { ...generation, generation: this.generation }
    await this.store.append(this.header.name, stored)
    this.#take(stored)
  }
}
