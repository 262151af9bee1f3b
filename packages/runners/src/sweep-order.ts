import type { ProgramList } from '@tradewright/backtest'

const SIGNALS = 4

/** Nodes with parameters right above the bars' columns (an `sma(close, 20)`). */
function isIndicator({ graph }: ProgramList, node: number): boolean {
  const operands = graph.operandCount(node)
  if (operands === 0 || graph.start[node + 1] - graph.start[node] === 2 + operands) return false
  for (let k = 0; k < operands; k++) if (graph.operandCount(graph.operand(node, k)) > 0) return false
  return true
}

/** The indicators of a program, in the order they are met. */
function indicators(list: ProgramList, program: number, seen: Int32Array): readonly number[] {
  const { graph, nodes } = list
  const found: number[] = []
  const stack: number[] = []
  for (let k = SIGNALS - 1; k >= 0; k--) {
    const node = nodes[program * SIGNALS + k]
    if (node >= 0) stack.push(node)
  }
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen[node] === program + 1) continue
    seen[node] = program + 1
    if (isIndicator(list, node)) found.push(node)
    for (let k = graph.operandCount(node) - 1; k >= 0; k--) stack.push(graph.operand(node, k))
  }
  return found
}

/** Programs an indicator: above it what several workers compute twice is lost in the rest. */
const PROGRAMS_PER_INDICATOR = 10

/** Whether programs share their indicators so much that it does not matter which worker takes which. */
export function sharesMuch(list: ProgramList): boolean {
  return countIndicators(list) * PROGRAMS_PER_INDICATOR <= list.length
}

/** Indicator columns that a worker holds, in bytes. */
const MOST_COLUMN_BYTES = 1024 * 1024 * 1024

/** Whether a worker can hold the columns of all of a list's indicators over so many bars. */
export function fitsWorker(list: ProgramList, bars: number): boolean {
  return countIndicators(list) * bars * Float64Array.BYTES_PER_ELEMENT <= MOST_COLUMN_BYTES
}

/** How many different indicators a list has. */
function countIndicators(list: ProgramList): number {
  let count = 0
  for (let node = 0; node < list.graph.size; node++) if (isIndicator(list, node)) count++
  return count
}

/**
 * An order of programs in which neighbours share indicators, so that workers that take a run of it each compute fewer:
 * by the place in the strategy that has the most distinct ones. Any order gives the same results.
 *
 * @returns indexes of programs; the list's own order where nothing is shared or everything is.
 */
export function sharingOrder(list: ProgramList): Uint32Array {
  const order = Uint32Array.from({ length: list.length }, (_, i) => i)
  const seen = new Int32Array(list.graph.size)
  const places = Array.from(order, (program) => indicators(list, program, seen))
  let best = -1
  let most = 1
  const width = Math.max(0, ...places.slice(0, 64).map((nodes) => nodes.length))
  for (let place = 0; place < width; place++) {
    const distinct = new Set(places.map((nodes) => nodes[place])).size
    if (distinct > most && distinct < list.length) {
      most = distinct
      best = place
    }
  }
  if (best === -1) return order
  return order.sort((a, b) => (places[a][best] ?? -1) - (places[b][best] ?? -1) || a - b)
}
