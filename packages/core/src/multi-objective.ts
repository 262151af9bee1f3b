import type { Direction } from './metrics.ts'
import type { FinishedTrial } from './trial.ts'

/** Whether `a` is at least as good as `b` everywhere and better somewhere. */
export function dominates(a: readonly number[], b: readonly number[], directions: readonly Direction[]): boolean {
  let better = false
  for (let i = 0; i < directions.length; i++) {
    const sign = directions[i] === 'maximize' ? 1 : -1
    const difference = sign * (a[i] - b[i])
    if (difference < 0 || Number.isNaN(difference)) return false
    if (difference > 0) better = true
  }
  return better
}

/** The trials that no other dominates, in trial order: with one objective, every trial that ties for the best. O(n^2). */
export function paretoFront(
  trials: readonly FinishedTrial[],
  directions: readonly Direction[],
): readonly FinishedTrial[] {
  const done = trials.filter((t) => t.status === 'done' && (t.violation ?? 0) <= 0 && !t.values.some(Number.isNaN))
  return done.filter((t) => !done.some((other) => dominates(other.values, t.values, directions)))
}
