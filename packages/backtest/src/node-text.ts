import type { NodeGraph } from './node-graph.ts'
import { Op } from './operation.ts'

/** A node as text, as in `crossesAbove(sma(close, 10), sma(close, 30))`; deep parts are cut to `...`. */
export function nodeText(graph: NodeGraph, node: number, depth = 6): string {
  const name = graph.table.ops[node]
  const constants = graph.constants(node)
  if (graph.code(node) === Op.constant || graph.code(node) === Op.always) return String(constants[0])
  if (depth === 0) return '...'
  const parts = graph.operands(node).map((operand) => nodeText(graph, operand, depth - 1))
  for (const constant of constants)
    parts.push(typeof constant === 'number' ? String(constant) : JSON.stringify(constant))
  return parts.length === 0 ? name : `${name}(${parts.join(', ')})`
}
