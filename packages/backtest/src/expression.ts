import { TradewrightError } from '@tradewright/core'
import { foldNode, foldPair } from './fold.ts'
import type { NodeGraph } from './node-graph.ts'
import { Op } from './operation.ts'

/**
 * A symbolic column of numbers: what `signals` and `simulate` compute with. It has no value of its own; each method
 * gives a new expression. NaN stands for "no value yet". An expression lives only in the binding it was made in.
 */
export interface Expr {
  readonly kind: 'value'
  /** This above other. False where one is NaN, as every comparison. */
  gt(other: Expr | number): BooleanExpr
  lt(other: Expr | number): BooleanExpr
  gte(other: Expr | number): BooleanExpr
  lte(other: Expr | number): BooleanExpr
  eq(other: Expr | number): BooleanExpr
  /** Unlike: false where one is NaN. */
  ne(other: Expr | number): BooleanExpr
  add(other: Expr | number): Expr
  sub(other: Expr | number): Expr
  mul(other: Expr | number): Expr
  div(other: Expr | number): Expr
  pow(other: Expr | number): Expr
  /** The smaller of both; NaN where one is NaN. */
  min(other: Expr | number): Expr
  /** The larger of both; NaN where one is NaN. */
  max(other: Expr | number): Expr
  neg(): Expr
  abs(): Expr
  sqrt(): Expr
  /** Natural logarithm. */
  log(): Expr
  exp(): Expr
  sign(): Expr
  floor(): Expr
  /** The value `bars` bars before; NaN on the first `bars` bars. @param bars integer >= 0. @default 1 */
  lag(bars?: number): Expr
  /** This[i] > other[i] and this[i - 1] <= other[i - 1]; false where any of the four is NaN. */
  crossesAbove(other: Expr | number): BooleanExpr
  /** This[i] < other[i] and this[i - 1] >= other[i - 1]; false where any of the four is NaN. */
  crossesBelow(other: Expr | number): BooleanExpr
  /** The value this had on the `nth` last bar (0: the last) where `condition` was true; NaN before. @default 0 */
  valueWhen(condition: BooleanExpr, nth?: number): Expr
}

/** A symbolic column of true and false. */
export interface BooleanExpr {
  readonly kind: 'boolean'
  and(other: BooleanExpr | boolean): BooleanExpr
  or(other: BooleanExpr | boolean): BooleanExpr
  xor(other: BooleanExpr | boolean): BooleanExpr
  not(): BooleanExpr
  /** What it was `bars` bars before; false on the first `bars` bars. @param bars integer >= 0. @default 1 */
  lag(bars?: number): BooleanExpr
  /** Number of true bars among the last `bars`, this one included. @param bars integer >= 1. */
  count(bars: number): Expr
  /** Bars since it was last true: 0 where it is; NaN before it ever was. */
  barsSince(): Expr
  /** `then` where true, else `otherwise`. */
  where(then: Expr | number, otherwise: Expr | number): Expr
}

/** Any symbolic column. */
export type AnyExpr = Expr | BooleanExpr

function coercion(): never {
  throw new TradewrightError(
    'BAD_STRATEGY',
    'columns are symbolic and have no value while signals runs: use methods (close.gt(10), a.and(b), a.add(b)) instead of operators, if and ===',
  )
}

function shown(value: unknown): string {
  if (value instanceof NodeExpr) return `a ${value.kind === 'value' ? 'column of numbers' : 'condition'}`
  return typeof value === 'function' || typeof value === 'symbol' ? typeof value : JSON.stringify(value)
}

function checkBars(method: string, bars: number, least: number): void {
  if (!Number.isSafeInteger(bars) || bars < least)
    throw new TradewrightError('BAD_OPTION', `${method} takes a whole number of bars >= ${least}, was ${bars}`, {
      bars,
    })
}

/** What both kinds of expression share: a node of a graph. */
class NodeExpr {
  readonly #graph: NodeGraph
  readonly #node: number

  constructor(graph: NodeGraph, node: number) {
    this.#graph = graph
    this.#node = node
  }

  get kind(): 'value' | 'boolean' {
    return 'value'
  }

