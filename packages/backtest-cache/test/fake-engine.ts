import {
  contentKey,
  type Evaluate,
  type Evaluation,
  type EvaluationRequest,
  type Program,
  type Slice,
  standardMetrics,
} from '@tradewright/core'

/** A program that the engine below understands. */
export function program(x: number): Program {
  return { kind: 'module', strategy: 's', module: 'm', export: 'e', version: '1', params: { x } }
}

export const programKey = (p: Program): string => contentKey(p)

export function slice(id: string, over: Partial<Slice> = {}): Slice {
  return {
    id,
    symbol: 'X',
    data: contentKey('data'),
    warmupStart: 0,
    start: 0,
    end: 100,
    weight: 1,
    final: true,
    ...over,
  }
}

export function request(xs: readonly number[], over: Partial<EvaluationRequest> = {}): EvaluationRequest {
  return {
    trials: xs.map((x, id) => ({ id, program: program(x) })),
    slices: [slice('a', { end: 50, final: false }), slice('b', { start: 50 })],
    simulation: { preset: 'reference' },
    want: { state: false, returns: false, metrics: 'standard' },
    signal: new AbortController().signal,
    ...over,
  }
}

/** A pure engine that counts what it is asked. */
export function countingEngine(ms: number = 10): Evaluate & { calls: EvaluationRequest[]; trials: number } {
  const evaluate = async (asked: EvaluationRequest): Promise<readonly Evaluation[]> => {
    asked.signal.throwIfAborted()
    evaluate.calls.push(asked)
    evaluate.trials += asked.trials.length
    await undefined
    const { slices, want } = asked
    const bars = slices.reduce((sum, s) => sum + s.end - s.start, 0)
    return asked.trials.map(({ id, program: p, resume }): Evaluation => {
      const x = p.kind === 'module' ? Number(p.params.x) : Number.NaN
      const cost = { bars, ms }
      if (x < 0)
        return { id, cost, status: 'failed', error: { code: 'TRIAL_FAILED', message: '[TRIAL_FAILED] x', details: {} } }
      return {
        id,
        cost,
        status: 'done',
        slices: slices.map((s, k) => {
          const names = typeof want.metrics === 'string' ? standardMetrics : want.metrics
          const carried = Number((resume?.[k]?.data as { sum?: number } | undefined)?.sum ?? 0)
          const value = (i: number): number =>
            i === 4 ? -0 : i === 7 ? Number.POSITIVE_INFINITY : Math.sin(x * s.end + i) + carried
          return {
            metrics: Object.fromEntries(names.map((name) => [name, value(standardMetrics.indexOf(name))])),
            moments: { count: s.end - s.start, mean: x, variance: Number.NaN, skew: -0, kurtosis: 3 },
            ...(want.state
              ? { state: { version: '1', bar: s.end - 1, data: { sum: x, map: new Map([['k', s.end]]) } } }
              : {}),
            ...(want.returns
              ? { returns: Float64Array.from({ length: s.end - s.start }, (_, i) => Math.cos(x + i)) }
              : {}),
          }
        }),
      }
    })
  }
  evaluate.calls = [] as EvaluationRequest[]
  evaluate.trials = 0
  return evaluate
}
