import { TradewrightError } from '@tradewright/core'
import { checkInteger, checkNumber } from './dtype.ts'

/**
 * How steps become elements of a sample: plain data, made by {@link nStep}, {@link frameStack}, {@link lambdaReturns},
 * {@link sequences} and {@link episodes}.
 */
export interface Accumulator {
  readonly kind: 'step' | 'sequence' | 'episode'
  /** Rewards in a return, at most. */
  readonly n: number
  /** Discount a step. */
  readonly gamma: number
  /** Observations stacked; 1 stacks none. */
  readonly frames: number
  /** What stands for frames before the episode's first. */
  readonly pad: 'zero' | 'repeat'
  /** Rows to train on in an element. */
  readonly length: number
  /** Rows before them that only warm a recurrent state up. */
  readonly burnIn: number
  /** Rows from one element's first to the next one's. */
  readonly stride: number
  /** Lambda-returns over `horizon` steps, from the column that holds the value of the next state. */
  readonly lambda?: { readonly lambda: number; readonly horizon: number; readonly nextValue: string }
}

const STEP: Accumulator = Object.freeze({
  kind: 'step',
  n: 1,
  gamma: 0.99,
  frames: 1,
  pad: 'zero',
  length: 1,
  burnIn: 0,
  stride: 1,
})

/** Options of {@link nStep}. */
export interface NStepOptions {
  /** Rewards in a return, an integer from 1 to 10,000. @default 1 */
  readonly n?: number
  /** Discount a step, from 0 to 1. @default 0.99 */
  readonly gamma?: number
}

/**
 * Returns over n steps: `reward` is the sum of gamma^i r(t+i) over the m <= n steps up to the end of the episode,
 * `nextObs` the observation after them and `discount` gamma^m, 0 where the last of them terminated. A truncation
 * bootstraps from the true last observation. Steps whose window is not complete yet are not drawn.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Sutton and Barto (2018), Reinforcement Learning, section 7.1.
 */
export function nStep(options: NStepOptions = {}): Accumulator {
  const { n = 1, gamma = 0.99 } = options
  checkInteger('n', n, 1, 10_000)
  checkNumber('gamma', gamma, 0, 1)
  return Object.freeze({ ...STEP, n, gamma })
}

/** Options of {@link frameStack}. */
export interface FrameStackOptions {
  /** Observations a stack, an integer from 1 to 1,000. @default 4 */
  readonly frames?: number
  /** What stands for frames before the episode's first: zeros, or that first frame. @default 'zero' */
  readonly pad?: 'zero' | 'repeat'
  /** What the stacks are used in. @default nStep() */
  readonly of?: Accumulator
}

/**
 * Stacks of the last `frames` observations, oldest first, in `obs` and `nextObs`. Each frame is stored once; stacks
 * never reach into another episode. In a full buffer the steps whose oldest frame is overwritten are not drawn.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Mnih et al. (2015), Nature 518; padding as in Dopamine ('zero') or in Gym's FrameStack ('repeat').
 */
export function frameStack(options: FrameStackOptions = {}): Accumulator {
  const { frames = 4, pad = 'zero', of = nStep() } = options
  checkInteger('frames', frames, 1, 1000)
  if (pad !== 'zero' && pad !== 'repeat')
    throw new TradewrightError('BAD_OPTION', `pad must be 'zero' or 'repeat', was '${String(pad)}'`, { pad })
  return Object.freeze({ ...of, frames, pad })
}

/** Options of {@link lambdaReturns}. */
export interface LambdaReturnsOptions {
  /** Weight of longer returns, from 0 (one step) to 1 (all steps). @default 0.95 */
  readonly lambda?: number
  /** Discount a step, from 0 to 1. @default 0.99 */
  readonly gamma?: number
  /** Steps after which the return bootstraps, an integer from 1 to 10,000. @default 16 */
  readonly horizon?: number
  /** The column that holds V(s') of each step, at a truncation that of `finalObs`. @default 'nextValue' */
  readonly nextValue?: string
}

/**
 * Adds `lambdaReturn` to one-step elements: G(t) = r(t) + gamma ((1 - lambda) V(t+1) + lambda G(t+1)), with
 * G(t) = r(t) + gamma V(t+1) at the last step of the window (horizon or truncation) and r(t) at a termination.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Sutton and Barto (2018), equation 12.20, cut at the horizon.
 */
export function lambdaReturns(options: LambdaReturnsOptions = {}): Accumulator {
  const { lambda = 0.95, gamma = 0.99, horizon = 16, nextValue = 'nextValue' } = options
  checkNumber('lambda', lambda, 0, 1)
  checkNumber('gamma', gamma, 0, 1)
  checkInteger('horizon', horizon, 1, 10_000)
  return Object.freeze({ ...STEP, gamma, lambda: { lambda, horizon, nextValue } })
}

/** Options of {@link sequences}. */
export interface SequencesOptions extends NStepOptions {
  /** Rows to train on, an integer from 1 to 100,000. @default 80 */
  readonly length?: number
  /** Rows before them, an integer from 0 to 100,000. @default 40 */
  readonly burnIn?: number
  /** Rows from one sequence's first trained row to the next one's; below `length` they overlap. @default length / 2 */
  readonly stride?: number
}

/**
 * Sequences of `burnIn + length` rows within one episode. The trained parts begin at every `stride`-th step of an
 * episode; the burn-in is what comes before in the same episode. Rows that an episode does not have are zeros, with
 * 0 in `present`; `train` is 1 where a row is there and after the burn-in.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Kapturowski et al. (2019), "Recurrent experience replay in distributed reinforcement learning" (R2D2). Ours
 *   trains on an episode's first steps too, with a padded burn-in.
 */
export function sequences(options: SequencesOptions = {}): Accumulator {
  const { length = 80, burnIn = 40, n = 1, gamma = 0.99 } = options
  checkInteger('length', length, 1, 100_000)
  const { stride = Math.max(1, Math.floor(length / 2)) } = options
  checkInteger('burnIn', burnIn, 0, 100_000)
  checkInteger('stride', stride, 1, 100_000)
  return Object.freeze({ ...nStep({ n, gamma }), kind: 'sequence', length, burnIn, stride })
}

/** Options of {@link episodes}. */
export interface EpisodesOptions extends NStepOptions {
  /** Rows of an element; longer episodes come in parts of this length. An integer from 1 to 1,000,000. */
  readonly maxLength: number
}

/**
 * Whole episodes, drawn once they have ended, padded with zeros to `maxLength` (see `present`).
 *
 * @throws TradewrightError `BAD_OPTION`.
 */
export function episodes(options: EpisodesOptions): Accumulator {
  const { maxLength, n = 1, gamma = 0.99 } = options
  checkInteger('maxLength', maxLength, 1, 1_000_000)
  return Object.freeze({ ...nStep({ n, gamma }), kind: 'episode', length: maxLength, stride: maxLength })
}

/** Rows of one element. */
export function elementRows(accumulator: Accumulator): number {
  return accumulator.burnIn + accumulator.length
}

/** Rows after an element's last trained row that must be there (unless the episode ends before). */
export function rowsAhead(accumulator: Accumulator): number {
  return Math.max(accumulator.n, accumulator.lambda?.horizon ?? 1)
}

/** Rows before an element's first trained row that it may reach. */
export function rowsBehind(accumulator: Accumulator): number {
  return accumulator.burnIn + accumulator.frames - 1
}
