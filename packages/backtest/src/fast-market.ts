import { TradewrightError } from '@tradewright/core'
import type { FastMemory } from './fast-memory.ts'
import type { NodeBars } from './node-values.ts'

const TABLE_BYTES = 48 * 1024 * 1024
/** Levels of a table for a few trials: it costs as much as it saves. */
const FEW_LEVELS = 6
const FEW_TRIALS = 32
const COST_BYTES = 16 * 1024 * 1024
const COST_SETS = 8
/** Kernels multiply and divide prices: beyond these they leave it to the plain form. */
const LEAST_PRICE = 1e-100
const GREATEST_PRICE = 1e100

/** Whether every bar has low <= open <= high, all prices. */
function rangesFit({ open, high, low, length }: MarketPrices): boolean {
  let fit = true
  for (let i = 0; i < length; i++)
    if (!(low[i] > LEAST_PRICE && low[i] <= open[i] && open[i] <= high[i] && high[i] < GREATEST_PRICE)) fit = false
  return fit
}

function isFlat({ low, high, close }: MarketPrices): boolean {
  return low.every((x, i) => x === close[i] && high[i] === x)
}

/** Levels of a range table over n bars: at most `most`, and what its bound on bytes allows. */
function levelsOf(n: number, most: number): number {
  return Math.max(1, Math.min(32 - Math.clz32(n), most, Math.floor(TABLE_BYTES / (16 * n))))
}

/** Lows and highs of any range of bars. */
export interface RangeTable {
  readonly table: number
  readonly stride: number
  readonly top: number
}

/** Entry and exit records for one set of costs. */
export interface CostRecords {
  readonly entries: number
  readonly exits: number
}

/** What of the bars a market reads. */
export type MarketPrices = Pick<NodeBars, 'open' | 'high' | 'low' | 'close' | 'length'>

interface CostKey {
  readonly atOpen: boolean
  readonly buy: number
  readonly sell: number
  readonly rate: number
}

/**
 * Prices of a batch in the kernels' memory, with the tables that the kernels read: each column is checked and copied,
 * and each table made, when it is first needed.
 */
export class FastMarket {
  readonly length: number
  readonly #memory: FastMemory
  #bars: MarketPrices | undefined
  #levels: number
  /** What was forgotten: makes it again. */
  readonly #lost: (() => unknown)[] = []
  #closesFit: boolean | undefined
  #opensFit: boolean | undefined
  #rangesFit: boolean | undefined
  #close = 0
  #open = 0
  #high = 0
  #low = 0
  /** Whether `#ranges` is the table of closes, because lows and highs are closes. */
  #flat = false
  #records = 0
  #moments = 0
  #closes: RangeTable | undefined
  #ranges: RangeTable | undefined
  readonly #costs: (CostRecords & CostKey)[] = []
  /** Sums over all bars, to compare a trial's with: r^2, min(r, 0)^2, r^4. */
  sum2 = 0
  sumLoss = 0
  sum4 = 0

  constructor(memory: FastMemory, bars: MarketPrices, trials: number) {
    this.#memory = memory
    this.#bars = bars
    this.length = bars.length
    this.#levels = levelsOf(bars.length, trials < FEW_TRIALS ? FEW_LEVELS : 32)
  }

  /** Bytes that the market of n bars may take: columns, sums, two range tables, one set of costs. */
  static mostBytes(n: number): number {
    return n * (4 * 8 + 32 + 16 + 64 + 2 * 16 * levelsOf(n, 32))
  }

  /** The bars again, after `forget`. */
  lend(bars: MarketPrices): void {
    this.#bars = bars
  }

