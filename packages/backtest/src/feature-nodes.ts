import { TradewrightError } from '@tradewright/core'
import type { Columns } from './columns.ts'
import { type AnyExpr, isExpr, nodeOf } from './expression.ts'
import type { NodeGraph } from './node-graph.ts'
import { shown } from './run-arguments.ts'

/** Features by name, from symbolic columns: pure, as a strategy's `signals`. A condition is 0 or 1. */
export type FeatureSpecs = (columns: Columns) => Readonly<Record<string, AnyExpr>>

/** Features in a graph. */
export interface FeatureNodes {
  /** In the order of the specs. */
  readonly names: readonly string[]
  /** The node of each, which gives numbers. */
  readonly nodes: readonly number[]
}

/** The nodes of features in a graph that is being bound. @throws TradewrightError `BAD_STRATEGY`. */
export function featureNodes(graph: NodeGraph, features: Readonly<Record<string, AnyExpr>>): FeatureNodes {
  if (typeof features !== 'object' || features === null || isExpr(features))
    throw new TradewrightError('BAD_STRATEGY', `features must be columns by name, as { rsi }, was ${shown(features)}`)
  const names = Object.keys(features)
  if (names.length === 0) throw new TradewrightError('BAD_STRATEGY', 'features must name at least one column, was none')
  const nodes = names.map((name) => {
    const feature: unknown = features[name]
    const numbers = isExpr(feature) && feature.kind === 'boolean' ? feature.where(1, 0) : feature
    return nodeOf(graph, numbers, 'value', `feature '${name}'`)
  })
  return { names, nodes }
}
