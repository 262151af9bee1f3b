import {
  type Bars,
  contentKey,
  type Fingerprint,
  type IndicatorStore,
  isTradewrightError,
  type Key,
  TradewrightError,
} from '@tradewright/core'
import { calendarColumn, sessionColumn } from './calendar-fields.ts'
import { applyUnary } from './fold.ts'
import { indicatorOperation } from './indicator-node.ts'
import { arithmetic, combined, compared, counted, lagged, selected, sinceTrue, whenTrue } from './node-columns.ts'
import type { NodeGraph } from './node-graph.ts'
import { nodeHashes } from './node-hash.ts'
import { nodePath, nodeText } from './node-text.ts'
import { firstDynamicCode, Op, operationKind } from './operation.ts'
import { expandBoolean, expandValues, resampleClosed, type TimeframeBars } from './timeframe-bars.ts'
import { type UserKernel, userKernel } from './user-kernel.ts'

/** The columns of one range of bars that nodes are evaluated on. */
export interface NodeBars {
  readonly timestamp: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
  readonly length: number
  readonly timeframe: string | undefined
}

/** The bars of `bars` from `from` (included) to `to` (excluded), as views. */
export function nodeBars(bars: Bars, from: number, to: number): NodeBars {
  if (from === 0 && to === bars.length) return bars
  return {
    timestamp: bars.timestamp.subarray(from, to),
    open: bars.open.subarray(from, to),
    high: bars.high.subarray(from, to),
    low: bars.low.subarray(from, to),
    close: bars.close.subarray(from, to),
    volume: bars.volume.subarray(from, to),
    length: to - from,
    timeframe: bars.timeframe,
  }
}

/**
 * The key under which columns of bars from `from` on are stored. Where a range ends does not matter: no node looks
 * ahead, so a shorter column is a prefix of a longer one.
 */
export function columnsKey(bars: Bars, from: number): Fingerprint {
  return from === 0 ? bars.fingerprint : contentKey(['from', bars.fingerprint, from])
}

/**
 * Evaluates nodes of one graph over one range of bars: the plain form.
 *
 * Indicators, users' kernels and larger timeframes are kept in the store, by node key and data, as long as its bound
 * allows; everything else lives until {@link forget}. Columns are read-only borrows.
 */
export class NodeValues {
  readonly graph: NodeGraph
  readonly bars: NodeBars
  readonly #store: IndicatorStore
  readonly #key: Fingerprint
  readonly #values = new Map<number, Float64Array>()
  readonly #booleans = new Map<number, Uint8Array>()
  /** Columns of trials before, to be written again: a fresh one a node would keep the collector busy. */
  readonly #spare: Uint8Array[] = []
  readonly #timeframes = new Map<string, { readonly bars: TimeframeBars; readonly values: NodeValues }>()

  /** @param key data key of `bars`: see {@link columnsKey}. */
  constructor(graph: NodeGraph, bars: NodeBars, key: Fingerprint, store: IndicatorStore) {
    this.graph = graph
    this.bars = bars
    this.#key = key
    this.#store = store
  }

  /** Key of the data, as in the store. */
  get dataKey(): Fingerprint {
    return this.#key
  }

  /** The key of a node that is kept in the store; undefined for the others. */
  storeKey(node: number): Key | undefined {
    return isStored(this.graph.code(node)) ? nodeHashes(this.graph).key(node) : undefined
  }

  /** shape [bars.length]; read only. @throws TradewrightError with the node's text. */
  value(node: number): Float64Array {
    return this.known(node) ?? this.#compute(node, () => this.#values.get(node))
  }

  /** shape [bars.length], 0 and 1; read only. @throws TradewrightError with the node's text. */
  boolean(node: number): Uint8Array {
    return this.#booleans.get(node) ?? this.#compute(node, () => this.#booleans.get(node))
  }

  /** The column of a node where it is here or in the store. */
  known(node: number): Float64Array | undefined {
    return this.#values.get(node) ?? this.#stored(node)
  }

  /** Takes a column that was computed elsewhere, into the store too. Not to be written to afterwards. */
  keep(node: number, column: Float64Array): void {
    this.#values.set(node, column)
    if (isStored(this.graph.code(node))) this.#store.put(nodeHashes(this.graph).key(node), this.#key, column)
  }

