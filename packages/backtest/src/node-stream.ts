import { type Data, TradewrightError } from '@tradewright/core'
import { calendarReader, sessionReader } from './calendar-fields.ts'
import { applyBinary, applyUnary } from './fold.ts'
import { indicatorOperation } from './indicator-node.ts'
import type { NodeGraph } from './node-graph.ts'
import { nodeHashes } from './node-hash.ts'
import { counting, crossing, kernelStep, type LiveBar, lagging, type Step, since, when } from './node-steps.ts'
import { firstDynamicCode, kernelCode, Op } from './operation.ts'
import { reachableNodes } from './reachable.ts'
import { TimeframeBuilder } from './timeframe-bars.ts'

/**
 * Nodes of a graph computed bar by bar: what {@link NodeValues} computes at once, to the last bit.
 *
 * @see NodeValues
 */
export class NodeStream {
  readonly #graph: NodeGraph
  readonly #nodes: readonly number[]
  /** Value of each reached node at the last bar, by the node's place. */
  readonly #values: Float64Array
  readonly #place = new Map<number, number>()
  readonly #steps: { readonly node: number; readonly step: Step }[] = []
  /** Places of nodes that have not given a number yet. */
  #waiting: number[]

  /**
   * @param roots     nodes to give; what they need is computed too.
   * @param timeframe of the bars that will be pushed; undefined where it is not known.
   */
  constructor(graph: NodeGraph, roots: readonly number[], timeframe: string | undefined) {
    this.#graph = graph
    this.#nodes = reachableNodes(graph, roots, false)
    this.#nodes.forEach((node, place) => {
      this.#place.set(node, place)
    })
    this.#values = new Float64Array(this.#nodes.length).fill(NaN)
    this.#waiting = this.#nodes.flatMap((node, place) => (warmsUp(graph.code(node)) ? [place] : []))
    const done = new Set<number>()
    this.#addTimeframes(timeframe, done)
    for (const node of this.#nodes) {
      if (done.has(node)) continue
      const code = graph.code(node)
      if (code >= firstDynamicCode && code !== kernelCode) this.#addIndicator(node, done)
      else this.#steps.push({ node, step: this.#step(node, code) })
    }
    // Steps run in the order of their nodes; a larger timeframe needs only the bar.
    this.#steps.sort((a, b) => a.node - b.node)
  }

  /** Whether every indicator, lag and larger timeframe has given a number: the warm-up is over. */
  get ready(): boolean {
    return this.#waiting.length === 0
  }

  push(bar: LiveBar): void {
    for (const { step } of this.#steps) step.run(bar)
    if (this.#waiting.length > 0)
      this.#waiting = this.#waiting.filter((place) => this.#values[place] !== this.#values[place])
  }

  /** A reached node's value at the last bar. */
  value(node: number): number {
    return this.#values[this.#at(node)]
  }

  #at(node: number): number {
    const place = this.#place.get(node)
    if (place === undefined) throw new TradewrightError('INTERNAL', `node ${node} is not part of this stream`)
    return place
  }

  save(): Data {
    const hashes = nodeHashes(this.#graph)
    const states: Record<string, Data> = {}
    for (const { node, step } of this.#steps) if (step.save !== undefined) states[hashes.key(node)] = step.save()
    return {
      states,
      values: this.#values.slice(),
      nodes: this.#nodes.map((node) => hashes.key(node)),
      waiting: this.#waiting.map((place) => hashes.key(this.#nodes[place])),
    }
  }

  /** @throws TradewrightError `BAD_DATA` for a state of other nodes. */
  restore(data: Data): void {
    const refuse = (why: string): TradewrightError =>
      new TradewrightError('BAD_DATA', `a stream's state must be one saved by the same strategy, ${why}`)
    const saved = data as Readonly<Record<string, Data>> | null | undefined
    if (typeof saved !== 'object' || saved === null || !Array.isArray(saved.nodes)) throw refuse('was something else')
    const hashes = nodeHashes(this.#graph)
    const values = saved.values as Float64Array
    const states = saved.states as Readonly<Record<string, Data>>
    const place = new Map((saved.nodes as readonly string[]).map((key, k) => [key, k]))
    this.#nodes.forEach((node, k) => {
      const from = place.get(hashes.key(node))
      if (from === undefined) throw refuse('lacked a node')
      this.#values[k] = values[from]
    })
    for (const { node, step } of this.#steps) {
      if (step.restore === undefined) continue
      const key = hashes.key(node)
      if (!Object.hasOwn(states, key)) throw refuse('lacked the state of a node')
      step.restore(states[key])
    }
    const waiting = new Set(saved.waiting as readonly string[])
    this.#waiting = this.#nodes.flatMap((node, k) => (waiting.has(hashes.key(node)) ? [k] : []))
  }

  /** One stream an indicator and operands, whatever number of its outputs is used. */
  #addIndicator(node: number, done: Set<number>): void {
    const graph = this.#graph
    const operation = indicatorOperation(graph.code(node))
    if (operation === undefined)
      throw new TradewrightError('INTERNAL', `operation ${graph.table.ops[node]} is no indicator`)
    const operands = graph.operands(node)
    const params = graph.constants(node) as readonly number[]
    const values = this.#values
    const from = operands.map((operand) => this.#at(operand))
    const to = operation.codes.map((sibling) => {
      const other = graph.find(sibling, operands, params)
      const place = other === undefined ? undefined : this.#place.get(other)
      if (other !== undefined && place !== undefined) done.add(other)
      return place ?? -1
    })
    to[operation.output] = this.#at(node)
    done.add(node)
    const stream = operation.definition.createStream(params)
    const inputs = new Float64Array(from.length)
    const outs = new Float64Array(to.length)
    this.#steps.push({
      node,
      step: {
        run() {
          for (let k = 0; k < from.length; k++) inputs[k] = values[from[k]]
          stream.next(inputs, outs)
          for (let k = 0; k < to.length; k++) if (to[k] >= 0) values[to[k]] = outs[k]
        },
        save: () => stream.save(),
        restore: (state) => stream.restore(state),
      },
    })
  }

  /** One stream of larger bars a timeframe, for all nodes that need it. */
  #addTimeframes(small: string | undefined, done: Set<number>): void {
    const graph = this.#graph
    const groups = new Map<string, number[]>()
    for (const node of this.#nodes) {
      const code = graph.code(node)
      if (code !== Op.timeframe && code !== Op.timeframeBoolean) continue
      const timeframe = graph.constants(node)[0] as string
      groups.set(timeframe, [...(groups.get(timeframe) ?? []), node])
      done.add(node)
    }
    for (const [timeframe, nodes] of groups) {
      const values = this.#values
      const places = nodes.map((node) => this.#at(node))
      const roots = nodes.map((node) => graph.operand(node, 0))
      nodes.forEach((node, k) => {
        values[places[k]] = graph.kind(node) === 'boolean' ? 0 : NaN
      })
      const builder = new TimeframeBuilder(timeframe, small)
      const larger = new NodeStream(graph, roots, timeframe)
      this.#steps.push({
        node: nodes[0],
        step: {
          run({ timestamp, open, high, low, close, volume }) {
            builder.push(timestamp, open, high, low, close, volume, (t, o, h, l, c, v) => {
              larger.push({ timestamp: t, open: o, high: h, low: l, close: c, volume: v })
              for (let k = 0; k < places.length; k++) values[places[k]] = larger.value(roots[k])
            })
          },
          save: () => [builder.save(), larger.save()],
          restore: (state) => {
            const [own, inner] = state as readonly [readonly number[], Data]
            builder.restore(own)
            larger.restore(inner)
          },
        },
      })
    }
  }

  #step(node: number, code: number): Step {
    const graph = this.#graph
    const values = this.#values
    const out = this.#at(node)
    const from = graph.operands(node).map((operand) => this.#at(operand))
    const [a, b, c] = from
    const constants = graph.constants(node)
    const count = constants[0] as number
    switch (code) {
      case Op.timestamp:
      case Op.open:
      case Op.high:
      case Op.low:
      case Op.close:
      case Op.volume: {
        const column = graph.table.ops[node] as keyof LiveBar
        return {
          run: (bar) => {
            values[out] = bar[column]
          },
        }
      }
      case Op.constant:
      case Op.always: {
        const fixed = Number(constants[0])
        return {
          run: () => {
            values[out] = fixed
          },
        }
      }
      case Op.calendar: {
        const read = calendarReader(constants)
        return {
          run: (bar) => {
            values[out] = read(bar.timestamp)
          },
        }
      }
      case Op.session: {
        const inside = sessionReader(constants)
        return {
          run: (bar) => {
            values[out] = inside(bar.timestamp) ? 1 : 0
          },
        }
      }
      case Op.not:
        return {
          run: () => {
            values[out] = 1 - values[a]
          },
        }
      case Op.select:
        return {
          run: () => {
            values[out] = values[a] === 1 ? values[b] : values[c]
          },
        }
      case Op.crossesAbove:
        return crossing(values, a, b, out)
      case Op.lag:
        return lagging(values, a, out, count, NaN)
      case Op.lagBoolean:
        return lagging(values, a, out, count, 0)
      case Op.count:
        return counting(values, a, out, count)
      case Op.barsSince:
        return since(values, a, out)
      case Op.valueWhen:
        return when(values, { condition: a, value: b, out }, count)
      case kernelCode:
        return kernelStep(values, from, out, graph, node)
      default:
        return {
          run:
            from.length === 1
              ? () => {
                  values[out] = applyUnary(code, values[a])
                }
              : () => {
                  values[out] = applyBinary(code, values[a], values[b])
                },
        }
    }
  }
}

/** Nodes that need bars before they give a number. */
function warmsUp(code: number): boolean {
  return code >= firstDynamicCode || code === Op.lag || code === Op.timeframe
}
