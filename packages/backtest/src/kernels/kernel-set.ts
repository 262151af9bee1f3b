/** 16-bit codes of columns: a monotone map of each bar's values, so that unequal codes decide a comparison. */
export interface Coding {
  /** Widens low[i] to high[i] to hold column[i], NaN apart. `bars` a multiple of 64. */
  widenRange(column: number, bars: number, low: number, high: number): void
  /** scale[i] = 65535 / (high[i] - low[i]); 0, and low[i] = 0, where that is no number. */
  scaleRange(low: number, high: number, bars: number, scale: number): void
  /** int16 codes of a column in its range: a larger code is a larger value, equal codes say nothing. */
  encodeColumn(column: number, bars: number, low: number, scale: number, codes: number): void
}

/**
 * The engine's hot loops, over one memory that pointers (byte offsets, multiples of 16) lead into. Two forms do the
 * same: WebAssembly with SIMD, and plain TypeScript, its reference and fallback.
 *
 * Bit sets hold a bar a bit, 64 bars a word, the first bar lowest; `words` is even. Columns of numbers are padded with
 * NaN to whole words.
 */
export interface Kernels {
  readonly form: 'wasm' | 'plain'
  /** The memory. Another object after `reserve`. */
  readonly buffer: ArrayBuffer
  /** Makes the memory at least this large. */
  reserve(bytes: number): void

  /**
   * `valid`: where a column is a number. @returns 1 when 16-bit codes may stand for it: nothing in it is beyond 1e300.
   */
  scanColumn(column: number, words: number, valid: number): number
  /** 1 when every one of n values lies between the bounds. */
  valuesBetween(column: number, n: number, least: number, greatest: number): number
  /** Undefined where comparisons use no codes. */
  readonly coding: Coding | undefined

  /**
   * Bits where a > b and where a < b. From word `solid` to `solidEnd` - 1 both columns are numbers on every bar and
   * codes decide what they can: nowhere where there are no codes. @returns the words that codes left undecided.
   */
  compareColumns(
    a: number,
    b: number,
    aCodes: number,
    bCodes: number,
    aValid: number,
    bValid: number,
    words: number,
    solid: number,
    solidEnd: number,
    greater: number,
    less: number,
  ): number
  /** Bits where a crosses above b and where below. */
  crossColumns(
    a: number,
    b: number,
    aCodes: number,
    bCodes: number,
    aValid: number,
    bValid: number,
    words: number,
    solid: number,
    solidEnd: number,
    above: number,
    below: number,
  ): number

  /** As compareColumns with a finite number; `solid` to `solidEnd` - 1 are words of finite values. */
  compareNumber(
    a: number,
    value: number,
    aValid: number,
    words: number,
    solid: number,
    solidEnd: number,
    greater: number,
    less: number,
  ): void
  crossNumber(
    a: number,
    value: number,
    aValid: number,
    words: number,
    solid: number,
    solidEnd: number,
    above: number,
    below: number,
  ): void

  bitsAnd(a: number, b: number, words: number, out: number): void
  bitsOr(a: number, b: number, words: number, out: number): void
  bitsXor(a: number, b: number, words: number, out: number): void
  /** a and not b. */
  bitsAndNot(a: number, b: number, words: number, out: number): void
  /** out[i] = a[i - bars]. `out` is not `a`. */
  bitsLag(a: number, bars: number, words: number, out: number): void

  /**
   * Bars from `from` to `to` - 1 on which a latch, set by `on` and reset by `off`, changes; bars with both count for
   * nothing. int32 at `out`, with room for 4 more. @returns their number.
   */
  latchEvents(on: number, off: number, from: number, to: number, state: number, out: number): number
  /** Bars from `from` to `to` - 1 that have `on` and not `off`. */
  countSets(on: number, off: number, from: number, to: number): number
  /** Stops over trades on one side that no second entry falls into: see assembly/stops.ts. @returns int32 in `list`. */
  stopTrades(
    list: number,
    count: number,
    lag: number,
    end: number,
    short: number,
    open: number,
    fill: number,
    table: number,
    stride: number,
    top: number,
    rules: number,
    prices: number,
  ): number
  /** Trades of signals with stops: see assembly/walk.ts. @returns the number of int32 written to `list`. */
  walkTrades(
    wait: number,
    leaveLong: number,
    leaveShort: number,
    goLong: number,
    goShort: number,
    from: number,
    to: number,
    end: number,
    lag: number,
    open: number,
    fill: number,
    table: number,
    stride: number,
    top: number,
    rules: number,
    stopColumn: number,
    targetColumn: number,
    list: number,
    prices: number,
  ): number

  /** 4 numbers for each of n + 1 bars: see assembly/tables.ts. */
  priceRecords(close: number, n: number, records: number): void
  /** 4 numbers a bar for entries, 4 for exits: see assembly/tables.ts. */
  costRecords(
    records: number,
    fill: number,
    n: number,
    buy: number,
    sell: number,
    rate: number,
    entries: number,
    exits: number,
  ): void
  /** Prefix sums of r^3 and r^4, interleaved. */
  prefixMoments(close: number, n: number, sums: number): void
  /** `levels` tables `stride` bytes apart of (least low, -greatest high) of 2^level bars from each bar on. */
  rangeTable(low: number, high: number, n: number, levels: number, stride: number, table: number): void

  /**
   * Long, all cash, no fixed fee, with costRecords. Writes a row of 16 numbers, and goes on from the 16 at `out` + 256,
   * where it leaves what they are after the last closed trade: see assembly/account.ts.
   */
  accountLong(
    list: number,
    count: number,
    lag: number,
    end: number,
    records: number,
    fill: number,
    entries: number,
    exits: number,
    table: number,
    stride: number,
    top: number,
    prices: number,
    settings: number,
    out: number,
  ): void
  /** The same to the last bit, without costRecords. */
  accountLongOwnCosts(
    list: number,
    count: number,
    lag: number,
    end: number,
    records: number,
    fill: number,
    table: number,
    stride: number,
    top: number,
    prices: number,
    settings: number,
    out: number,
  ): void
  /** Adds the sums of r^3 and r^4 to the row of either. */
  accountLongMoments(
    list: number,
    count: number,
    lag: number,
    end: number,
    records: number,
    fill: number,
    sums: number,
    prices: number,
    settings: number,
    out: number,
  ): void
  /** Any trades, bar by bar within the holdings; goes on from the 21 numbers at `out` + 256: see assembly/holdings.ts. */
  accountHoldings(
    list: number,
    count: number,
    lag: number,
    end: number,
    fill: number,
    close: number,
    high: number,
    prices: number,
    settings: number,
    out: number,
    short: number,
    moments: number,
  ): void
}
