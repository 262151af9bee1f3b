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

/**
 * The way from a root to a node, as text: `entry > and > crossesAbove > sma(close, 10)`.
 *
 * @param name of the root: a signal or a stop.
 */
export function nodePath(graph: NodeGraph, name: string, root: number, node: number): string {
  const from = new Map<number, number>([[root, -1]])
  const queue = [root]
  for (let at = 0; at < queue.length && !from.has(node); at++)
    for (const operand of graph.operands(queue[at])) {
      if (from.has(operand)) continue
      from.set(operand, queue[at])
      queue.push(operand)
    }
  const steps = [nodeText(graph, node)]
  for (let at = from.get(node) ?? -1; at >= 0; at = from.get(at) ?? -1) steps.unshift(graph.table.ops[at])
  const shown = steps.length > 8 ? [...steps.slice(0, 3), '...', ...steps.slice(-4)] : steps
  return [name, ...shown].join(' > ')
}
