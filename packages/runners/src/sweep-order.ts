import type { GraphProgram, NodeTable } from '@tradewright/core'

/** Nodes with parameters right above the bars' columns (an `sma(close, 20)`), in the order they are met. */
function indicators(program: GraphProgram, table: NodeTable, seen: Int32Array, mark: number): readonly number[] {
  const found: number[] = []
  const stack = Object.values(program.signals)
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen[node] === mark) continue
    seen[node] = mark
    const operands = table.inputs[node]
    const leaf = operands.length > 0 && operands.every((operand) => table.inputs[operand].length === 0)
    if (leaf && table.constants[node].length > 0) found.push(node)
    for (let k = operands.length - 1; k >= 0; k--) stack.push(operands[k])
  }
  return found
}

/** Programs an indicator: above it what several workers compute twice is lost in the rest. */
const PROGRAMS_PER_INDICATOR = 10

/** Whether programs share their indicators so much that it does not matter which worker takes which. */
export function sharesMuch(programs: readonly GraphProgram[]): boolean {
  const [{ table }] = programs
  let indicators = 0
  for (let node = 0; node < table.ops.length; node++) {
    const operands = table.inputs[node]
    const leaf = operands.length > 0 && operands.every((operand) => table.inputs[operand].length === 0)
    if (leaf && table.constants[node].length > 0) indicators++
  }
  return indicators * PROGRAMS_PER_INDICATOR <= programs.length
}

/**
 * An order of programs in which neighbours share indicators, so that workers that take a run of it each compute fewer:
 * by the place in the strategy that has the most distinct ones. Any order gives the same results.
 *
 * @returns indexes of `programs`; the list's own order where nothing is shared or everything is.
 */
export function sharingOrder(programs: readonly GraphProgram[]): readonly number[] {
  const order = programs.map((_, i) => i)
  if (programs.length === 0) return order
  const { table } = programs[0]
  const seen = new Int32Array(table.ops.length)
  const places = programs.map((program, i) => indicators(program, table, seen, i + 1))
  let best = -1
  let most = 1
  const width = Math.max(...places.slice(0, 64).map((nodes) => nodes.length))
  for (let place = 0; place < width; place++) {
    const distinct = new Set(places.map((nodes) => nodes[place])).size
    if (distinct > most && distinct < programs.length) {
      most = distinct
      best = place
    }
  }
  if (best === -1) return order
  return order.sort((a, b) => (places[a][best] ?? -1) - (places[b][best] ?? -1) || a - b)
}