  /** Drops every column that is not in the store: between trials. Those of conditions are written again afterwards. */
  forget(): void {
    this.#values.clear()
    for (const column of this.#booleans.values()) this.#spare.push(column)
    this.#booleans.clear()
    for (const { values } of this.#timeframes.values()) values.forget()
  }

  #stored(node: number): Float64Array | undefined {
    if (!isStored(this.graph.code(node))) return undefined
    const column = this.#store.get(nodeHashes(this.graph).key(node), this.#key)
    if (column === undefined || column.length < this.bars.length) return undefined
    const view = column.length === this.bars.length ? column : column.subarray(0, this.bars.length)
    this.#values.set(node, view)
    return view
  }

  /** Evaluates what `node` needs, operands first, without recursion: chains of any length are fine. */
  #compute<T>(node: number, read: () => T | undefined): T {
    const stack = [node]
    while (stack.length > 0) {
      const top = stack[stack.length - 1]
      const missing = this.#isThere(top) ? undefined : this.#firstMissing(top)
      if (missing === undefined) {
        if (!this.#isThere(top)) this.#one(top)
        stack.pop()
      } else stack.push(missing)
    }
    const column = read()
    if (column === undefined)
      throw new TradewrightError('INTERNAL', `node ${nodeText(this.graph, node)} gave no column of its kind`)
    return column
  }

  #isThere(node: number): boolean {
    return this.#values.has(node) || this.#booleans.has(node) || this.#stored(node) !== undefined
  }

  #firstMissing(node: number): number | undefined {
    const code = this.graph.code(node)
    if (code === Op.timeframe || code === Op.timeframeBoolean) return undefined
    for (const operand of this.graph.operands(node)) if (!this.#isThere(operand)) return operand
    return undefined
  }

