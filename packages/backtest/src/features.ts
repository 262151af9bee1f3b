import {
  type Bars,
  contentKey,
  createIndicatorStore,
  type Data,
  type FeatureMatrix,
  type Fingerprint,
  type IndicatorStore,
  type Key,
  type NodeTable,
  TradewrightError,
} from '@tradewright/core'
import { withGraph } from './ambient.ts'
import { columnsOf } from './bound-columns.ts'
import { engineVersion } from './engine-version.ts'
import { type FeatureSpecs, featureNodes } from './feature-nodes.ts'
import { featureValue, firstCompleteRow, packRows } from './feature-rows.ts'
import { NodeGraph } from './node-graph.ts'
import { nodeHashes } from './node-hash.ts'
import type { LiveBar } from './node-steps.ts'
import { NodeStream } from './node-stream.ts'
import { columnsKey, NodeValues } from './node-values.ts'

/** Features as a graph: what {@link bindFeatures} makes of {@link FeatureSpecs}. */
export interface FeatureProgram {
  readonly kind: 'features'
  /** In the order of the specs. */
  readonly names: readonly string[]
  readonly table: NodeTable
  /** The node of each feature. */
  readonly nodes: readonly number[]
  /** Content key: names, what each computes, engine version. */
  readonly key: Key
}

/** A {@link FeatureMatrix} of bars: one row a bar. */
export interface BarFeatures extends FeatureMatrix {
  /** shape [rows], epoch ms of each row's bar. Read only. */
  readonly timestamp: Float64Array
  /** The first row in which every feature is known; those before are all NaN. `rows` where there is none. */
  readonly firstRow: number
  /** Content key of features and bars. */
  readonly fingerprint: Fingerprint
}

/** Options of {@link featureMatrix}. */
export interface FeatureOptions {
  /** Keeps indicators and the matrix itself, by content. @default a store for this call */
  readonly store?: IndicatorStore | undefined
}

/**
 * Binds features into a graph.
 *
 * @throws TradewrightError `BAD_STRATEGY`: `specs` threw, gave no columns, or gave other ones the second time.
 */
export function bindFeatures(specs: FeatureSpecs): FeatureProgram {
  if (typeof specs !== 'function')
    throw new TradewrightError('BAD_STRATEGY', `features must be a function of columns, was ${typeof specs}`)
  const graph = new NodeGraph()
  const [first, second] = withGraph(graph, () => {
    const columns = columnsOf(graph)
    return [0, 1].map(() => featureNodes(graph, specs(columns)))
  })
  if (JSON.stringify(first) !== JSON.stringify(second))
    throw new TradewrightError('BAD_STRATEGY', 'features must be pure, but two bindings gave different columns')
  const { names, nodes } = first
  const hashes = nodeHashes(graph)
  const key = contentKey(['features', engineVersion, names, nodes.map((node) => hashes.key(node))])
  return Object.freeze({ kind: 'features', names, nodes, table: graph.table, key })
}

const programOf = (specs: FeatureSpecs | FeatureProgram): FeatureProgram =>
  typeof specs === 'object' && specs?.kind === 'features' ? specs : bindFeatures(specs as FeatureSpecs)

/**
 * Features of every bar, in one call: each indicator once, kept in the store by content, as is the matrix.
 *
 * A feature at a bar depends on that bar and those before it, never on later ones. A value that is not finite in 32
 * bits is missing (NaN).
 *
 * @param specs columns by name, as `({ close }) => ({ rsi: ta.rsi(close, 14) })`, or what `bindFeatures` gave.
 * @returns row-major; its memory is a read-only borrow of the store's.
 * @throws TradewrightError `BAD_STRATEGY`; `NOT_AVAILABLE` for a user's indicator that is not loaded.
 * @example
 * ```ts
 * import { featureMatrix, ta } from '@tradewright/backtest'
 * import { createBars } from '@tradewright/core'
 * const close = Float64Array.from({ length: 50 }, (_, i) => 100 + Math.sin(i))
 * const timestamp = close.map((_, i) => i * 86_400_000)
 * const bars = createBars({ timestamp, open: close, high: close, low: close, close, volume: close })
 * const X = featureMatrix(bars, ({ close: c }) => ({ rsi: ta.rsi(c, 14), move: ta.roc(c, 1) }))
 * console.log(X.names.join(), X.rows, X.firstRow) // rsi,move 50 14
 * ```
 */
export function featureMatrix(
  bars: Bars,
  specs: FeatureSpecs | FeatureProgram,
  options: FeatureOptions = {},
): BarFeatures {
  const { store = createIndicatorStore() } = options
  const program = programOf(specs)
  const { names, nodes, table, key } = program
  const rows = bars.length
  const columns = names.length
  const fingerprint = contentKey(['feature matrix', key, bars.fingerprint])
  const floats = rows * columns
  const kept = store.get(key, fingerprint)
  const made = (data: Float32Array, firstRow: number): BarFeatures =>
    Object.freeze({ names, data, rows, columns, timestamp: bars.timestamp, firstRow, fingerprint })
  if (kept !== undefined) {
    const data = new Float32Array(kept.buffer, kept.byteOffset, floats)
    return made(data, firstCompleteRow(data, rows, columns))
  }
  const values = new NodeValues(NodeGraph.of(table), bars, columnsKey(bars, 0), store)
  const holder = new Float64Array(Math.ceil(floats / 2))
  const packed = packRows(
    nodes.map((node) => values.value(node)),
    rows,
    holder.buffer,
  )
  store.put(key, fingerprint, holder)
  return made(packed.data, packed.firstRow)
}

/** Features bar by bar: the rows of {@link featureMatrix}, to the last bit. */
export interface FeatureStream {
  readonly names: readonly string[]
  /** Whether every feature has been known at once: before, rows are all NaN. */
  readonly ready: boolean
  /** @param out shape [features], caller-owned, overwritten. @returns the bar's row, `out` where it is given. */
  push(bar: LiveBar, out?: Float32Array): Float32Array
  save(): Data
  /** @throws TradewrightError `BAD_DATA` for a state of other features. */
  restore(state: Data): void
}

/**
 * The streaming twin of {@link featureMatrix}.
 *
 * @param timeframe of the bars that will come: features of larger timeframes need it.
 * @throws TradewrightError as {@link featureMatrix}.
 */
export function featureStream(
  specs: FeatureSpecs | FeatureProgram,
  options: { readonly timeframe?: string | undefined } = {},
): FeatureStream {
  const program = programOf(specs)
  const { names, nodes, table, key } = program
  const stream = new NodeStream(NodeGraph.of(table), nodes, options.timeframe)
  let ready = false
  return {
    names,
    get ready() {
      return ready
    },
    push(bar, out = new Float32Array(names.length)) {
      stream.push(bar)
      let known = true
      for (let j = 0; j < nodes.length; j++) {
        out[j] = featureValue(stream.value(nodes[j]))
        if (out[j] !== out[j]) known = false
      }
      ready ||= known
      return ready ? out : out.fill(Number.NaN)
    },
    save: () => ({ key, ready, nodes: stream.save() }),
    restore(state) {
      const saved = state as { readonly key?: Data; readonly ready?: Data; readonly nodes?: Data } | null | undefined
      if (saved?.key !== key || typeof saved.ready !== 'boolean')
        throw new TradewrightError('BAD_DATA', "a feature stream's state must be one saved for the same features")
      stream.restore(saved.nodes)
      ready = saved.ready
    },
  }
}
