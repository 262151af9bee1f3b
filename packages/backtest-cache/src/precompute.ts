import { createEvaluate, NodeGraph, type Strategy } from '@tradewright/backtest'
import { type Bars, type Clock, type GraphProgram, type IndicatorStore, systemClock } from '@tradewright/core'
import type { SharedIndicatorStore } from './shared-indicator-store.ts'

/** Options of {@link precompute}. */
export interface PrecomputeOptions<P> {
  readonly bars: Bars
  /** What is filled. */
  readonly store: IndicatorStore | SharedIndicatorStore
  /** Which parameters to fill it for. @default every point of the strategy's space, which must then be a grid */
  readonly points?: Iterable<P> | undefined
  /** First bar that indicators see: the `warmupStart` of the slices to come. @default 0 */
  readonly warmupStart?: number | undefined
  /** Imports modules of users' indicators. @default the runtime's own `import()` */
  readonly load?: ((module: string) => Promise<unknown>) | undefined
  readonly signal?: AbortSignal | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
}

/** What {@link precompute} did. */
export interface PrecomputeReport {
  /** Points of the grid. */
  readonly points: number
  /** Points that together use every column: only these were run. */
  readonly run: number
  /** Columns that came into the store. */
  readonly columns: number
  /** Bytes the store holds now. */
  readonly bytes: number
  readonly ms: number
}

/** Operations whose columns no store keeps: a point that brings nothing else new need not be run. */
const CHEAP: ReadonlySet<string> = new Set(
  'timestamp open high low close volume constant always add sub mul div neg abs min max sqrt log exp pow sign floor gt gte eq ne and or xor not crossesAbove select lag lagBoolean count barsSince session timeframeBoolean'.split(
    ' ',
  ),
)

const POINTS_AT_ONCE = 20_000

/** Programs that together reach every node worth keeping. */
function cover(programs: readonly GraphProgram[]): readonly GraphProgram[] {
  if (programs.length === 0) return []
  const graph = NodeGraph.of(programs[0].table)
  const { ops } = programs[0].table
  const seen = new Uint8Array(graph.size)
  return programs.filter((program) => {
    const stack = Object.values(program.signals)
    for (const option of Object.values(program.simulation)) {
      const distance: unknown = typeof option === 'object' && option !== null && 'distance' in option && option.distance
      if (typeof distance === 'object' && distance !== null && 'node' in distance) stack.push(Number(distance.node))
    }
    let fresh = false
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (seen[node] === 1) continue
      seen[node] = 1
      if (!CHEAP.has(ops[node])) fresh = true
      for (const operand of graph.operands(node)) stack.push(operand)
    }
    return fresh
  })
}

/**
 * Computes every indicator that a grid of parameters uses, once, into a store that trials and workers share.
 *
 * @throws TradewrightError `BAD_SPACE` where the space is continuous and no points are given; the signal's reason.
 * @example
 * ```ts
 * const { columns, ms } = await precompute(smaCross, { bars, store: await sharedIndicatorStore() })
 * ```
 */
export async function precompute<P>(strategy: Strategy<P>, options: PrecomputeOptions<P>): Promise<PrecomputeReport> {
  const { bars, store, warmupStart = 0, load, clock = systemClock } = options
  const { points = strategy.space.enumerate(), signal = new AbortController().signal } = options
  const begun = clock.elapsed()
  const evaluate = createEvaluate({ resolve: () => bars, indicators: store, engine: 'plain', load })
  const before = store.stats()
  let total = 0
  let run = 0
  const fill = async (chunk: readonly P[]): Promise<void> => {
    const programs = cover(strategy.bind(chunk))
    total += chunk.length
    run += programs.length
    const data = bars.fingerprint
    await evaluate({
      trials: programs.map((program, id) => ({ id, program })),
      slices: [
        {
          id: 'all',
          symbol: bars.symbol,
          data,
          warmupStart,
          start: bars.length - 1,
          end: bars.length,
          weight: 1,
          final: true,
        },
      ],
      simulation: {},
      want: { state: false, returns: false, metrics: ['totalReturn'] },
      signal,
    })
  }
  let chunk: P[] = []
  for (const point of points) {
    chunk.push(point)
    if (chunk.length < POINTS_AT_ONCE) continue
    await fill(chunk)
    chunk = []
  }
  if (chunk.length > 0) await fill(chunk)
  const ms = clock.elapsed() - begun
  const { columns, bytes, evicted } = store.stats()
  const made = columns + evicted - before.columns - before.evicted
  if ('measured' in store && made > 0) store.measured(made, ms)
  return { points: total, run, columns: made, bytes, ms }
}