  #one(node: number): void {
    const code = this.graph.code(node)
    try {
      if (code >= firstDynamicCode) this.#indicator(node, code)
      else if (operationKind(code) === 'boolean') this.#booleans.set(node, this.#booleanColumn(node, code))
      else {
        const column = this.#valueColumn(node, code)
        this.#values.set(node, column)
        if (isStored(code)) this.#store.put(nodeHashes(this.graph).key(node), this.#key, column)
      }
    } catch (error) {
      throw withNode(error, this.graph, node)
    }
  }

  #indicator(node: number, code: number): void {
    const { graph } = this
    const length = this.bars.length
    const inputs = graph.operands(node).map((operand) => this.value(operand))
    const operation = indicatorOperation(code)
    if (operation === undefined) {
      this.keep(node, runKernel(userKernel(graph, node), inputs, length))
      return
    }
    const params = graph.constants(node) as readonly number[]
    const outs = operation.codes.map(() => new Float64Array(length))
    operation.definition.compute(inputs, params, outs)
    // The other outputs cost nothing more: they are kept where a node of the graph is one of them.
    operation.codes.forEach((sibling, k) => {
      const other = sibling === code ? node : graph.find(sibling, graph.operands(node), params)
      if (other !== undefined) this.keep(other, outs[k])
    })
  }

  #valueColumn(node: number, code: number): Float64Array {
    const { bars, graph } = this
    switch (code) {
      case Op.timestamp:
        return bars.timestamp
      case Op.open:
        return bars.open
      case Op.high:
        return bars.high
      case Op.low:
        return bars.low
      case Op.close:
        return bars.close
      case Op.volume:
        return bars.volume
      case Op.constant:
        return new Float64Array(bars.length).fill(graph.constants(node)[0] as number)
      case Op.calendar:
        return calendarColumn(bars.timestamp, graph.constants(node))
      case Op.timeframe: {
        const { bars: larger, values } = this.#timeframe(graph.constants(node)[0] as string)
        return expandValues(larger, values.value(graph.operand(node, 0)))
      }
      default:
        return this.#derived(node, code)
    }
  }

  #derived(node: number, code: number): Float64Array {
    const { graph } = this
    const out = new Float64Array(this.bars.length)
    const first = graph.operand(node, 0)
    switch (code) {
      case Op.select:
        return selected(
          this.boolean(first),
          this.value(graph.operand(node, 1)),
          this.value(graph.operand(node, 2)),
          out,
        )
      case Op.lag:
        return lagged(this.value(first), graph.constants(node)[0] as number, out)
      case Op.count:
        return counted(this.boolean(first), graph.constants(node)[0] as number, out)
      case Op.barsSince:
        return sinceTrue(this.boolean(first), out)
      case Op.valueWhen:
        return whenTrue(
          this.boolean(first),
          this.value(graph.operand(node, 1)),
          graph.constants(node)[0] as number,
          out,
        )
      default:
        break
    }
    const a = this.value(first)
    if (graph.operandCount(node) === 1) for (let i = 0; i < out.length; i++) out[i] = applyUnary(code, a[i])
    else arithmetic(code, a, this.value(graph.operand(node, 1)), out)
    return out
  }

  #booleanColumn(node: number, code: number): Uint8Array {
    const { graph, bars } = this
    const out = this.#spare.pop() ?? new Uint8Array(bars.length)
    switch (code) {
      case Op.always:
        return out.fill(graph.constants(node)[0] === true ? 1 : 0)
      case Op.session:
        return sessionColumn(bars.timestamp, graph.constants(node), out)
      case Op.timeframeBoolean: {
        const { bars: larger, values } = this.#timeframe(graph.constants(node)[0] as string)
        return expandBoolean(larger, values.boolean(graph.operand(node, 0)))
      }
      case Op.not: {
        const a = this.boolean(graph.operand(node, 0))
        for (let i = 0; i < out.length; i++) out[i] = a[i] ^ 1
        return out
      }
      case Op.lagBoolean: {
        const a = this.boolean(graph.operand(node, 0))
        const bars_ = graph.constants(node)[0] as number
        out.fill(0, 0, bars_)
        for (let i = bars_; i < out.length; i++) out[i] = a[i - bars_]
        return out
      }
      case Op.and:
      case Op.or:
      case Op.xor: {
        const a = this.boolean(graph.operand(node, 0))
        const b = this.boolean(graph.operand(node, 1))
        return combined(code, a, b, out)
      }
      default:
        return compared(code, this.value(graph.operand(node, 0)), this.value(graph.operand(node, 1)), out)
    }
  }

  #timeframe(timeframe: string): { readonly bars: TimeframeBars; readonly values: NodeValues } {
    let larger = this.#timeframes.get(timeframe)
    if (larger === undefined) {
      const bars = resampleClosed(this.bars, timeframe)
      const key = contentKey(['timeframe', this.#key, timeframe, this.bars.timeframe])
      larger = { bars, values: new NodeValues(this.graph, bars, key, this.#store) }
      this.#timeframes.set(timeframe, larger)
    }
    return larger
  }
}

/** Nodes that are worth keeping between trials: those with a history, not the arithmetic around them. */
function isStored(code: number): boolean {
  return code >= firstDynamicCode || code === Op.timeframe || code === Op.valueWhen || code === Op.calendar
}

function runKernel(kernel: UserKernel, inputs: readonly Float64Array[], length: number): Float64Array {
  const out = kernel.compute(inputs, kernel.params, length)
  if (!(out instanceof Float64Array) || out.length !== length)
    throw new TradewrightError(
      'BAD_STRATEGY',
      `indicator '${kernel.name}' must return a Float64Array of ${length} rows, returned ${out instanceof Float64Array ? `${out.length} rows` : typeof out}`,
      { indicator: kernel.name },
    )
  return out
}

/** The error with the node it came from; an error that already has one passes through. */
function withNode(error: unknown, graph: NodeGraph, node: number): unknown {
  if (error instanceof NodeFailure) return error
  return new NodeFailure(node, error, nodeText(graph, node))
}

/** What a node threw, until {@link atPath} says which signal it was for. */
export class NodeFailure extends TradewrightError {
  readonly node: number

  constructor(node: number, cause: unknown, text: string) {
    const message = cause instanceof Error ? cause.message.replace(/^\[[A-Z_]+\] /, '') : String(cause)
    super(isTradewrightError(cause) ? cause.code : 'BAD_STRATEGY', `in ${text}: ${message}`, { node: text }, { cause })
    this.node = node
  }
}

/** Runs `read`, and gives what a node throws as an error with the way from the root to that node. */
export function atPath<T>(graph: NodeGraph, name: string, root: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof NodeFailure)) throw error
    const { cause, node } = error
    const path = nodePath(graph, name, root, node)
    const message = cause instanceof Error ? cause.message.replace(/^\[[A-Z_]+\] /, '') : String(cause)
    const [code, details] = isTradewrightError(cause) ? [cause.code, cause.details] : (['BAD_STRATEGY', {}] as const)
    throw new TradewrightError(
      code,
      `in ${path}: ${message}`,
      { ...details, path, node: nodeText(graph, node) },
      { cause },
    )
  }
}
