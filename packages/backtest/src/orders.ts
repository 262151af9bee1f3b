import type { SimulationSettings } from './simulation-settings.ts'

/** A filled order. */
export interface Order {
  /** Bar it filled on, counted from the first bar of the series. */
  readonly index: number
  readonly side: 'buy' | 'sell'
  /** Units, above 0. */
  readonly size: number
  /** Fill price, slippage included. */
  readonly price: number
  readonly fee: number
}

/** A position from its opening to its closing; a partly closed position gives one trade a part. */
export interface Trade {
  readonly entryIndex: number
  /** Bar of the exit; the last bar where still open. */
  readonly exitIndex: number
  readonly direction: 'long' | 'short'
  readonly entryPrice: number
  /** Price of the exit; the last close where still open. */
  readonly exitPrice: number
  readonly size: number
  /** Net of the fees of entry and exit. */
  readonly pnl: number
  /** pnl / (entry price * size). */
  readonly return: number
  readonly status: 'closed' | 'open'
  readonly fees: number
}

/** What the simulator is asked to do with a bar's signals. */
export type Action =
  | { readonly type: 'none' }
  | { readonly type: 'long' }
  | { readonly type: 'short' }
  | { readonly type: 'close' }
  | { readonly type: 'target'; readonly target: number }

/** Gets every order and trade as it happens. */
export interface Ledger {
  order(order: Order): void
  trade(trade: Trade): void
}

/** Distances of stops in price units; NaN where a stop is no expression. */
export interface StopDistances {
  readonly stopLoss: number
  readonly takeProfit: number
  readonly trailingStop: number
}

/** No stop is an expression. */
export const noDistances: StopDistances = Object.freeze({ stopLoss: NaN, takeProfit: NaN, trailingStop: NaN })

/** Nothing to do. */
export const NONE: Action = Object.freeze({ type: 'none' })
/** Go or reverse to long. */
export const LONG: Action = Object.freeze({ type: 'long' })
/** Go or reverse to short. */
export const SHORT: Action = Object.freeze({ type: 'short' })
/** Close the whole position. */
export const CLOSE: Action = Object.freeze({ type: 'close' })

/** The action of a target signal: none where it is NaN or what it was on the bar before. */
export function targetAction(target: number, previous: number, direction: SimulationSettings['direction']): Action {
  const allowed = (x: number): number =>
    Math.min(direction === 'short' ? 0 : 1, Math.max(direction === 'long' ? 0 : -1, x))
  if (target !== target || allowed(target) === allowed(previous)) return NONE
  return { type: 'target', target: allowed(target) }
}
