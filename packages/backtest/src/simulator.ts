import { CompensatedSum } from './compensated-sum.ts'
import { type Action, CLOSE, type Ledger, LONG, NONE, SHORT, type StopDistances, type Trade } from './orders.ts'
import type { HeldBars, ReturnStatistics } from './return-statistics.ts'
import type { SimulationSettings, StopSetting } from './simulation-settings.ts'

/** Where a simulation stands: plain numbers by name. */
export interface SimulatorState {
  readonly cash: number
  readonly position: number
  readonly entryIndex: number
  readonly entryPrice: number
  readonly entryFee: number
  readonly peak: number
  readonly stopDistance: number
  readonly profitDistance: number
  readonly trailDistance: number
  readonly lastPrice: number
  readonly closedTrades: number
  readonly wonTrades: number
  readonly pnl: readonly [sum: number, low: number]
  readonly won: readonly [sum: number, low: number]
  readonly lost: readonly [sum: number, low: number]
  readonly fees: readonly [sum: number, low: number]
  readonly traded: readonly [sum: number, low: number]
}

/** Whether a stop is set. */
export const isOn = ({ fraction, node }: StopSetting): boolean => fraction === fraction || node >= 0

/** A price that an order can fill at. */
const tradable = (price: number): boolean => price > 0 && price < Number.POSITIVE_INFINITY

/**
 * The price at which a level acts, or NaN: at the open where the bar opens beyond it, else at the level where the bar
 * reaches it.
 *
 * @param falling whether the level acts when the price falls to it.
 */
function priceAtLevel(falling: boolean, level: number, open: number, low: number, high: number): number {
  if (falling ? open <= level : open >= level) return open
  return low <= level && level <= high ? level : NaN
}

/**
 * Cash, position and orders of one trial, by docs/backtest.md to the letter: one instance is fed bar by bar.
 *
 * A bar is `stops`, then `act` (orders), then `mark` (equity), in this order. The batch loop, the stream and a resumed
 * run call the same three, so they cannot differ.
 */
export class Simulator {
  readonly settings: SimulationSettings
  readonly #ledger: Ledger | undefined
  readonly #trailing: boolean
  cash: number
  /** Units: above 0 long, below 0 short. */
  position = 0
  entryIndex: number = -1
  entryPrice: number = NaN
  /** Fee paid for the part of the entry that is still open. */
  #entryFee = 0
  /** The best price since the entry: what a trailing stop trails. */
  #peak = NaN
  /** Distances in price units, read at the entry's signal bar; NaN where the stop is a fraction or off. */
  #stopDistance = NaN
  #profitDistance = NaN
  #trailDistance = NaN
  #lastPrice = NaN

  closedTrades = 0
  wonTrades = 0
  /** Net results of closed trades. */
  readonly #pnl = new CompensatedSum()
  readonly #won = new CompensatedSum()
  readonly #lost = new CompensatedSum()
  readonly #fees = new CompensatedSum()
  readonly #traded = new CompensatedSum()

  constructor(settings: SimulationSettings, ledger?: Ledger) {
    this.settings = settings
    this.#ledger = ledger
    this.#trailing = isOn(settings.trailingStop)
    this.cash = settings.initialCash
  }

  /** Sum of the net results of closed trades. */
  get pnl(): number {
    return this.#pnl.value
  }
  /** Sum of the positive ones. */
  get won(): number {
    return this.#won.value
  }
  /** Sum of the negative ones, as a positive number. */
  get lost(): number {
    return this.#lost.value
  }
  get fees(): number {
    return this.#fees.value
  }
  /** Sum of |size * price| of all orders. */
  get traded(): number {
    return this.#traded.value
  }
  /** Closed trades, and the open one. */
  get trades(): number {
    return this.closedTrades + (this.position !== 0 ? 1 : 0)
  }

  /** Equity at a bar's close; a close that is no number leaves the last price standing. */
  mark(close: number): number {
    if (this.position === 0) return this.cash
    if (close === close) this.#lastPrice = close
    return this.cash + this.position * this.#lastPrice
  }

