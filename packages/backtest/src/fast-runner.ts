import { isTradewrightError } from '@tradewright/core'
import { FastBits } from './fast-bits.ts'
import { FastColumns } from './fast-columns.ts'
import { type CostRecords, FastMarket } from './fast-market.ts'
import type { FastMemory } from './fast-memory.ts'
import { type FastPlans, PLAN } from './fast-plans.ts'
import { ROW } from './fast-row.ts'
import { type FastSums, SUMS } from './fast-state.ts'
import type { NodeValues } from './node-values.ts'
import type { ResidentColumns } from './resident-columns.ts'
import type { SimulationSettings } from './simulation-settings.ts'
import { everyTrial, sortedPlaces } from './trial-order.ts'

/** Up to this length holdings are summed from prefix sums: a rule of the data alone, so that batches do not matter. */
const PREFIX_BARS = 131_072
/** Columns a side of a tile of trials, and from how many trials on order matters. */
const TILE = 8
const TILED_TRIALS = 64
/** A trial with less of all bars' squares than this is summed bar by bar: differences of prefix sums lose digits. */
const LEAST_SHARE = 4e-3

/** A batch for the fast form: indexes count from the first row of `values.bars`. */
export interface FastBatch {
  readonly plans: FastPlans
  /** Which trials of `plans`. @default all */
  readonly trials?: Uint32Array | undefined
  /** Of each trial of `plans`. */
  readonly settings: (trial: number) => SimulationSettings
  readonly values: NodeValues
  /** Whether indicators go into the store of `values`; else they live as long as the batch. */
  readonly keep: boolean
  /** First bar traded. The last is the last of `values.bars`. */
  readonly start: number
  readonly final: boolean
  /** Whether to sum the third and fourth powers of the returns. */
  readonly moments: boolean
  /** Prices and tables of `values.bars`. @default made for this batch */
  readonly market?: FastMarket | undefined
  /** Columns that stay between batches. @default none */
  readonly resident?: ResidentColumns | undefined
  /** What each trial of `plans` goes on from, its bar as a row of `values.bars`. @default from `start` */
  readonly resume?: ((trial: number) => FastSums | undefined) | undefined
  /** Told from which row on a trial was run, and what it can be continued from: undefined where it cannot. */
  readonly onRun?: ((trial: number, from: number, sums: FastSums | undefined) => void) | undefined
  /** Whether to keep what trials can be continued from. */
  readonly wantSums?: boolean | undefined
  /** Columns beyond this are not held at once: the batch is split. @default 1 GiB */
  readonly maxBytes?: number | undefined
  /** Whether columns wait until {@link FastRunner.ensure} asks for them. @default false */
  readonly lazy?: boolean | undefined
}

/** A batch that is ready. It lives as long as its memory is not released. */
export class FastRunner {
  readonly market: FastMarket
  readonly #memory: FastMemory
  readonly #batch: FastBatch
  readonly #trials: Uint32Array
  readonly #columns: FastColumns
  readonly #bits: FastBits
  readonly #list: number
  readonly #prices: number
  readonly #account: number
  readonly #rules: number
  readonly #out: number
  #settings: SimulationSettings | undefined
  /** Of `#settings`. */
  #costs: CostRecords | undefined
  // Of the trial that runs.
  #resume: FastSums | undefined
  #begin = 0
  #form: FastSums['form'] = 'long'
  #sums: FastSums | undefined

  constructor(memory: FastMemory, batch: FastBatch, trials: Uint32Array) {
    const { values, keep, resident } = batch
    this.#memory = memory
    this.#batch = batch
    this.#trials = trials
    this.market = batch.market ?? new FastMarket(memory, values.bars, trials.length)
    this.#columns = new FastColumns(memory, values, keep, resident)
    this.#bits = new FastBits(memory, values, this.#columns)
    const { length } = values.bars
    this.#list = memory.allocate(length * 8 + 128)
    this.#prices = memory.allocate(length * 8 + 128)
    this.#account = memory.allocate(64)
    this.#rules = memory.allocate(64)
    this.#out = memory.allocate(512)
  }

