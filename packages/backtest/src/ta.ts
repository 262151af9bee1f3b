import { currentGraph } from './ambient.ts'
import type { Expr } from './expression.ts'
import { nodeOf } from './expression.ts'
import { type IndicatorBuilder, indicatorBuilder, indicatorExpr, indicatorOperands } from './indicator-node.ts'

const builders = new Map<string, IndicatorBuilder>()

function builderOf(name: string): IndicatorBuilder {
  let builder = builders.get(name)
  if (builder === undefined) {
    builder = indicatorBuilder(name)
    builders.set(name, builder)
  }
  return builder
}

/** One output from one source column. The common case, kept short: it runs several times a trial. */
function ofSource(name: string, source: Expr, params: readonly number[]): Expr {
  const graph = currentGraph(`ta.${name}`)
  return indicatorExpr(graph, builderOf(name), [nodeOf(graph, source, 'value', `ta.${name}`)], params, 0)
}

/** Every output by name. */
function outputs(name: string, source: Expr | undefined, params: readonly number[]): Readonly<Record<string, Expr>> {
  const graph = currentGraph(`ta.${name}`)
  const builder = builderOf(name)
  const { definition } = builder
  const operands = indicatorOperands(graph, definition, source)
  return Object.fromEntries(
    definition.outputs.map((output, k) => [output, indicatorExpr(graph, builder, operands, params, k)]),
  )
}

/** The bands of {@link ta}.bollinger. */
export interface BollingerExprs {
  readonly upper: Expr
  readonly middle: Expr
  readonly lower: Expr
}

/** The builders of indicator expressions. */
export interface TechnicalAnalysis {
  /** Simple moving average. @param period bars, integer >= 1. */
  sma(source: Expr, period: number): Expr
  /** Exponential moving average, seeded with the mean of the first `period` values. */
  ema(source: Expr, period: number): Expr
  /** Wilder's relative strength index, 0 to 100; 100 where there is no loss. */
  rsi(source: Expr, period: number): Expr
  /** Moving average and `deviations` standard deviations (ddof 0) around it. @param deviations @default 2 */
  bollinger(source: Expr, period: number, deviations?: number): BollingerExprs
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
  sma: (source: Expr, period: number): Expr => ofSource('sma', source, [period]),
  ema: (source: Expr, period: number): Expr => ofSource('ema', source, [period]),
  rsi: (source: Expr, period: number): Expr => ofSource('rsi', source, [period]),
  bollinger: (source: Expr, period: number, deviations = 2): BollingerExprs =>
    outputs('bollinger', source, [period, deviations]) as unknown as BollingerExprs,
  indicator: (name: string, params: readonly number[], source?: Expr): Readonly<Record<string, Expr>> =>
    outputs(name, source, params),
} satisfies TechnicalAnalysis)