  /** Marks many bars over which nothing happens. */
  hold(statistics: ReturnStatistics, bars: Omit<HeldBars, 'cash' | 'position' | 'price'>): void {
    const { cash, position } = this
    this.#lastPrice = statistics.addHeld({ ...bars, cash, position, price: this.#lastPrice })
  }

  /**
   * Liquidation and stops of a bar, before its orders.
   *
   * @returns whether one of them ended the position: then the bar's orders are swallowed.
   */
  stops(index: number, open: number, high: number, low: number): boolean {
    if (this.position === 0 || index <= this.entryIndex) return false
    if (this.position < 0 && this.settings.liquidation && open >= this.#bankruptcy()) return this.#liquidate(index)
    const price = this.#stopPrice(open, high, low)
    if (this.#trailing) this.#movePeak(high, low)
    if (tradable(price)) {
      this.#closeAll(index, price, this.settings.stopExit === 'stopMarket' ? this.settings.slippage : 0)
      return true
    }
    return this.ruin(index, high)
  }

  #movePeak(high: number, low: number): void {
    if (this.position > 0) {
      if (high > this.#peak) this.#peak = high
    } else if (low < this.#peak) this.#peak = low
  }

  /** Liquidates a short whose equity reaches zero within the bar. */
  ruin(index: number, high: number): boolean {
    if (this.position >= 0 || !this.settings.liquidation || !(high >= this.#bankruptcy())) return false
    return this.#liquidate(index)
  }

  /** Price before slippage at which buying a short back takes all the cash. */
  #bankruptcy(): number {
    const { fixedFee, slippage, feeRate } = this.settings
    return (this.cash - fixedFee) / (-this.position * (1 + slippage) * (1 + feeRate))
  }

  #liquidate(index: number): true {
    const { fixedFee, feeRate, slippage } = this.settings
    const size = -this.position
    const price = Math.max(this.#bankruptcy(), 0) * (1 + slippage)
    this.#book(index, size, price, Math.min(size * price * feeRate + fixedFee, this.cash), 0)
    return true
  }

  #stopPrice(open: number, high: number, low: number): number {
    const long = this.position > 0
    const sign = long ? 1 : -1
    const { stopLoss, trailingStop, takeProfit } = this.settings
    const stop = this.#level(stopLoss, this.#stopDistance, this.entryPrice, -sign)
    const trail = this.#level(trailingStop, this.#trailDistance, this.#peak, -sign)
    // Of a stop loss and a trailing stop the nearer one acts.
    const level = stop !== stop ? trail : trail !== trail ? stop : long ? Math.max(stop, trail) : Math.min(stop, trail)
    if (level === level) {
      const price = priceAtLevel(long, level, open, low, high)
      if (price === price) return price
    }
    const target = this.#level(takeProfit, this.#profitDistance, this.entryPrice, sign)
    return target === target ? priceAtLevel(!long, target, open, low, high) : NaN
  }

  /** A stop's level, NaN where it is off. */
  #level(setting: StopSetting, distance: number, from: number, sign: number): number {
    if (setting.fraction === setting.fraction) return from * (1 + sign * setting.fraction)
    return distance > 0 ? from + sign * distance : NaN
  }

  /** What a bar's signals ask for in the present position, time stop included. */
  wanted(index: number, longEntry: boolean, longExit: boolean, shortEntry: boolean, shortExit: boolean): Action {
    if (this.timeIsUp(index)) return CLOSE
    // Entry and exit of one side, or two opposite entries, on one bar: both are ignored.
    let goLong = longEntry && !longExit
    let goShort = shortEntry && !shortExit
    if (goLong && goShort) goLong = goShort = false
    if (this.position > 0) return goShort ? SHORT : longExit && !longEntry ? CLOSE : NONE
    if (this.position < 0) return goLong ? LONG : shortExit && !shortEntry ? CLOSE : NONE
    return goLong ? LONG : goShort ? SHORT : NONE
  }

  /** Whether the time stop closes the position with the orders of this signal bar. */
  timeIsUp(index: number): boolean {
    const { timeStopBars } = this.settings
    return timeStopBars > 0 && this.position !== 0 && index - this.entryIndex >= timeStopBars
  }

  /**
   * Fills an action.
   *
   * @param index     bar of the fill.
   * @param price     price before slippage. No order where it is no number above zero.
   * @param distances of the stops that are expressions, read at the signal bar; NaN for the others.
   */
  act(action: Action, index: number, price: number, distances: StopDistances): void {
    if (action.type === 'none' || !tradable(price)) return
    const before = this.position
    if (before === 0) this.#lastPrice = price
    switch (action.type) {
      case 'long':
        this.#goLong(index, price)
        break
      case 'short':
        this.#goShort(index, price)
        break
      case 'close':
        this.#closeAll(index, price, this.settings.slippage)
        break
      case 'target':
        this.#goTo(index, price, action.target)
        break
      default:
        action satisfies never
    }
    if (this.position !== 0 && before * this.position <= 0) {
      this.#stopDistance = distances.stopLoss
      this.#profitDistance = distances.takeProfit
      this.#trailDistance = distances.trailingStop
    }
  }

  #goLong(index: number, price: number): void {
    const { sizing, slippage, feeRate, fixedFee } = this.settings
    const cover = Math.max(-this.position, 0)
    if (sizing.type === 'quantity') this.#buy(index, price * (1 + slippage), cover + sizing.quantity)
    else if (sizing.type === 'allIn' || sizing.fraction === 1) this.#buyAll(index, price * (1 + slippage))
    else {
      // The fraction is of the cash that is left after covering.
      const bought = price * (1 + slippage)
      const left = this.cash - cover * bought * (1 + feeRate)
      this.#buy(index, bought, cover + Math.max((sizing.fraction * left - fixedFee) / (1 + feeRate) / bought, 0))
    }
  }

  #goShort(index: number, price: number): void {
    const { sizing, slippage, feeRate, fixedFee } = this.settings
    const held = Math.max(this.position, 0)
    const sold = price * (1 - slippage)
    if (sizing.type === 'quantity') {
      this.#sell(index, sold, held + sizing.quantity)
      return
    }
    const fraction = sizing.type === 'allIn' ? 1 : sizing.fraction
    const free = this.cash + held * sold * (1 - feeRate)
    this.#sell(index, sold, held + Math.max((fraction * (free - fixedFee)) / (sold * (1 + feeRate)), 0))
  }