  /** Notes which columns the trials need. */
  want(): void {
    const { plans, settings } = this.#batch
    const { nodes, fast } = plans
    for (const t of this.#trials) {
      if (fast[t] === 0) continue
      for (let at = t * PLAN.size; at < (t + 1) * PLAN.size; at++) if (nodes[at] >= 0) this.#bits.want(nodes[at])
      const { stopLoss, takeProfit } = settings(t)
      if (stopLoss.node >= 0) this.#columns.want(stopLoss.node)
      if (takeProfit.node >= 0) this.#columns.want(takeProfit.node)
    }
  }

  get columnBytes(): number {
    return this.#columns.bytes
  }

  load(): void {
    this.#columns.load(this.#batch.lazy === true, this.#firstWord())
    this.#bits.load()
  }

  /** Computes the columns that some of the trials need, where the batch is lazy. */
  ensure(trials: Uint32Array): void {
    const { plans, settings } = this.#batch
    const { nodes, fast } = plans
    const found = new Set<number>()
    for (const t of trials) {
      if (fast[t] === 0) continue
      for (let at = t * PLAN.size; at < (t + 1) * PLAN.size; at++)
        if (nodes[at] >= 0) this.#bits.columnsBelow(nodes[at], found)
      const { stopLoss, takeProfit } = settings(t)
      if (stopLoss.node >= 0) found.add(stopLoss.node)
      if (takeProfit.node >= 0) found.add(takeProfit.node)
    }
    this.#columns.ensure(found)
  }

  /** The first word of 64 bars that any trial needs. */
  #firstWord(): number {
    const { resume, start } = this.#batch
    if (resume === undefined) return 0
    let row = this.market.length
    for (const t of this.#trials) row = Math.min(row, this.#resumed(t)?.bar ?? start)
    return (Math.max(0, row - this.#bits.reach) >> 7) << 1
  }

  /** What a trial goes on from: only sums of the form that is tried first for it. */
  #resumed(trial: number): FastSums | undefined {
    const { plans, settings, resume } = this.#batch
    const sums = resume?.(trial)
    if (sums === undefined || plans.fast[trial] === 0) return undefined
    return sums.form === this.#formOf(trial * PLAN.size, settings(trial)) ? sums : undefined
  }

  /** By prefix sums where positions are long and take all cash without a fixed fee. */
  #formOf(plan: number, { sizing, fixedFee }: SimulationSettings): FastSums['form'] {
    const shorts = this.#batch.plans.nodes[plan + PLAN.shortEntry] >= 0
    const allIn = sizing.type === 'allIn' || (sizing.type === 'fraction' && sizing.fraction === 1)
    return !shorts && allIn && fixedFee === 0 && this.market.length <= PREFIX_BARS ? 'long' : 'holdings'
  }

