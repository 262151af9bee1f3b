import type { Bars, EngineState, EvaluationRequest, GraphProgram, NodeRef, SimulationOptions } from '@tradewright/core'

/** What a request asks for, of one slice. */
export interface OneSlice {
  readonly start: number
  readonly end: number
  readonly final?: boolean
  readonly state?: boolean
  readonly returns?: boolean
  readonly resume?: EngineState | undefined
}

/** Makes requests of one trial over one slice. */
export function createEvaluateRequest(
  bars: Bars,
  program: GraphProgram,
  simulation: SimulationOptions<NodeRef>,
): (slice: OneSlice) => EvaluationRequest {
  return ({ start, end, final = true, state = false, returns = false, resume }) => ({
    trials: [{ id: 7, program, ...(resume === undefined ? {} : { resume: [resume] }) }],
    slices: [{ id: 's', symbol: '', data: bars.fingerprint, warmupStart: 0, start, end, weight: 1, final }],
    simulation,
    want: { state, returns, metrics: 'all' },
    signal: new AbortController().signal,
  })
}