  /** Forgets the bars, and every piece of memory from `mark` on, which is about to be released. */
  forget(mark: number): void {
    const lost = (pointer: number, make: () => unknown): boolean => {
      if (pointer < mark) return false
      this.#lost.push(make)
      return true
    }
    if (lost(this.#close, () => this.close)) this.#close = 0
    if (lost(this.#open, () => this.open)) this.#open = 0
    if (lost(this.#high, () => this.high)) this.#high = 0
    if (lost(this.#low, () => this.low)) this.#low = 0
    if (lost(this.#records, () => this.records)) this.#records = 0
    if (lost(this.#moments, () => this.moments)) this.#moments = 0
    if (lost(this.#closes?.table ?? 0, () => this.closes)) this.#closes = undefined
    if (lost(this.#ranges?.table ?? 0, () => this.ranges)) this.#ranges = undefined
    for (const set of this.#costs.splice(0)) {
      const { atOpen, buy, sell, rate, entries } = set
      if (!lost(entries, () => this.costs(atOpen ? this.open : this.close, buy, sell, rate))) this.#costs.push(set)
    }
    this.#bars = undefined
  }

  /** Makes everything again that was forgotten, with tables as deep as they get: for a market that is to stay. */
  restore(): void {
    this.#levels = levelsOf(this.length, 32)
    for (const make of this.#lost.splice(0)) make()
  }

  /** Whether what it copied of the prices is what they are. */
  holds(bars: MarketPrices): boolean {
    const { open, high, low, close } = bars
    const same = (pointer: number, column: Float64Array): boolean => {
      if (pointer === 0) return true
      const at = pointer >>> 3
      const { doubles } = this.#memory
      for (let i = 0; i < column.length; i++) if (doubles[at + i] !== column[i]) return false
      return true
    }
    return (
      same(this.#close, close) &&
      same(this.#open, open) &&
      same(this.#high, high) &&
      same(this.#low, low) &&
      (this.#rangesFit === undefined || this.#rangesFit === rangesFit(bars)) &&
      (!this.#flat || isFlat(bars))
    )
  }

  /** Whether there is no room for the costs of other requests. */
  get full(): boolean {
    return this.#costs.length >= COST_SETS
  }

  get #prices(): MarketPrices {
    if (this.#bars === undefined) throw new TradewrightError('INTERNAL', 'a market was used without its bars')
    return this.#bars
  }

  /** Whether closes are prices. Else nothing here is fast. */
  get closesFit(): boolean {
    this.#closesFit ??= this.#fits(this.close)
    return this.#closesFit
  }

  get opensFit(): boolean {
    this.#opensFit ??= this.#fits(this.open)
    return this.#opensFit
  }

  /** Whether every bar has low <= open <= high: then a level within low and high is reached, or the open is beyond it. */
  get rangesFit(): boolean {
    this.#rangesFit ??= rangesFit(this.#prices)
    return this.#rangesFit
  }

  get close(): number {
    if (this.#close === 0) this.#close = this.#column(this.#prices.close)
    return this.#close
  }

  get open(): number {
    if (this.#open === 0) this.#open = this.#column(this.#prices.open)
    return this.#open
  }

  get high(): number {
    if (this.#high === 0) this.#high = this.#column(this.#prices.high)
    return this.#high
  }

  get low(): number {
    if (this.#low === 0) this.#low = this.#column(this.#prices.low)
    return this.#low
  }

  #fits(column: number): boolean {
    return this.#memory.kernels.valuesBetween(column, this.length, LEAST_PRICE, GREATEST_PRICE) === 1
  }

  #column(values: Float64Array): number {
    const at = this.#memory.allocate(values.length * 8 + 64)
    this.#memory.viewDoubles(at, values.length).set(values)
    return at
  }

  /** priceRecords of the closes. */
  get records(): number {
    if (this.#records === 0) {
      const { length } = this
      const at = this.#memory.allocate((length + 1) * 32)
      this.#records = at
      this.#memory.kernels.priceRecords(this.close, length, at)
      this.sum2 = this.#memory.doubles[(at >>> 3) + length * 4 + 1]
      this.sumLoss = this.#memory.doubles[(at >>> 3) + length * 4 + 2]
    }
    return this.#records
  }

  /** Prefix sums of r^3 and r^4. */
  get moments(): number {
    if (this.#moments === 0) {
      this.#moments = this.#memory.allocate(this.length * 16)
      this.#memory.kernels.prefixMoments(this.close, this.length, this.#moments)
      this.sum4 = this.#memory.doubles[(this.#moments >>> 3) + this.length * 2 - 1]
    }
    return this.#moments
  }

  get closes(): RangeTable {
    this.#closes ??= this.#table(this.close, this.close)
    return this.#closes
  }

  /** Of lows and highs. */
  get ranges(): RangeTable {
    if (this.#ranges === undefined) {
      this.#flat = isFlat(this.#prices) // bars made of closes: one table, not two
      this.#ranges = this.#flat ? this.closes : this.#table(this.low, this.high)
    }
    return this.#ranges
  }

  #table(low: number, high: number): RangeTable {
    const stride = Math.ceil(this.length / 4) * 64 + 192
    const table = this.#memory.allocate(stride * this.#levels)
    this.#memory.kernels.rangeTable(low, high, this.length, this.#levels, stride, table)
    return { table, stride, top: this.#levels - 1 }
  }

  /** Records for costs, undefined where there are too many different ones: they change no result. */
  costs(fill: number, buy: number, sell: number, rate: number): CostRecords | undefined {
    const atOpen = fill === this.#open
    for (const known of this.#costs)
      if (known.atOpen === atOpen && known.buy === buy && known.sell === sell && known.rate === rate) return known
    if (this.#costs.length >= COST_SETS || this.length * 64 * (this.#costs.length + 1) > COST_BYTES) return undefined
    const { records } = this
    const made = {
      atOpen,
      buy,
      sell,
      rate,
      entries: this.#memory.allocate(this.length * 32),
      exits: this.#memory.allocate(this.length * 32),
    }
    this.#memory.kernels.costRecords(records, fill, this.length, buy, sell, rate, made.entries, made.exits)
    this.#costs.push(made)
    return made
  }
}