  /** In which order to run trials, as places in `trials`: those that compare the same columns together. */
  order(): Uint32Array {
    const trials = this.#trials
    if (trials.length < TILED_TRIALS || this.#columns.count <= 2 * TILE) return everyTrial(trials.length)
    const { nodes } = this.#batch.plans
    const tiles = new Uint32Array(trials.length)
    let last = 0
    for (let k = 0; k < trials.length; k++) {
      const at = trials[k] * PLAN.size
      const node = nodes[at] >= 0 ? nodes[at] : nodes[at + PLAN.shortEntry]
      tiles[k] = node < 0 ? 0 : this.#bits.tile(node, TILE)
      if (tiles[k] > last) last = tiles[k]
    }
    return sortedPlaces(tiles, last)
  }

  copyRow(rows: Float64Array, at: number): void {
    const from = this.#out >>> 3
    const { doubles } = this.#memory
    for (let k = 0; k < ROW.size; k++) rows[at + k] = doubles[from + k]
  }

  /** Of the trial run last: whether it can be run from its start, but not from where it was to go on. */
  again = false

  /** One trial. @returns whether its row is to be had; not so where the plain form has to run it, or to say why not. */
  run(trial: number): boolean {
    const { plans, settings, onRun } = this.#batch
    this.again = false
    if (plans.fast[trial] === 0) return false
    try {
      this.#resume = this.#resumed(trial)
      this.#begin = this.#resume?.bar ?? this.#batch.start
      const ran = this.#run(trial * PLAN.size, plans.negated[trial], settings(trial))
      if (ran) onRun?.(trial, this.#begin, this.#sums)
      return ran
    } catch (error) {
      if (!isTradewrightError(error)) throw error
      return false
    }
  }

  #run(plan: number, negated: number, settings: SimulationSettings): boolean {
    const { nodes } = this.#batch.plans
    const { market } = this
    const stops = hasStops(settings)
    const next = settings.fill === 'nextOpen'
    const longs = nodes[plan] >= 0
    const shorts = nodes[plan + PLAN.shortEntry] >= 0
    if (next && !market.opensFit) return false
    if ((stops || (shorts && settings.liquidation)) && !market.rangesFit) return false
    if (settings !== this.#settings) this.#use(settings)
    this.#bits.next()
    const { length } = market
    const lag = next ? 1 : 0
    const to = this.#batch.final || next ? length - 1 : length
    this.#form = this.#formOf(plan, settings)
    this.#sums = undefined
    if ((shorts && longs) || settings.timeStopBars > 0 || isDistance(settings)) {
      const count = this.#walk(plan, negated, settings, to, lag)
      return this.#measure(settings, count, 0, this.#prices, shorts, 0)
    }
    const side = shorts ? 1 : 0
    const entry = shorts ? PLAN.shortEntry : PLAN.longEntry
    const on = this.#of(plan, negated, entry)
    const off = this.#of(plan, negated, entry + 1)
    const start = this.#begin
    const { kernels } = this.#memory
    const count = kernels.latchEvents(on, off, start, to, 0, this.#list)
    if (!stops) return this.#measure(settings, count, lag, 0, shorts, side)
    // An entry within a trade would come to its own once a stop has ended that trade.
    if (kernels.countSets(on, off, start, to) > (count + 1) >> 1)
      return this.#measure(settings, this.#walk(plan, negated, settings, to, lag), 0, this.#prices, shorts, 0)
    return this.#measure(settings, this.#stop(count, lag, side), 0, this.#prices, shorts, side)
  }

  #stop(count: number, lag: number, side: number): number {
    const { market } = this
    const { table, stride, top } = market.ranges
    const fill = lag === 1 ? market.open : market.close
    return this.#memory.kernels.stopTrades(
      this.#list,
      count,
      lag,
      market.length,
      side,
      market.open,
      fill,
      table,
      stride,
      top,
      this.#rules,
      this.#prices,
    )
  }

  #use(settings: SimulationSettings): void {
    this.#settings = settings
    this.#costs = undefined
    const { slippage, feeRate, fixedFee, sizing, initialCash, liquidation } = settings
    const { doubles } = this.#memory
    const at = this.#account >>> 3
    doubles[at] = initialCash
    doubles[at + 1] = 1 + slippage
    doubles[at + 2] = 1 - slippage
    doubles[at + 3] = feeRate
    doubles[at + 4] = fixedFee
    doubles[at + 5] = sizing.type === 'fraction' ? sizing.fraction : 1
    doubles[at + 6] = sizing.type === 'quantity' ? sizing.quantity : 0
    doubles[at + 7] = liquidation ? 1 : 0
    const rules = this.#rules >>> 3
    doubles[rules] = 1 + slippage
    doubles[rules + 1] = 1 - slippage
    doubles[rules + 2] = settings.stopLoss.fraction
    doubles[rules + 3] = settings.takeProfit.fraction
    doubles[rules + 4] = settings.stopExit === 'stopMarket' ? slippage : 0
    doubles[rules + 5] = settings.timeStopBars
  }

