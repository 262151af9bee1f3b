import { type EvaluationRequest, type MetricName, type SliceResult, standardMetrics } from '@tradewright/core'
import type { StoredSlice } from './slice-codec.ts'

type Want = EvaluationRequest['want']

/** Whether nothing of the metrics is wanted: then there is nothing to look up. */
export const emptyWant = (want: Want): boolean => typeof want.metrics !== 'string' && want.metrics.length === 0

/** Whether an entry has what is asked for. */
export function suffices({ result, asked }: StoredSlice, want: Want): boolean {
  if (want.state && result.state === undefined) return false
  if (want.returns && result.returns === undefined) return false
  if (want.metrics === 'all') return asked === 'all'
  if (want.metrics === 'standard') return asked === 'all' || asked === 'standard'
  return want.metrics.every((name) => result.metrics[name] !== undefined)
}

/** Only what was asked for, so that an answer is the same whatever else an entry holds. */
export function trimmed({ result, asked }: StoredSlice, want: Want): SliceResult {
  const { metrics, moments, state, returns } = result
  const names = want.metrics === 'standard' && asked !== 'standard' ? standardMetrics : want.metrics
  return {
    metrics: typeof names === 'string' ? metrics : picked(metrics, names),
    ...(moments === undefined ? {} : { moments }),
    ...(want.state && state !== undefined ? { state } : {}),
    ...(want.returns && returns !== undefined ? { returns } : {}),
  }
}

function picked(metrics: SliceResult['metrics'], names: readonly MetricName[]): SliceResult['metrics'] {
  const some: Partial<Record<MetricName, number>> = {}
  for (const name of names) {
    const value = metrics[name]
    if (value !== undefined) some[name] = value
  }
  return some
}

/** An entry that lacked something, and what was computed in its place: together they lack less. */
export function merged(old: StoredSlice | undefined, fresh: StoredSlice): StoredSlice {
  if (old === undefined) return fresh
  const rank = { standard: 1, all: 2 } as const
  const asked = [old.asked, fresh.asked].reduce((a, b) => {
    if (typeof a !== 'string') return b
    return typeof b === 'string' && rank[b] > rank[a] ? b : a
  })
  return {
    asked,
    costMs: Math.max(old.costMs, fresh.costMs),
    result: { ...old.result, ...fresh.result, metrics: { ...old.result.metrics, ...fresh.result.metrics } },
  }
}

/** The same result with returns of its own: each caller may write to what it gets. */
export function copied(stored: StoredSlice): StoredSlice {
  const { returns } = stored.result
  return returns === undefined ? stored : { ...stored, result: { ...stored.result, returns: returns.slice() } }
}
