import { TradewrightError } from '@tradewright/core'
import type { NodeGraph } from './node-graph.ts'

let current: NodeGraph | undefined

/** Runs `body` with `graph` as the one that builders without a source column (`ta.atr(14)`, `hour()`) add to. */
export function withGraph<T>(graph: NodeGraph, body: () => T): T {
  const outer = current
  current = graph
  try {
    return body()
  } finally {
    current = outer
  }
}

/** The graph that is being bound. @throws TradewrightError `BAD_STRATEGY` outside of `signals` and `simulate`. */
export function currentGraph(builder: string): NodeGraph {
  if (current === undefined)
    throw new TradewrightError('BAD_STRATEGY', `${builder} may only be called while signals or simulate runs`, {
      builder,
    })
  return current
}