  /** The bits of a signal; none where there is no signal. */
  #of(plan: number, negated: number, place: number): number {
    const node = this.#batch.plans.nodes[plan + place]
    if (node < 0) return this.#bits.zeros
    const bits = this.#bits.bits(node)
    return (negated & (1 << place)) === 0 ? bits : this.#without(this.#bits.ones, bits)
  }

  #without(a: number, b: number): number {
    const out = this.#bits.slot()
    this.#memory.kernels.bitsAndNot(a, b, this.#columns.words, out)
    return out
  }

  #either(a: number, b: number): number {
    const out = this.#bits.slot()
    this.#memory.kernels.bitsOr(a, b, this.#columns.words, out)
    return out
  }

  /** Trades with stops or on both sides; the list says which side. @returns the number of int32 in the list. */
  #walk(plan: number, negated: number, settings: SimulationSettings, to: number, lag: number): number {
    const { market } = this
    const { nodes } = this.#batch.plans
    const { kernels } = this.#memory
    const bits = this.#bits
    const column = (node: number): number => (node < 0 ? 0 : this.#columns.column(node).values)
    const ranges = hasStops(settings) ? market.ranges : NO_TABLE
    const walk = (wait: number, leaveLong: number, leaveShort: number, goLong: number, goShort: number): number =>
      kernels.walkTrades(
        wait,
        leaveLong,
        leaveShort,
        goLong,
        goShort,
        this.#begin,
        to,
        market.length,
        lag,
        market.open,
        lag === 1 ? market.open : market.close,
        ranges.table,
        ranges.stride,
        ranges.top,
        this.#rules,
        column(settings.stopLoss.node),
        column(settings.takeProfit.node),
        this.#list,
        this.#prices,
      )
    // Entry and exit of one side on one bar: both are ignored.
    const longs = this.#of(plan, negated, PLAN.longEntry)
    const longExits = this.#of(plan, negated, PLAN.longExit)
    const shorts = this.#of(plan, negated, PLAN.shortEntry)
    const shortExits = this.#of(plan, negated, PLAN.shortExit)
    const hasLongExit = nodes[plan + PLAN.longExit] >= 0
    const hasShortExit = nodes[plan + PLAN.shortExit] >= 0
    const goLong = hasLongExit ? this.#without(longs, longExits) : longs
    const goShort = hasShortExit ? this.#without(shorts, shortExits) : shorts
    const outLong = hasLongExit ? this.#without(longExits, longs) : bits.zeros
    const outShort = hasShortExit ? this.#without(shortExits, shorts) : bits.zeros
    if (nodes[plan + PLAN.shortEntry] < 0) return walk(goLong, outLong, bits.zeros, goLong, 0)
    if (nodes[plan + PLAN.longEntry] < 0) return walk(goShort, bits.zeros, outShort, 0, goShort)
    // Two opposite entries: both are ignored. A reversal includes the exit.
    const onlyLong = this.#without(goLong, goShort)
    const onlyShort = this.#without(goShort, goLong)
    return walk(
      this.#either(onlyLong, onlyShort),
      this.#either(onlyShort, outLong),
      this.#either(onlyLong, outShort),
      onlyLong,
      onlyShort,
    )
  }

  #measure(
    settings: SimulationSettings,
    count: number,
    lag: number,
    prices: number,
    shorts: boolean,
    side: number,
  ): boolean {
    if (this.#form === 'long') {
      if (this.#long(settings, count, lag, prices)) return this.#done(settings, count, lag)
      this.again = this.#resume !== undefined
      if (this.again) return false
    }
    this.#open(settings, 'holdings')
    this.#memory.kernels.accountHoldings(
      this.#list,
      count,
      lag,
      this.market.length,
      settings.fill === 'nextOpen' ? this.market.open : this.market.close,
      this.market.close,
      shorts && settings.liquidation ? this.market.high : 0,
      prices,
      this.#account,
      this.#out,
      side,
      this.#batch.moments ? 1 : 0,
    )
    if (this.#memory.doubles[(this.#out >>> 3) + ROW.status] !== 0) return false
    return this.#form === 'long' || this.#done(settings, count, lag)
  }

  /** Where the kernels find what they go on from, and leave it. */
  get #saved(): number {
    return (this.#out + 256) >>> 3
  }

  #open({ initialCash }: SimulationSettings, form: FastSums['form']): void {
    const { doubles } = this.#memory
    const at = this.#saved
    if (this.#resume !== undefined) {
      doubles.set(this.#resume.sums, at)
      return
    }
    doubles.fill(0, at, at + SUMS)
    if (form === 'long') {
      doubles[at + 4] = initialCash
      doubles[at + 11] = 1
      doubles[at + 12] = initialCash
      doubles[at + 13] = -initialCash
    } else {
      doubles[at + 5] = initialCash
      doubles[at + 6] = initialCash
      doubles[at + 7] = initialCash
      doubles[at + 8] = 1
      doubles[at + 16] = initialCash
    }
  }

  /** Keeps what a longer run can go on from: the sums after the last closed trade. */
  #done(settings: SimulationSettings, count: number, lag: number): true {
    if (this.#batch.wantSums !== true) return true
    const { doubles, integers } = this.#memory
    const { length } = this.market
    const at = this.#saved
    const closed = this.#form === 'long' ? count & ~1 : doubles[at + SUMS]
    const fillLag = settings.fill === 'nextOpen' ? 1 : 0
    // The signals after the exit's bar have not been acted on; at the end of these bars, the last one's may not.
    // One that an exit reversed into begins with that exit's own signal.
    const next = this.#form === 'holdings' && doubles[at + 20] !== 0 ? 0 : 1
    const after = closed === 0 ? this.#begin : integers[(this.#list >>> 2) + closed - 1] + lag + next - fillLag
    const bar = closed === count ? Math.max(after, this.#batch.final ? length - 1 : length - fillLag) : after
    this.#sums = { form: this.#form, bar, sums: doubles.slice(at, at + SUMS) }
    return true
  }

  /** By prefix sums. @returns false where these lose digits. */
  #long(settings: SimulationSettings, count: number, lag: number, prices: number): boolean {
    const { market } = this
    const { kernels } = this.#memory
    const { records, closes, length } = market
    const fill = settings.fill === 'nextOpen' ? market.open : market.close
    const moments = this.#batch.moments ? market.moments : 0
    const { table, stride, top } = closes
    this.#costs ??= market.costs(fill, 1 + settings.slippage, 1 - settings.slippage, settings.feeRate) ?? NO_COSTS
    const { entries, exits } = this.#costs
    this.#open(settings, 'long')
    if (entries === 0)
      kernels.accountLongOwnCosts(
        this.#list,
        count,
        lag,
        length,
        records,
        fill,
        table,
        stride,
        top,
        prices,
        this.#account,
        this.#out,
      )
    else
      kernels.accountLong(
        this.#list,
        count,
        lag,
        length,
        records,
        fill,
        entries,
        exits,
        table,
        stride,
        top,
        prices,
        this.#account,
        this.#out,
      )
    const row = this.#out >>> 3
    const { doubles } = this.#memory
    if (doubles[row + ROW.trades] === 0) return true
    const loss = doubles[row + ROW.sumLoss]
    if (doubles[row + ROW.sum2] < LEAST_SHARE * market.sum2) return false
    if (loss !== 0 && loss < LEAST_SHARE * market.sumLoss) return false
    if (moments === 0) return true
    kernels.accountLongMoments(this.#list, count, lag, length, records, fill, moments, prices, this.#account, this.#out)
    return doubles[row + ROW.sum4] >= LEAST_SHARE * market.sum4
  }
}

const NO_COSTS = { entries: 0, exits: 0 } as const
const NO_TABLE = { table: 0, stride: 0, top: 0 } as const

function isDistance({ stopLoss, takeProfit }: SimulationSettings): boolean {
  return stopLoss.node >= 0 || takeProfit.node >= 0
}

function hasStops({ stopLoss, takeProfit }: SimulationSettings): boolean {
  return (
    stopLoss.fraction === stopLoss.fraction ||
    takeProfit.fraction === takeProfit.fraction ||
    stopLoss.node >= 0 ||
    takeProfit.node >= 0
  )
}
