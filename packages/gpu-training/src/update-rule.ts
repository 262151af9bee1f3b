import type { VectorOps } from './vector-ops.ts'

/** One parameter at one step. Arrays are written in place; nothing is kept. */
export interface ParameterStep {
  /** Number of the step, from 1. */
  readonly step: number
  readonly rate: number
  /** Whether weight decay is meant for this parameter, times the group's factor. */
  readonly decay: number
  readonly value: Float32Array
  /** May be overwritten. */
  readonly gradient: Float32Array
  /** The rule's arrays, in the order of its `slots`. */
  readonly slots: readonly Float32Array[]
  /** The rule's numbers, as many as its `scalars`. */
  readonly scalars: Float64Array
  readonly ops: VectorOps
}

/**
 * How parameters follow their gradients. A rule holds nothing: its state is the caller's arrays, keyed by the names of
 * parameter and slot, so it can be saved, restored and moved.
 */
export interface UpdateRule {
  readonly name: string
  /** Names of the arrays, of the parameter's size, that it keeps per parameter; they begin at zero. */
  readonly slots: readonly string[]
  /** How many numbers it keeps per parameter; they begin at zero. @default 0 */
  readonly scalars?: number | undefined
  /** Its numbers, for a checkpoint to be compared by. */
  readonly options: Readonly<Record<string, number | boolean | string>>
  update(step: ParameterStep): void
  /**
   * For rules that take the gradient elsewhere (SAM): moves the parameters there, given those at hand. The trainer then
   * computes the gradients again, and `update` moves back before it updates.
   */
  ascend?(steps: readonly ParameterStep[]): void
}
