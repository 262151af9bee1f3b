import type { Bars } from './bars.ts'
import type { Calendar } from './timeframe.ts'

/** Which bars are asked for. */
export interface BarsRequest {
  readonly symbol: string
  readonly exchange?: string | undefined
  readonly timeframe?: string | undefined
  /** Epoch ms, included. */
  readonly from?: number | undefined
  /** Epoch ms, excluded. */
  readonly to?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Where market data comes from. */
export interface DataSource {
  readonly name: string
  readonly calendar?: Calendar | undefined
  /**
   * @throws TradewrightError `NOT_FOUND` for a symbol it does not have (with the nearest), `BAD_DATA` for malformed data.
   */
  load(request: BarsRequest): Promise<Bars>
  /** Symbols it can give; undefined where it cannot tell. */
  symbols?(): Promise<readonly string[]>
  [Symbol.asyncDispose]?(): Promise<void>
}
