import { type BarColumn, type Bars, barColumns, type Calendar, copyToShared, type Fingerprint } from '@tradewright/core'

/** Bars on their way to a worker: in shared memory nothing but a handle is sent. */
export interface LentBars {
  readonly fingerprint: Fingerprint
  readonly columns: readonly Float64Array[]
  readonly symbol: string
  readonly timeframe: string | undefined
  readonly calendar: Calendar | undefined
  readonly barsPerYear: number | undefined
}

/** Puts bars into shared memory at most once each. */
export class BarsLender {
  readonly #lent = new WeakMap<Bars, LentBars>()
  /** Bytes of bars copied into shared memory. */
  copiedBytes = 0

  lend(bars: Bars): LentBars {
    let lent = this.#lent.get(bars)
    if (lent === undefined) {
      if (!bars.shared) this.copiedBytes += bars.length * 8 * barColumns.length
      const shared = copyToShared(bars)
      const { symbol, timeframe, calendar, barsPerYear } = bars
      const columns = barColumns.map((name) => shared[name])
      lent = { fingerprint: bars.fingerprint, columns, symbol, timeframe, calendar, barsPerYear }
      this.#lent.set(bars, lent)
    }
    return lent
  }
}

/** The bars again, over the same memory. They were checked where they were made; so is their fingerprint. */
export function borrowBars(lent: LentBars): Bars {
  const { columns, fingerprint, symbol, timeframe, calendar, barsPerYear } = lent
  const byName = Object.fromEntries(barColumns.map((name, i) => [name, columns[i]])) as Record<BarColumn, Float64Array>
  return Object.freeze({
    ...byName,
    length: columns[0].length,
    symbol,
    timeframe,
    calendar,
    barsPerYear,
    fingerprint,
    shared: columns.every((column) => column.buffer instanceof SharedArrayBuffer),
  })
}
