import { programKey } from '@tradewright/backtest'
import type { EngineState, Evaluation, EvaluationRequest, Key, Slice, SliceResult, TrialRef } from '@tradewright/core'

/** How far a trial has come on a slice. */
interface Reached {
  readonly end: number
  readonly final: boolean
  readonly result: SliceResult
}

/** Of one trial: what it was, and how far it came on each slice by the slice's beginning. */
interface Remembered {
  readonly program: Key
  readonly slices: Map<string, Reached>
}

const beginning = ({ symbol, data, warmupStart, start }: Slice): string => `${symbol} ${data} ${warmupStart} ${start}`

/** Remembers how far waiting trials have come, so that no later stage evaluates their bars again. */
export class StageMemory {
  readonly #trials = new Map<number, Remembered>()

  /** Trials remembered. */
  get size(): number {
    return this.#trials.size
  }

  clear(): void {
    this.#trials.clear()
  }

  forget(trial: number): void {
    this.#trials.delete(trial)
  }

  /** What is known of a trial under this program; another program under the same number is another trial. */
  #of({ id, program }: TrialRef): Remembered | undefined {
    const known = this.#trials.get(id)
    return known !== undefined && known.program === programKey(program) ? known : undefined
  }

  /** The finished result of a whole slice, where an earlier stage gave it. */
  finished(trial: TrialRef, slice: Slice, want: EvaluationRequest['want']): SliceResult | undefined {
    const reached = this.#of(trial)?.slices.get(beginning(slice))
    if (reached === undefined || reached.end !== slice.end || reached.final !== slice.final) return undefined
    return want.returns && reached.result.returns === undefined ? undefined : reached.result
  }

  /** The state to continue a slice from. */
  state(trial: TrialRef, slice: Slice): EngineState | undefined {
    const reached = this.#of(trial)?.slices.get(beginning(slice))
    return reached !== undefined && reached.end <= slice.end ? reached.result.state : undefined
  }

  remember(trial: TrialRef, slices: readonly Slice[], evaluation: Extract<Evaluation, { status: 'done' }>): void {
    let known = this.#of(trial)
    if (known === undefined) {
      known = { program: programKey(trial.program), slices: new Map() }
      this.#trials.set(trial.id, known)
    }
    for (const [i, slice] of slices.entries())
      known.slices.set(beginning(slice), { end: slice.end, final: slice.final, result: evaluation.slices[i] })
  }
}
