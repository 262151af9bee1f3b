import {
  type BarColumn,
  type Bars,
  barColumns,
  type Calendar,
  copyToShared,
  type Data,
  type Fingerprint,
  TradewrightError,
} from '@tradewright/core'

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
  #changed = 0
  /** Bytes of bars copied into shared memory. */
  copiedBytes = 0

  /**
   * As {@link lend}, but looks whether bars that were copied are what they were: bars are not to be written to, and who
   * does it anyway gets what `sweep` gives.
   */
  lendNow(bars: Bars): LentBars {
    const lent = this.#lent.get(bars)
    if (lent === undefined || bars.shared) return this.lend(bars)
    if (barColumns.every((name, k) => isSame(bars[name], lent.columns[k]))) return lent
    this.#lent.delete(bars)
    const fresh = this.lend(bars)
    const renamed = { ...fresh, fingerprint: `${fresh.fingerprint}-${++this.#changed}` as Fingerprint } // workers keep bars by name
    this.#lent.set(bars, renamed)
    return renamed
  }

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

/** Whether two columns hold the same; NaN is NaN. */
function isSame(a: Float64Array, b: Float64Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && (a[i] === a[i] || b[i] === b[i])) return false
  return true
}

/** Series that a worker keeps: above it all are let go of, here and there. */
export const mostBarsKept = 64

/**
 * For a child process, which shares no memory: bars go there once, later only by name. Holds what one child has; both
 * sides count alike.
 */
export class SentBars {
  readonly #sent = new Set<Fingerprint>()
  /** Bytes of bars that went to the child. */
  bytes = 0

  /** The task's data with bars that the child has by name only. */
  lean(data: Data): Data {
    const { bars } = (data ?? {}) as { readonly bars?: LentBars | readonly LentBars[] }
    if (bars === undefined) return data
    const named = Array.isArray(bars) ? bars.map((one) => this.#named(one)) : this.#named(bars as LentBars)
    return { ...(data as object), bars: named } as unknown as Data
  }

  #named(bars: LentBars): LentBars {
    if (this.#sent.has(bars.fingerprint)) return { ...bars, columns: [] }
    if (this.#sent.size >= mostBarsKept) this.#sent.clear()
    this.#sent.add(bars.fingerprint)
    for (const column of bars.columns) this.bytes += column.byteLength
    return bars
  }
}

/** The bars again, over the same memory. They were checked where they were made; so is their fingerprint. */
export function borrowBars(lent: LentBars): Bars {
  const { columns, fingerprint, symbol, timeframe, calendar, barsPerYear } = lent
  if (columns.length === 0)
    throw new TradewrightError('INTERNAL', `a worker was told of bars that it does not have: ${fingerprint}`)
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