  /** The node of `other` in `graph`. */
  static node(graph: NodeGraph, other: unknown, kind: 'value' | 'boolean', where: string): number {
    if (other instanceof NodeExpr && other.kind === kind) {
      if (other.#graph !== graph)
        throw new TradewrightError(
          'BAD_STRATEGY',
          `${where} mixes columns of two bindings: make every column within the same call of signals`,
        )
      return other.#node
    }
    if (kind === 'value' && typeof other === 'number') return graph.intern(Op.constant, [], [other])
    if (kind === 'boolean' && typeof other === 'boolean') return graph.intern(Op.always, [], [other])
    throw new TradewrightError(
      'BAD_STRATEGY',
      kind === 'value'
        ? `${where} takes a column of numbers or a number, was ${shown(other)}`
        : `${where} takes a condition (as close.gt(10) gives) or a boolean, was ${shown(other)}`,
    )
  }

  static graph(expr: NodeExpr): NodeGraph {
    return expr.#graph
  }

  binary(code: number, other: unknown, method: string, kind: 'value' | 'boolean'): number {
    return foldPair(this.#graph, code, this.#node, NodeExpr.node(this.#graph, other, kind, method))
  }

  swapped(code: number, other: unknown, method: string): number {
    return foldPair(this.#graph, code, NodeExpr.node(this.#graph, other, 'value', method), this.#node)
  }

  unary(code: number): number {
    return foldNode(this.#graph, code, [this.#node])
  }

  shifted(code: number, constant: number): number {
    return this.#graph.intern(code, [this.#node], [constant])
  }

  ternary(then: unknown, otherwise: unknown): number {
    const a = NodeExpr.node(this.#graph, then, 'value', 'where')
    const b = NodeExpr.node(this.#graph, otherwise, 'value', 'where')
    return foldNode(this.#graph, Op.select, [this.#node, a, b])
  }

  valueOf(): never {
    return coercion()
  }

  toString(): never {
    return coercion()
  }

  toJSON(): never {
    return coercion()
  }

  [Symbol.toPrimitive](): never {
    return coercion()
  }
}

class ValueExpr extends NodeExpr implements Expr {
  override get kind(): 'value' {
    return 'value'
  }
  gt(other: Expr | number): BooleanExpr {
    return this.#boolean(this.binary(Op.gt, other, 'gt', 'value'))
  }
  lt(other: Expr | number): BooleanExpr {
    return this.#boolean(this.swapped(Op.gt, other, 'lt'))
  }
  gte(other: Expr | number): BooleanExpr {
    return this.#boolean(this.binary(Op.gte, other, 'gte', 'value'))
  }
  lte(other: Expr | number): BooleanExpr {
    return this.#boolean(this.swapped(Op.gte, other, 'lte'))
  }
  eq(other: Expr | number): BooleanExpr {
    return this.#boolean(this.binary(Op.eq, other, 'eq', 'value'))
  }
  ne(other: Expr | number): BooleanExpr {
    return this.#boolean(this.binary(Op.ne, other, 'ne', 'value'))
  }
  add(other: Expr | number): Expr {
    return this.#value(this.binary(Op.add, other, 'add', 'value'))
  }
  sub(other: Expr | number): Expr {
    return this.#value(this.binary(Op.sub, other, 'sub', 'value'))
  }
  mul(other: Expr | number): Expr {
    return this.#value(this.binary(Op.mul, other, 'mul', 'value'))
  }
  div(other: Expr | number): Expr {
    return this.#value(this.binary(Op.div, other, 'div', 'value'))
  }
  pow(other: Expr | number): Expr {
    return this.#value(this.binary(Op.pow, other, 'pow', 'value'))
  }
  min(other: Expr | number): Expr {
    return this.#value(this.binary(Op.min, other, 'min', 'value'))
  }
  max(other: Expr | number): Expr {
    return this.#value(this.binary(Op.max, other, 'max', 'value'))
  }
  neg(): Expr {
    return this.#value(this.unary(Op.neg))
  }
  abs(): Expr {
    return this.#value(this.unary(Op.abs))
  }
  sqrt(): Expr {
    return this.#value(this.unary(Op.sqrt))
  }
  log(): Expr {
    return this.#value(this.unary(Op.log))
  }
  exp(): Expr {
    return this.#value(this.unary(Op.exp))
  }
  sign(): Expr {
    return this.#value(this.unary(Op.sign))
  }
  floor(): Expr {
    return this.#value(this.unary(Op.floor))
  }
  lag(bars = 1): Expr {
    checkBars('lag', bars, 0)
    return bars === 0 ? this : this.#value(this.shifted(Op.lag, bars))
  }
  crossesAbove(other: Expr | number): BooleanExpr {
    return this.#boolean(this.binary(Op.crossesAbove, other, 'crossesAbove', 'value'))
  }
  crossesBelow(other: Expr | number): BooleanExpr {
    return this.#boolean(this.swapped(Op.crossesAbove, other, 'crossesBelow'))
  }
  valueWhen(condition: BooleanExpr, nth = 0): Expr {
    checkBars('valueWhen', nth, 0)
    const graph = NodeExpr.graph(this)
    const when = NodeExpr.node(graph, condition, 'boolean', 'valueWhen')
    return this.#value(graph.intern(Op.valueWhen, [when, NodeExpr.node(graph, this, 'value', 'valueWhen')], [nth]))
  }
  #value(node: number): Expr {
    return valueExpr(NodeExpr.graph(this), node)
  }
  #boolean(node: number): BooleanExpr {
    return booleanExpr(NodeExpr.graph(this), node)
  }
}

class ConditionExpr extends NodeExpr implements BooleanExpr {
  override get kind(): 'boolean' {
    return 'boolean'
  }
  and(other: BooleanExpr | boolean): BooleanExpr {
    return this.#boolean(this.binary(Op.and, other, 'and', 'boolean'))
  }
  or(other: BooleanExpr | boolean): BooleanExpr {
    return this.#boolean(this.binary(Op.or, other, 'or', 'boolean'))
  }
  xor(other: BooleanExpr | boolean): BooleanExpr {
    return this.#boolean(this.binary(Op.xor, other, 'xor', 'boolean'))
  }
  not(): BooleanExpr {
    return this.#boolean(this.unary(Op.not))
  }
  lag(bars = 1): BooleanExpr {
    checkBars('lag', bars, 0)
    return bars === 0 ? this : this.#boolean(this.shifted(Op.lagBoolean, bars))
  }
  count(bars: number): Expr {
    checkBars('count', bars, 1)
    return this.#value(this.shifted(Op.count, bars))
  }
  barsSince(): Expr {
    return this.#value(this.unary(Op.barsSince))
  }
  where(then: Expr | number, otherwise: Expr | number): Expr {
    return this.#value(this.ternary(then, otherwise))
  }
  #value(node: number): Expr {
    return valueExpr(NodeExpr.graph(this), node)
  }
  #boolean(node: number): BooleanExpr {
    return booleanExpr(NodeExpr.graph(this), node)
  }
}

/** An expression of a node that gives numbers. */
export function valueExpr(graph: NodeGraph, node: number): Expr {
  return new ValueExpr(graph, node)
}

/** An expression of a node that gives true and false. */
export function booleanExpr(graph: NodeGraph, node: number): BooleanExpr {
  return new ConditionExpr(graph, node)
}

/** The graph that an expression is a node of. */
export function graphOf(expr: AnyExpr): NodeGraph {
  if (expr instanceof NodeExpr) return NodeExpr.graph(expr)
  throw new TradewrightError('BAD_STRATEGY', `expected a symbolic column, was ${typeof expr}`)
}

/** Whether `value` is a symbolic column. */
export function isExpr(value: unknown): value is AnyExpr {
  return value instanceof NodeExpr
}

/**
 * The node of an expression, a number or a boolean in `graph`.
 *
 * @param where names the place in errors.
 * @throws TradewrightError `BAD_STRATEGY` for anything else, or an expression of another binding.
 */
export function nodeOf(graph: NodeGraph, value: unknown, kind: 'value' | 'boolean', where: string): number {
  return NodeExpr.node(graph, value, kind, where)
}
