import type { MetricName } from './metrics.ts'

/** A stop's distance: a fraction of the entry fill price, or an expression (price units) read at the entry's signal bar. */
export type StopDistance<Expression> = number | { readonly distance: Expression }

/** How much an entry buys. */
export type Sizing =
  /** All free cash, fractional. */
  | { readonly type: 'allIn' }
  /** A fixed number of units; a reversal trades |position| + quantity. */
  | { readonly type: 'quantity'; readonly quantity: number }
  /** This share of what `allIn` would spend, above 0 and at most 1. */
  | { readonly type: 'fraction'; readonly fraction: number }

/**
 * How signals become orders, equity and metrics. An option overrides its preset, and what the strategy's `simulate`
 * returns overrides both.
 */
export interface SimulationOptions<Expression = never> {
  /** `realistic`: next bar's open, fee 10 bps, slippage 5 bps, liquidation on. `reference`: close, no costs. @default 'realistic' */
  readonly preset?: 'realistic' | 'reference' | undefined
  /** A signal on bar i fills at close[i] or at open[i + 1]. @default 'nextOpen' ('close' in `reference`) */
  readonly fill?: 'close' | 'nextOpen' | undefined
  /** Which positions signals may open. @default 'long' */
  readonly direction?: 'long' | 'short' | 'both' | undefined
  /** Fee in basis points (1/10,000) of the traded value. @default 10 (0 in `reference`) */
  readonly feeBps?: number | undefined
  /** Slippage in basis points: buys fill higher, sells lower. @default 5 (0 in `reference`) */
  readonly slippageBps?: number | undefined
  /** Fee per order in cash. @default 0 */
  readonly fixedFee?: number | undefined
  /** Loss at which a position is closed. Off where absent. */
  readonly stopLoss?: StopDistance<Expression> | undefined
  /** Gain at which a position is closed. Off where absent. */
  readonly takeProfit?: StopDistance<Expression> | undefined
  /** Loss from the best price since the entry at which a position is closed. Off where absent. */
  readonly trailingStop?: StopDistance<Expression> | undefined
  /** Whether a stop's exit pays slippage (`stopMarket`) or not (`stopLimit`). @default 'stopMarket' */
  readonly stopExit?: 'stopMarket' | 'stopLimit' | undefined
  /** Bars after the entry's fill bar at which a position is closed. Off where absent. */
  readonly timeStopBars?: number | undefined
  /** @default { type: 'allIn' } */
  readonly sizing?: Sizing | undefined
  /** Cash at the start, above 0. @default 10000 */
  readonly initialCash?: number | undefined
  /** Bars in a year; overrides what timeframe and calendar of the bars say. */
  readonly barsPerYear?: number | undefined
  /** Close a position whose equity reaches zero. @default true (false in `reference`) */
  readonly liquidation?: boolean | undefined
  /** Which metrics to compute. @default 'standard' */
  readonly metrics?: 'standard' | readonly MetricName[] | undefined
}
