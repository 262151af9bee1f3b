import type { NodeGraph } from './node-graph.ts'
import { isCommutative, Op } from './operation.ts'

/** What an arithmetic or comparing operation gives for one bar: the one definition of each, for batch, stream and folding. */
export function applyUnary(code: number, a: number): number {
  switch (code) {
    case Op.neg:
      return -a
    case Op.abs:
      return Math.abs(a)
    case Op.sqrt:
      return Math.sqrt(a)
    case Op.log:
      return Math.log(a)
    case Op.exp:
      return Math.exp(a)
    case Op.sign:
      return Math.sign(a)
    case Op.floor:
      return Math.floor(a)
    default:
      return NaN
  }
}

/** As {@link applyUnary}, for two operands. Booleans are 0 and 1. */
export function applyBinary(code: number, a: number, b: number): number {
  switch (code) {
    case Op.add:
      return a + b
    case Op.sub:
      return a - b
    case Op.mul:
      return a * b
    case Op.div:
      return a / b
    case Op.pow:
      return a ** b
    case Op.min:
      return Math.min(a, b)
    case Op.max:
      return Math.max(a, b)
    case Op.gt:
      return a > b ? 1 : 0
    case Op.gte:
      return a >= b ? 1 : 0
    case Op.eq:
      return a === b ? 1 : 0
    case Op.ne:
      return a < b || a > b ? 1 : 0
    case Op.and:
      return a & b
    case Op.or:
      return a | b
    case Op.xor:
      return a ^ b
    default:
      return NaN
  }
}

/** Nodes that are the same on every bar, as a number; undefined for the others. */
function constantOf(graph: NodeGraph, node: number): number | undefined {
  const code = graph.code(node)
  if (code === Op.constant) return graph.constant(node, 0) as number
  if (code === Op.always) return graph.constant(node, 0) === true ? 1 : 0
  return undefined
}

const always = (graph: NodeGraph, value: boolean): number => graph.intern(Op.always, [], [value])

/** `x and true`, `x or x`, `not not x`: only rewritings that change no bit. Undefined where none applies. */
function simplerLogic(graph: NodeGraph, code: number, operands: readonly number[]): number | undefined {
  const [a, b] = operands
  if (code === Op.not) return graph.code(a) === Op.not ? graph.operand(a, 0) : undefined
  if (a === b) return code === Op.xor ? always(graph, false) : a
  const left = constantOf(graph, a)
  const right = constantOf(graph, b)
  const fixed = left ?? right
  if (fixed === undefined) return undefined
  const other = left === undefined ? a : b
  if (code === Op.and) return fixed === 1 ? other : always(graph, false)
  if (code === Op.or) return fixed === 1 ? always(graph, true) : other
  return fixed === 1 ? foldNode(graph, Op.not, [other]) : other
}

/**
 * The node for an operation, folded: operations on constants become constants, logic with constants becomes what it
 * is; operands of commutative operations are put in order, so that `a and b` and `b and a` are one node.
 */
export function foldNode(graph: NodeGraph, code: number, operands: readonly number[]): number {
  if (code === Op.select) {
    const condition = constantOf(graph, operands[0])
    if (condition !== undefined) return operands[condition === 1 ? 1 : 2]
    return operands[1] === operands[2] ? operands[1] : graph.intern(code, operands)
  }
  if (code === Op.barsSince) return graph.intern(code, operands)
  const a = constantOf(graph, operands[0])
  if (operands.length === 1) {
    if (a !== undefined)
      return code === Op.not ? always(graph, a === 0) : graph.intern(Op.constant, [], [applyUnary(code, a)])
    return (code === Op.not ? simplerLogic(graph, code, operands) : undefined) ?? graph.intern(code, operands)
  }
  if (a !== undefined || code === Op.and || code === Op.or || code === Op.xor) {
    const b = constantOf(graph, operands[1])
    if (a !== undefined && b !== undefined) {
      if (code === Op.crossesAbove) return always(graph, false)
      const value = applyBinary(code, a, b)
      return graph.kind(operands[0]) === 'boolean' || code >= Op.gt
        ? always(graph, value === 1)
        : graph.intern(Op.constant, [], [value])
    }
  }
  if (code === Op.and || code === Op.or || code === Op.xor) {
    const simpler = simplerLogic(graph, code, operands)
    if (simpler !== undefined) return simpler
  }
  return foldedPair(graph, code, operands[0], operands[1])
}

function foldedPair(graph: NodeGraph, code: number, a: number, b: number): number {
  return isCommutative(code) && a > b ? graph.internPair(code, b, a) : graph.internPair(code, a, b)
}

/** {@link foldNode} of two operands. */
export function foldPair(graph: NodeGraph, code: number, a: number, b: number): number {
  const plain = code !== Op.and && code !== Op.or && code !== Op.xor && constantOf(graph, a) === undefined
  return plain ? foldedPair(graph, code, a, b) : foldNode(graph, code, [a, b])
}
