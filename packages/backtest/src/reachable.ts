import type { GraphProgram } from '@tradewright/core'
import type { NodeGraph } from './node-graph.ts'
import { Op } from './operation.ts'

/**
 * The nodes that `roots` need, in ascending order, which is an order of computation.
 *
 * @param through whether to go into the operands of larger timeframes, which are computed on bars of their own.
 */
export function reachableNodes(graph: NodeGraph, roots: readonly number[], through: boolean): readonly number[] {
  const seen = new Set<number>()
  const stack = [...roots]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    const code = graph.code(node)
    if (!through && (code === Op.timeframe || code === Op.timeframeBoolean)) continue
    for (const operand of graph.operands(node)) stack.push(operand)
  }
  return [...seen].sort((a, b) => a - b)
}

/** Every node that a program names: its signals and the distances of its stops. */
export function programRoots(program: GraphProgram): readonly number[] {
  const roots = Object.values(program.signals)
  const { stopLoss, takeProfit, trailingStop } = program.simulation
  for (const stop of [stopLoss, takeProfit, trailingStop])
    if (typeof stop === 'object' && stop !== null) roots.push(stop.distance.node)
  return roots
}
