import type { Data, EngineState } from '@tradewright/core'
import { engineVersion } from './engine-version.ts'
import { isStateOf } from './run-slice.ts'

/** Numbers that the account kernels go on from. */
export const SUMS = 21

/** What a run on the fast path came to after its last closed trade: a longer run goes on from there. */
export interface FastSums {
  /** Which kernel the sums are of: see assembly/account.ts and assembly/holdings.ts. */
  readonly form: 'long' | 'holdings'
  /** The first bar whose signals were not looked at, or that came after the last closed trade. */
  readonly bar: number
  /** shape [{@link SUMS}]. */
  readonly sums: Float64Array
}

interface FastStateData {
  readonly start: number
  readonly fast?: FastSums
}

/**
 * A state of the fast path.
 *
 * @param start the run's first bar.
 * @param bar its last bar.
 * @param fast undefined where it cannot be continued: resuming it runs the slice from its start.
 */
export function fastEngineState(start: number, bar: number, fast: FastSums | undefined): EngineState {
  return { version: engineVersion, bar, data: { start, ...(fast === undefined ? {} : { fast }) } as unknown as Data }
}

/**
 * What a run over these bars can go on from; undefined where the state belongs to another run or is of the plain form, or
 * where no bar has come: the signals of the last one may have been acted on.
 */
export function fastStateOf(state: EngineState | undefined, start: number, end: number): FastSums | undefined {
  if (!isStateOf(state, start, end - 1)) return undefined
  const { fast } = state.data as unknown as FastStateData
  if (fast === undefined || fast.bar < start || fast.bar > state.bar + 1) return undefined
  return fast.sums instanceof Float64Array && fast.sums.length === SUMS ? fast : undefined
}