  #closeAll(index: number, price: number, slippage: number): void {
    if (this.position > 0) this.#sell(index, price * (1 - slippage), this.position)
    else if (this.position < 0) this.#buy(index, price * (1 + slippage), -this.position)
  }

  /** One order to `target` of what closing everything would leave, sized as an entry from flat. */
  #goTo(index: number, price: number, target: number): void {
    const { slippage, feeRate, fixedFee } = this.settings
    const bought = price * (1 + slippage)
    const sold = price * (1 - slippage)
    const held = this.position
    const free = this.cash + (held > 0 ? held * sold * (1 - feeRate) : held * bought * (1 + feeRate))
    const worth = Math.max(free - fixedFee, 0)
    const wanted = target > 0 ? (target * worth) / (1 + feeRate) / bought : (target * worth) / (sold * (1 + feeRate))
    const size = wanted - held
    if (size > 0) this.#buy(index, bought, size)
    else if (size < 0) this.#sell(index, sold, -size)
  }

  /** A purchase never costs more than the cash: the rest is not filled. */
  #buy(index: number, price: number, size: number): void {
    const { feeRate, fixedFee } = this.settings
    const fee = size * price * feeRate + fixedFee
    if (size * price + fee > this.cash) this.#buyAll(index, price)
    else if (size > 0) this.#book(index, size, price, fee, this.cash - size * price - fee)
  }

  #buyAll(index: number, price: number): void {
    const { feeRate, fixedFee } = this.settings
    const size = (this.cash - fixedFee) / (1 + feeRate) / price
    if (size > 0) this.#book(index, size, price, size * price * feeRate + fixedFee, 0)
  }

  /** A sale that does not pay its own fee is not made. */
  #sell(index: number, price: number, size: number): void {
    const { feeRate, fixedFee } = this.settings
    const fee = size * price * feeRate + fixedFee
    if (size > 0 && size * price - fee >= 0) this.#book(index, -size, price, fee, this.cash + size * price - fee)
  }

  /** One filled order: the closing part ends the open trade, what remains opens or enlarges a position. */
  #book(index: number, signed: number, price: number, fee: number, cash: number): void {
    const size = Math.abs(signed)
    this.#fees.add(fee)
    this.#traded.add(size * price)
    this.#ledger?.order({ index, side: signed > 0 ? 'buy' : 'sell', size, price, fee })
    const held = this.position
    let opening = size
    if (held * signed < 0) {
      const closing = Math.min(size, Math.abs(held))
      this.#closePart(index, price, closing, fee * (closing / size))
      opening = size - Math.abs(held)
    }
    this.position = signed === -held ? 0 : held + signed
    if (opening > 0) this.#open(index, price, opening, fee * (opening / size), held * signed > 0 ? Math.abs(held) : 0)
    this.cash = cash
  }

  #open(index: number, price: number, size: number, fee: number, held: number): void {
    if (held > 0) {
      // Adding to a position: one trade at the mean price, from its first bar.
      this.entryPrice = (this.entryPrice * held + price * size) / (held + size)
      this.#entryFee += fee
      return
    }
    this.entryIndex = index
    this.entryPrice = price
    this.#entryFee = fee
    this.#peak = price
  }

  #closePart(index: number, price: number, size: number, fee: number): void {
    const held = Math.abs(this.position)
    const entryFee = this.#entryFee * (size / held)
    this.#entryFee -= entryFee
    const trade = this.#trade(index, price, size, entryFee, fee, 'closed')
    this.closedTrades++
    if (trade.pnl > 0) {
      this.wonTrades++
      this.#won.add(trade.pnl)
    } else if (trade.pnl < 0) this.#lost.add(-trade.pnl)
    this.#pnl.add(trade.pnl)
    this.#ledger?.trade(trade)
  }

  #trade(
    index: number,
    price: number,
    size: number,
    entryFee: number,
    exitFee: number,
    status: Trade['status'],
  ): Trade {
    const long = this.position > 0
    const pnl = (long ? price - this.entryPrice : this.entryPrice - price) * size - entryFee - exitFee
    return {
      entryIndex: this.entryIndex,
      exitIndex: index,
      direction: long ? 'long' : 'short',
      entryPrice: this.entryPrice,
      exitPrice: price,
      size,
      pnl,
      return: pnl / (this.entryPrice * size),
      status,
      fees: entryFee + exitFee,
    }
  }

  /** The open trade at the last price, without an exit fee; undefined where flat. */
  openTrade(index: number): Trade | undefined {
    if (this.position === 0) return undefined
    return this.#trade(index, this.#lastPrice, Math.abs(this.position), this.#entryFee, 0, 'open')
  }

  save(): SimulatorState {
    return {
      cash: this.cash,
      position: this.position,
      entryIndex: this.entryIndex,
      entryPrice: this.entryPrice,
      entryFee: this.#entryFee,
      peak: this.#peak,
      stopDistance: this.#stopDistance,
      profitDistance: this.#profitDistance,
      trailDistance: this.#trailDistance,
      lastPrice: this.#lastPrice,
      closedTrades: this.closedTrades,
      wonTrades: this.wonTrades,
      pnl: this.#pnl.save(),
      won: this.#won.save(),
      lost: this.#lost.save(),
      fees: this.#fees.save(),
      traded: this.#traded.save(),
    }
  }

  restore(state: SimulatorState): void {
    this.cash = state.cash
    this.position = state.position
    this.entryIndex = state.entryIndex
    this.entryPrice = state.entryPrice
    this.#entryFee = state.entryFee
    this.#peak = state.peak
    this.#stopDistance = state.stopDistance
    this.#profitDistance = state.profitDistance
    this.#trailDistance = state.trailDistance
    this.#lastPrice = state.lastPrice
    this.closedTrades = state.closedTrades
    this.wonTrades = state.wonTrades
    this.#pnl.restore(state.pnl)
    this.#won.restore(state.won)
    this.#lost.restore(state.lost)
    this.#fees.restore(state.fees)
    this.#traded.restore(state.traded)
  }
}
