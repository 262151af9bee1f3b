import type { NodeRef, SimulationOptions } from '@tradewright/core'
import { type ProgramList, SIGNALS } from './program-list.ts'
import { type EventPlan, planSignals } from './signal-plan.ts'
import type { SimulationSettings } from './simulation-settings.ts'

/** Places of a plan's columns. */
export const PLAN = { longEntry: 0, longExit: 1, shortEntry: 2, shortExit: 3, size: 4 } as const
const PLACES = ['longEntry', 'longExit', 'shortEntry', 'shortExit'] as const

/** What the signals of many trials do, in columns. */
export interface FastPlans {
  readonly length: number
  /** {@link PLAN}.size nodes a trial, -1 where there is no such signal. */
  readonly nodes: Int32Array
  /** Of each trial: bit k where the k-th of its columns is the negation of the node. */
  readonly negated: Uint8Array
  /** 1 where a trial's rules are among the fast ones; data may still send it to the plain form. */
  readonly fast: Uint8Array
}

/** What a set of signal names does in one direction: places of signals by plan column; undefined: not fast. */
interface Template {
  readonly slots: readonly number[]
  readonly negated: number
}

function templateOf(names: readonly string[], direction: SimulationSettings['direction']): Template | undefined {
  try {
    const plan = planSignals(Object.fromEntries(names.map((name, slot) => [name, slot])), direction)
    if (plan.kind !== 'events') return undefined
    const event = plan as EventPlan
    return {
      slots: PLACES.map((place) => event[place]?.node ?? -1),
      negated: PLACES.reduce((bits, place, k) => bits | (event[place]?.negate === true ? 1 << k : 0), 0),
    }
  } catch {
    return undefined // the plain form says why
  }
}

/** @param settings of each trial, in the order of the list. */
export function planFast(list: ProgramList, settings: (trial: number) => SimulationSettings): FastPlans {
  const { length, set, sets } = list
  const { size } = list.graph
  const nodes = new Int32Array(length * PLAN.size).fill(-1)
  const negated = new Uint8Array(length)
  const fast = new Uint8Array(length)
  const templates = new Map<string, Template | undefined>()
  let template: Template | undefined
  let lastSet = -1
  let lastDirection: string | undefined
  for (let t = 0; t < length; t++) {
    const { direction, trailingStop, stopLoss, takeProfit } = settings(t)
    if (trailingStop.fraction === trailingStop.fraction || trailingStop.node >= 0) continue
    if (stopLoss.node >= size || takeProfit.node >= size) continue // the plain form says why
    if (set[t] !== lastSet || direction !== lastDirection) {
      lastSet = set[t]
      lastDirection = direction
      const key = `${lastSet} ${direction}`
      if (!templates.has(key)) templates.set(key, templateOf(sets[lastSet], direction))
      template = templates.get(key)
    }
    if (template === undefined) continue
    const { slots } = template
    for (let k = 0; k < PLAN.size; k++) if (slots[k] >= 0) nodes[t * PLAN.size + k] = list.nodes[t * SIGNALS + slots[k]]
    negated[t] = template.negated
    fast[t] = 1
  }
  return { length, nodes, negated, fast }
}

/** Settings by trial: what gives equal simulation options is resolved once. */
export function settingsByTrial(
  list: Pick<ProgramList, 'length' | 'simulation'>,
  resolve: (simulation: SimulationOptions<NodeRef>) => SimulationSettings,
): (trial: number) => SimulationSettings {
  const all: SimulationSettings[] = []
  let last: SimulationOptions<NodeRef> | undefined
  let settings: SimulationSettings | undefined
  let same = true
  for (let t = 0; t < list.length; t++) {
    const simulation = list.simulation(t)
    if (settings === undefined || simulation !== last) {
      settings = resolve(simulation)
      last = simulation
      if (t > 0 && same) {
        same = false
        for (let k = 1; k < t; k++) all.push(all[0])
      }
    }
    if (!same || t === 0) all.push(settings)
  }
  return same ? () => all[0] : (trial) => all[trial]
}
