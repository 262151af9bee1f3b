import { type GraphProgram, TradewrightError } from '@tradewright/core'
import { atPath, type NodeValues } from './node-values.ts'
import type { DistanceColumns, SignalColumns } from './run-slice.ts'
import { type EventRef, planSignals } from './signal-plan.ts'
import type { SimulationSettings } from './simulation-settings.ts'

/** A signal's name, for errors. */
function nameOf(program: GraphProgram, node: number): string {
  return Object.entries(program.signals).find(([, own]) => own === node)?.[0] ?? 'signal'
}

/** The columns of a program's signals. @throws TradewrightError what a node throws, with the way to the node. */
export function signalColumns(program: GraphProgram, settings: SimulationSettings, values: NodeValues): SignalColumns {
  const { graph } = values
  const plan = planSignals(program.signals, settings.direction)
  if (plan.kind === 'target')
    return { kind: 'target', target: atPath(graph, 'target', plan.node, () => values.value(plan.node)) }
  const column = (event: EventRef | undefined): Uint8Array | undefined => {
    if (event === undefined) return undefined
    const own = atPath(graph, nameOf(program, event.node), event.node, () => values.boolean(event.node))
    return event.negate ? own.map((bit) => bit ^ 1) : own
  }
  return {
    kind: 'events',
    longEntry: column(plan.longEntry),
    longExit: column(plan.longExit),
    shortEntry: column(plan.shortEntry),
    shortExit: column(plan.shortExit),
  }
}

/** The columns of stops that are expressions. @throws TradewrightError what a node throws, with the way to the node. */
export function distanceColumns(settings: SimulationSettings, values: NodeValues): DistanceColumns {
  const distance = (name: 'stopLoss' | 'takeProfit' | 'trailingStop'): Float64Array | undefined => {
    const { node } = settings[name]
    if (node >= values.graph.size || (node >= 0 && values.graph.kind(node) !== 'value'))
      throw new TradewrightError(
        'BAD_OPTION',
        `${name} must name a node of numbers of the strategy's table, which has ${values.graph.size} nodes, was ${node}`,
        { name, node, nodes: values.graph.size },
      )
    return node < 0 ? undefined : atPath(values.graph, name, node, () => values.value(node))
  }
  return {
    stopLoss: distance('stopLoss'),
    takeProfit: distance('takeProfit'),
    trailingStop: distance('trailingStop'),
  }
}
