import { createEvaluate } from '@tradewright/backtest'
import type { Bars, Clock, Evaluate, Fingerprint, IndicatorStore, Profiler } from '@tradewright/core'

/** The innermost evaluation of a system, and the bars that it may use. */
export interface Engine {
  readonly evaluate: Evaluate
  /** The bars that were lent under a fingerprint. */
  resolve(fingerprint: Fingerprint): Bars | undefined
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
  const resolve = (fingerprint: Fingerprint): Bars | undefined => known.get(fingerprint)?.bars
  const evaluate = createEvaluate({ resolve, indicators, clock })
  return {
    resolve,
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
