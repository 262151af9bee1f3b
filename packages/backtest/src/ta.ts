import { currentGraph } from './ambient.ts'
import type { Expr } from './expression.ts'
import { nodeOf } from './expression.ts'
import { type IndicatorBuilder, indicatorBuilder, indicatorExpr, indicatorOperands } from './indicator-node.ts'
import type { NodeGraph } from './node-graph.ts'

const builders = new Map<string, IndicatorBuilder>()

function builderOf(name: string): IndicatorBuilder {
  let builder = builders.get(name)
  if (builder === undefined) {
    builder = indicatorBuilder(name)
    builders.set(name, builder)
  }
  return builder
}

/** What an indicator of one source and one period gave in the last binding, by period. */
interface PeriodMemo {
  readonly where: string
  graph: NodeGraph | undefined
  operand: number
  readonly byPeriod: Map<number, Expr>
}

/**
 * One output from one source column, by period. The common case, kept short: it runs several times a trial, and most
 * periods of a sweep were asked for before.
 */
function ofSource(name: string): (source: Expr, period: number) => Expr {
  const memo: PeriodMemo = { where: `ta.${name}`, graph: undefined, operand: -1, byPeriod: new Map() }
  return (source, period) => {
    const graph = currentGraph(memo.where)
    const operand = nodeOf(graph, source, 'value', memo.where)
    if (graph !== memo.graph || operand !== memo.operand) {
      memo.graph = graph
      memo.operand = operand
      memo.byPeriod.clear()
    }
    const known = memo.byPeriod.get(period)
    if (known !== undefined) return known
    const made = indicatorExpr(graph, builderOf(name), [operand], [period], 0)
    memo.byPeriod.set(period, made)
    return made
  }
}

const sma = ofSource('sma')
const rollingStd = ofSource('rollingStd')

/** One output from the bars' own columns. */
function ofBars(name: string, params: readonly number[]): Expr {
  const graph = currentGraph(`ta.${name}`)
  const builder = builderOf(name)
  return indicatorExpr(graph, builder, indicatorOperands(graph, builder.definition, undefined), params, 0)
}

/** Every output by name. */
function outputs<Name extends string>(
  name: string,
  source: Expr | undefined,
  params: readonly number[],
): { readonly [K in Name]: Expr } {
  const graph = currentGraph(`ta.${name}`)
  const builder = builderOf(name)
  const { definition } = builder
  const operands = indicatorOperands(graph, definition, source)
  const made = definition.outputs.map((output, k) => [output, indicatorExpr(graph, builder, operands, params, k)])
  return Object.fromEntries(made) as { readonly [K in Name]: Expr }
}

/** Bands around a middle. */
export interface BandExprs {
  readonly upper: Expr
  readonly middle: Expr
  readonly lower: Expr
}

/** What `ta.macd` gives. */
export interface MacdExprs {
  readonly macd: Expr
  readonly signal: Expr
  readonly histogram: Expr
}

/** What `ta.stochastic` gives. */
export interface StochasticExprs {
  readonly k: Expr
  readonly d: Expr
}

/** The builders of indicator expressions. Periods are whole numbers of bars, 1 or more. */
export interface TechnicalAnalysis {
  /** Simple moving average. */
  sma(source: Expr, period: number): Expr
  /** Exponential moving average, seeded with the mean of the first `period` values. */
  ema(source: Expr, period: number): Expr
  /** Linearly weighted moving average. */
  wma(source: Expr, period: number): Expr
  /** Wilder's relative strength index, 0 to 100; 100 where there is no loss. */
  rsi(source: Expr, period: number): Expr
  /** Rate of change over `period` bars, in percent. */
  roc(source: Expr, period: number): Expr
  /** Moving average convergence divergence. @default 12, 26, 9 */
  macd(source: Expr, fast?: number, slow?: number, signal?: number): MacdExprs
  /** Moving average and `deviations` standard deviations (ddof 0) around it. @param deviations @default 2 */
  bollinger(source: Expr, period: number, deviations?: number): BandExprs
  /** Lowest value of the last `period` bars. */
  rollingMin(source: Expr, period: number): Expr
  /** Highest value of the last `period` bars. */
  rollingMax(source: Expr, period: number): Expr
  /** Standard deviation (ddof 0) of the last `period` bars. */
  rollingStd(source: Expr, period: number): Expr
  /** Sum of the last `period` bars. */
  rollingSum(source: Expr, period: number): Expr
  /** True range of the bars. */
  trueRange(): Expr
  /** Wilder's average true range of the bars. */
  atr(period: number): Expr
  /** Highest high and lowest low of the last `period` bars, this one included, and their mean. */
  donchian(period: number): BandExprs
  /** Stochastic oscillator of the bars, 0 to 100. @default smooth 3, signal 3 */
  stochastic(period: number, smooth?: number, signal?: number): StochasticExprs
  /** On-balance volume. */
  obv(): Expr
  /** Volume-weighted average price of the last `period` bars. */
  vwap(period: number): Expr
  /**
   * Any indicator of `indicatorTable` by name: every output by name (`value` where there is one).
   *
   * @throws TradewrightError `UNKNOWN_NAME`, with the nearest; `BAD_OPTION` for parameters it refuses.
   */
  indicator(name: string, params: readonly number[], source?: Expr): Readonly<Record<string, Expr>>
}

/**
 * Builders of indicator expressions, to be called within `signals` and `simulate`. Each is the indicator of the same
 * name in `@tradewright/indicators`: see there for formulas, warm-up and what a NaN bar does.
 */
export const ta: TechnicalAnalysis = Object.freeze({
  sma,
  ema: ofSource('ema'),
  wma: ofSource('wma'),
  rsi: ofSource('rsi'),
  roc: ofSource('roc'),
  macd: (source: Expr, fast = 12, slow = 26, signal = 9): MacdExprs => outputs('macd', source, [fast, slow, signal]),
  bollinger: (source: Expr, period: number, deviations = 2): BandExprs => {
    // The kernel's own formula, in nodes: bands of other widths share the mean and the deviation.
    const middle = sma(source, period)
    const width = rollingStd(source, period).mul(deviations)
    return { upper: middle.add(width), middle, lower: middle.sub(width) }
  },
  rollingMin: ofSource('rollingMin'),
  rollingMax: ofSource('rollingMax'),
  rollingStd,
  rollingSum: ofSource('rollingSum'),
  trueRange: (): Expr => ofBars('trueRange', []),
  atr: (period: number): Expr => ofBars('atr', [period]),
  donchian: (period: number): BandExprs => outputs('donchian', undefined, [period]),
  stochastic: (period: number, smooth = 3, signal = 3): StochasticExprs =>
    outputs('stochastic', undefined, [period, smooth, signal]),
  obv: (): Expr => ofBars('obv', []),
  vwap: (period: number): Expr => ofBars('vwap', [period]),
  indicator: (name: string, params: readonly number[], source?: Expr): Readonly<Record<string, Expr>> =>
    outputs(name, source, params),
} satisfies TechnicalAnalysis)
