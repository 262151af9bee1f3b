import type { Fingerprint } from '@tradewright/core'
import { FastMarket, type MarketPrices } from './fast-market.ts'
import type { FastMemory } from './fast-memory.ts'
import { ResidentColumns } from './resident-columns.ts'

/** Memory that markets may keep between batches. */
const RESIDENT_BYTES = 64 * 1024 * 1024
const MOST_MARKETS = 64

/** A market and the bars that it was made of: told by their memory, and not kept alive. */
interface Resident {
  readonly market: FastMarket
  /** Undefined before anybody asked for them. */
  columns: ResidentColumns | undefined
  readonly buffers: readonly WeakRef<ArrayBufferLike>[]
  readonly offset: number
  readonly length: number
}

const columnsOf = ({ open, high, low, close }: MarketPrices): readonly Float64Array[] => [open, high, low, close]

/**
 * Markets that stay in the kernels' memory between batches over the same bars: making their tables costs as much as a
 * hundred trials. The first batch over some bars makes what it needs and leaves nothing; the second makes it to stay.
 */
export class ResidentMarkets {
  readonly #memory: FastMemory
  readonly #bottom: number
  #residents: Resident[] = []

  constructor(memory: FastMemory) {
    this.#memory = memory
    this.#bottom = memory.mark()
  }

  /**
   * The market of some bars for one batch of that many trials; give it back by {@link settle}.
   *
   * @param compare whether to look at every price: where nothing but their memory says that bars are the same.
   */
  take(bars: MarketPrices, trials: number, compare = false): FastMarket {
    const known = this.#residents.find((resident) => isOf(resident, bars))
    if (known === undefined) return this.#begin(bars, trials)
    const { market } = known
    if (market.full || (compare && !market.holds(bars))) {
      this.#clear()
      return this.#begin(bars, trials)
    }
    market.lend(bars)
    market.restore()
    known.columns?.restore(this.#memory, RESIDENT_BYTES - (this.#memory.mark() - this.#bottom))
    this.#memory.floor = this.#memory.mark()
    if (this.#memory.floor - this.#bottom <= RESIDENT_BYTES) return market
    this.#clear()
    return this.#begin(bars, trials)
  }

  /** The columns that stay with a market of {@link take}; undefined where it does not stay itself. */
  columns(market: FastMarket, data: Fingerprint): ResidentColumns | undefined {
    const known = this.#residents.find((resident) => resident.market === market)
    if (known === undefined) return undefined
    known.columns ??= new ResidentColumns(data, market.length)
    return known.columns.fits(data) ? known.columns : undefined
  }

  #begin(bars: MarketPrices, trials: number): FastMarket {
    const market = new FastMarket(this.#memory, bars, trials)
    if (this.#residents.length >= MOST_MARKETS) this.#clear()
    if (FastMarket.mostBytes(bars.length) > RESIDENT_BYTES) return market
    const columns = columnsOf(bars)
    this.#residents.push({
      market,
      columns: undefined,
      buffers: columns.map(({ buffer }) => new WeakRef(buffer)),
      offset: bars.close.byteOffset,
      length: bars.length,
    })
    return market
  }

  /** After a batch: the market forgets what it made above the floor. */
  settle(market: FastMarket): void {
    market.forget(this.#memory.floor)
  }

  #clear(): void {
    this.#residents = []
    this.#memory.floor = this.#bottom
    this.#memory.release(this.#bottom)
  }
}

function isOf({ buffers, offset, length }: Resident, bars: MarketPrices): boolean {
  return (
    length === bars.length &&
    offset === bars.close.byteOffset &&
    columnsOf(bars).every(({ buffer }, i) => buffers[i].deref() === buffer)
  )
}

const residents = new WeakMap<FastMemory, ResidentMarkets>()

/** The markets that stay in a memory. Ask for them before anything else is allocated there. */
export function residentMarkets(memory: FastMemory): ResidentMarkets {
  let known = residents.get(memory)
  if (known === undefined) {
    known = new ResidentMarkets(memory)
    residents.set(memory, known)
  }
  return known
}
