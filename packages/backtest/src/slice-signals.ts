import type { GraphProgram } from '@tradewright/core'
import type { NodeValues } from './node-values.ts'
import type { DistanceColumns, SignalColumns } from './run-slice.ts'
import { type EventRef, planSignals } from './signal-plan.ts'
import type { SimulationSettings, StopSetting } from './simulation-settings.ts'

function column(values: NodeValues, event: EventRef | undefined): Uint8Array | undefined {
  if (event === undefined) return undefined
  const own = values.boolean(event.node)
  return event.negate ? own.map((bit) => bit ^ 1) : own
}

/** The columns of a program's signals. @throws TradewrightError what a node throws, with the node's text. */
export function signalColumns(program: GraphProgram, settings: SimulationSettings, values: NodeValues): SignalColumns {
  const plan = planSignals(program.signals, settings.direction)
  if (plan.kind === 'target') return { kind: 'target', target: values.value(plan.node) }
  return {
    kind: 'events',
    longEntry: column(values, plan.longEntry),
    longExit: column(values, plan.longExit),
    shortEntry: column(values, plan.shortEntry),
    shortExit: column(values, plan.shortExit),
  }
}

/** The columns of stops that are expressions. */
export function distanceColumns(settings: SimulationSettings, values: NodeValues): DistanceColumns {
  const distance = (stop: StopSetting): Float64Array | undefined =>
    stop.node < 0 ? undefined : values.value(stop.node)
  return {
    stopLoss: distance(settings.stopLoss),
    takeProfit: distance(settings.takeProfit),
    trailingStop: distance(settings.trailingStop),
  }
}
