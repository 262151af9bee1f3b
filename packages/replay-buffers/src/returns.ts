import type { ColumnArray } from './dtype.ts'
import { ROW } from './row-index.ts'
import type { OutColumn } from './row-store.ts'

/** n-step returns in Float64, rounded once. Places after a window's end are zeros already. */
export function sumWindows(rewards: ColumnArray, rows: number, n: number, gamma: number, out: ColumnArray): void {
  for (let k = 0; k < rows; k++) {
    let sum = 0
    let weight = 1
    for (let m = 0; m < n; m++) {
      sum += weight * rewards[k * n + m]
      weight *= gamma
    }
    out[k] = sum
  }
}

/** What lambda-returns are computed from: windows of `horizon` slots, -1 after their end, with rewards and values. */
export interface LambdaWindows {
  readonly window: Int32Array
  readonly rewards: OutColumn
  readonly values: OutColumn
  readonly flags: Uint8Array
  readonly rows: number
  readonly horizon: number
  readonly gamma: number
  readonly lambda: number
}

/** G(t) = r + gamma ((1 - lambda) V' + lambda G(t + 1)), in Float64, from the end of each window backwards. */
export function lambdaReturns(given: LambdaWindows, out: ColumnArray): void {
  const { window, rewards, values, flags, rows, horizon, gamma, lambda } = given
  for (let k = 0; k < rows; k++) {
    let total = 0
    let last = true
    for (let m = horizon - 1; m >= 0; m--) {
      const at = k * horizon + m
      if (window[at] < 0) continue
      const ended = (flags[window[at]] & ROW.TERMINATED) !== 0
      const value = values.array[at]
      const tail = ended ? 0 : last ? value : (1 - lambda) * value + lambda * total
      total = rewards.array[at] + gamma * tail
      last = false
    }
    out[k] = total
  }
}
