import { createEvaluate } from '@tradewright/backtest'
import type { Bars, Clock, Evaluate, Evaluation, Fingerprint, IndicatorStore, Profiler } from '@tradewright/core'

/** The innermost evaluation of a system, and the bars that it may use. */
export interface Engine {
  readonly evaluate: Evaluate
  /** Makes bars known by their fingerprints until the returned function is called. */
  lend(bars: readonly Bars[]): () => void
}

/** What {@link createEngine} runs on. */
export interface EngineOptions {
  readonly indicators: IndicatorStore
  readonly profiler: Profiler | undefined
  readonly clock: Clock
}

/** The engine of a system: runs what no optimizer answered, in line. */
export function createEngine({ indicators, profiler, clock }: EngineOptions): Engine {
  const known = new Map<Fingerprint, { readonly bars: Bars; loans: number }>()
  const evaluate = alikeHoweverAsked(
    createEvaluate({ resolve: (fingerprint) => known.get(fingerprint)?.bars, indicators, clock }),
  )
  return {
    evaluate: profiler === undefined ? evaluate : (request) => profiler.span('engine', () => evaluate(request)),
    lend(bars) {
      for (const each of bars) {
        const entry = known.get(each.fingerprint)
        if (entry === undefined) known.set(each.fingerprint, { bars: each, loans: 1 })
        else entry.loans++
      }
      return () => {
        for (const { fingerprint } of bars) {
          const entry = known.get(fingerprint)
          if (entry !== undefined && --entry.loans === 0) known.delete(fingerprint)
        }
      }
    },
  }
}

/**
 * Metrics and moments that do not depend on what else is asked for.
 *
 * The engine's fast path gives no returns and no states, and its metrics equal the plain path's within 1e-12, not to the
 * last bit. A cached result must be what would have been computed, so metrics always come from the same path.
 */
function alikeHoweverAsked(evaluate: Evaluate): Evaluate {
  return async (request) => {
    const { want } = request
    const full = await evaluate(request)
    if (!want.returns && !want.state) return full
    const bare = await evaluate({ ...request, want: { ...want, returns: false, state: false } })
    const byId = new Map(bare.map((evaluation) => [evaluation.id, evaluation]))
    return full.map((evaluation) => withMetricsOf(evaluation, byId.get(evaluation.id)))
  }
}

function withMetricsOf(full: Evaluation, bare: Evaluation | undefined): Evaluation {
  if (full.status !== 'done' || bare?.status !== 'done') return full
  const slices = full.slices.map((slice, s) => {
    const { metrics, moments } = bare.slices[s]
    return { ...slice, metrics, ...(moments === undefined ? {} : { moments }) }
  })
  return { ...full, slices }
}
