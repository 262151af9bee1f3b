import type { Columns } from './columns.ts'
import { type Expr, valueExpr } from './expression.ts'
import type { NodeGraph } from './node-graph.ts'
import { Op } from './operation.ts'
import { predictionExpr } from './prediction-node.ts'

/** The columns of a graph that is being bound. */
export function columnsOf(graph: NodeGraph): Columns {
  const column = (code: number): Expr => valueExpr(graph, graph.intern(code, []))
  const columns = {
    open: column(Op.open),
    high: column(Op.high),
    low: column(Op.low),
    close: column(Op.close),
    volume: column(Op.volume),
    timestamp: column(Op.timestamp),
  }
  // Only the strategies that read it need a model, and a copy of the columns reads nothing.
  Object.defineProperty(columns, 'prediction', { get: () => predictionExpr(graph, columns as Columns) })
  return Object.freeze(columns) as Columns
}
