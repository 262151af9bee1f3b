import { type GraphProgram, isTradewrightError } from '@tradewright/core'
import { FastBits } from './fast-bits.ts'
import { FastColumns } from './fast-columns.ts'
import { type CostRecords, FastMarket } from './fast-market.ts'
import type { FastMemory } from './fast-memory.ts'
import type { NodeValues } from './node-values.ts'
import { type EventPlan, type EventRef, planSignals } from './signal-plan.ts'
import type { SimulationSettings } from './simulation-settings.ts'

/** Numbers that the kernels write for a trial: see assembly/account.ts. */
export const ROW = {
  sum: 0,
  sum2: 1,
  sumLoss: 2,
  equity: 3,
  won: 4,
  lost: 5,
  traded: 6,
  held: 7,
  wins: 8,
  closed: 9,
  trades: 10,
  ratio: 11,
  fees: 12,
  sum3: 13,
  sum4: 14,
  status: 15,
  size: 16,
} as const

/** Up to this length holdings are summed from prefix sums: a rule of the data alone, so that batches do not matter. */
const PREFIX_BARS = 131_072
/** Shorter slices go to the plain form, whose figures are exact in degenerate samples. */
const LEAST_BARS = 128
/** Columns a side of a tile of trials, and from how many trials on order matters. */
const TILE = 8
const TILED_TRIALS = 64
/** A trial with less of all bars' squares than this is summed bar by bar: differences of prefix sums lose digits. */
const LEAST_SHARE = 4e-3

/** A batch for {@link runFast}: indexes count from the first row of `values.bars`. */
export interface FastBatch {
  readonly programs: readonly GraphProgram[]
  /** One a program. */
  readonly settings: readonly SimulationSettings[]
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
  /** Columns beyond this are not held at once: the batch is split. @default 1 GiB */
  readonly maxBytes?: number | undefined
}

/** Whether a trial's rules are among the fast ones; data may still send it to the plain form. */
export function isFast(settings: SimulationSettings, plan: ReturnType<typeof planSignals>): plan is EventPlan {
  const { trailingStop } = settings
  return plan.kind === 'events' && trailingStop.fraction !== trailingStop.fraction && trailingStop.node < 0
}

/**
 * Simulates many trials over one range of bars: {@link ROW}.size numbers a trial. Status 1: left to the plain form.
 *
 * A trial's numbers do not depend on the other trials of its batch.
 */
export function runFast(memory: FastMemory, batch: FastBatch): Float64Array {
  const { programs, settings, values } = batch
  const mark = memory.mark()
  const rows = runWhole(memory, batch)
  if (rows !== undefined) return rows
  const half = programs.length >> 1
  const halves = [
    [0, half],
    [half, programs.length],
  ].map(([from, to]) => {
    batch.market?.forget(mark)
    batch.market?.lend(values.bars)
    memory.release(mark)
    values.forget()
    return runFast(memory, { ...batch, programs: programs.slice(from, to), settings: settings.slice(from, to) })
  })
  const joined = new Float64Array(programs.length * ROW.size)
  joined.set(halves[0])
  joined.set(halves[1], halves[0].length)
  return joined
}

/** A batch at once, or undefined where its columns are too large for that. */
function runWhole(memory: FastMemory, batch: FastBatch): Float64Array | undefined {
  const { programs, settings, values, maxBytes = 1024 * 1024 * 1024 } = batch
  const rows = new Float64Array(programs.length * ROW.size)
  const length = values.bars.length
  const runner = length - batch.start < LEAST_BARS ? undefined : new FastRunner(memory, batch)
  if (runner === undefined || !runner.market.closesFit) {
    for (let t = 0; t < programs.length; t++) rows[t * ROW.size + ROW.status] = 1
    return rows
  }
  const plans = planAll(programs, settings)
  plans.forEach((plan, t) => {
    if (plan !== undefined) runner.want(plan, settings[t])
  })
  if (runner.columnBytes > maxBytes && programs.length > 1) return undefined
  runner.load()
  for (const t of runner.order(plans)) {
    const plan = plans[t]
    const at = t * ROW.size
    if (plan !== undefined && runner.tryRun(plan, settings[t])) runner.copyRow(rows, at)
    else rows[at + ROW.status] = 1
  }
  return rows
}

function planAll(
  programs: readonly GraphProgram[],
  settings: readonly SimulationSettings[],
): (EventPlan | undefined)[] {
  return programs.map((program, t) => {
    try {
      const plan = planSignals(program.signals, settings[t].direction)
      return isFast(settings[t], plan) ? plan : undefined
    } catch {
      return undefined // the plain form says why
    }
  })
}

class FastRunner {
  readonly market: FastMarket
  readonly #memory: FastMemory
  readonly #batch: FastBatch
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

  constructor(memory: FastMemory, batch: FastBatch) {
    const { values, programs, keep } = batch
    this.#memory = memory
    this.#batch = batch
    this.market = batch.market ?? new FastMarket(memory, values.bars, programs.length)
    this.#columns = new FastColumns(memory, values, keep)
    this.#bits = new FastBits(memory, values, this.#columns)
    const { length } = values.bars
    this.#list = memory.allocate(length * 8 + 128)
    this.#prices = memory.allocate(length * 8 + 128)
    this.#account = memory.allocate(64)
    this.#rules = memory.allocate(64)
    this.#out = memory.allocate(256)
  }

  want(plan: EventPlan, settings: SimulationSettings): void {
    const { longEntry, longExit, shortEntry, shortExit } = plan
    if (longEntry !== undefined) this.#bits.want(longEntry.node)
    if (longExit !== undefined) this.#bits.want(longExit.node)
    if (shortEntry !== undefined) this.#bits.want(shortEntry.node)
    if (shortExit !== undefined) this.#bits.want(shortExit.node)
    if (settings.stopLoss.node >= 0) this.#columns.want(settings.stopLoss.node)
    if (settings.takeProfit.node >= 0) this.#columns.want(settings.takeProfit.node)
  }

  get columnBytes(): number {
    return this.#columns.bytes
  }

  load(): void {
    this.#columns.load()
    this.#bits.load()
  }

  /** In which order to run trials: those that compare the same columns together. */
  order(plans: readonly (EventPlan | undefined)[]): Uint32Array {
    const keys = new Float64Array(plans.length)
    const tiled = plans.length >= TILED_TRIALS && this.#columns.count > 2 * TILE
    for (let t = 0; t < plans.length; t++) {
      const node = tiled ? (plans[t]?.longEntry ?? plans[t]?.shortEntry)?.node : undefined
      keys[t] = (node === undefined ? 0 : this.#bits.tile(node, TILE)) * plans.length + t
    }
    return Uint32Array.from(tiled ? keys.sort() : keys, (key) => key % plans.length)
  }

  copyRow(rows: Float64Array, at: number): void {
    const from = this.#out >>> 3
    const { doubles } = this.#memory
    for (let k = 0; k < ROW.size; k++) rows[at + k] = doubles[from + k]
  }

  /** One trial. @returns whether its row stands in `out`; not so where the plain form has to run it, or to say why not. */
  tryRun(plan: EventPlan, settings: SimulationSettings): boolean {
    try {
      return this.#run(plan, settings)
    } catch (error) {
      if (!isTradewrightError(error)) throw error
      return false
    }
  }

  #run(plan: EventPlan, settings: SimulationSettings): boolean {
    const { market } = this
    const stops = hasStops(settings)
    const next = settings.fill === 'nextOpen'
    const shorts = plan.shortEntry !== undefined
    if (next && !market.opensFit) return false
    if ((stops || (shorts && settings.liquidation)) && !market.rangesFit) return false
    if (settings !== this.#settings) this.#use(settings)
    this.#bits.next()
    const { length } = market
    const lag = next ? 1 : 0
    const to = this.#batch.final || next ? length - 1 : length
    if ((shorts && plan.longEntry !== undefined) || settings.timeStopBars > 0 || isDistance(settings)) {
      const count = this.#walk(plan, settings, to, lag)
      return this.#measure(settings, count, 0, this.#prices, shorts, 0)
    }
    const side = shorts ? 1 : 0
    const on = this.#of(shorts ? plan.shortEntry : plan.longEntry)
    const off = this.#of(shorts ? plan.shortExit : plan.longExit)
    const { start } = this.#batch
    const { kernels } = this.#memory
    const count = kernels.latchEvents(on, off, start, to, 0, this.#list)
    if (!stops) return this.#measure(settings, count, lag, 0, shorts, side)
    // An entry within a trade would come to its own once a stop has ended that trade.
    if (kernels.countSets(on, off, start, to) > (count + 1) >> 1)
      return this.#measure(settings, this.#walk(plan, settings, to, lag), 0, this.#prices, shorts, 0)
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
  #of(event: EventRef | undefined): number {
    if (event === undefined) return this.#bits.zeros
    const bits = this.#bits.bits(event.node)
    return event.negate ? this.#without(this.#bits.ones, bits) : bits
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
  #walk(plan: EventPlan, settings: SimulationSettings, to: number, lag: number): number {
    const { market } = this
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
        this.#batch.start,
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
    const longs = this.#of(plan.longEntry)
    const longExits = this.#of(plan.longExit)
    const shorts = this.#of(plan.shortEntry)
    const shortExits = this.#of(plan.shortExit)
    const goLong = plan.longExit === undefined ? longs : this.#without(longs, longExits)
    const goShort = plan.shortExit === undefined ? shorts : this.#without(shorts, shortExits)
    const outLong = plan.longExit === undefined ? bits.zeros : this.#without(longExits, longs)
    const outShort = plan.shortExit === undefined ? bits.zeros : this.#without(shortExits, shorts)
    if (plan.shortEntry === undefined) return walk(goLong, outLong, bits.zeros, goLong, 0)
    if (plan.longEntry === undefined) return walk(goShort, bits.zeros, outShort, 0, goShort)
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
    const { sizing } = settings
    const allIn = sizing.type === 'allIn' || (sizing.type === 'fraction' && sizing.fraction === 1)
    const proportional = !shorts && allIn && settings.fixedFee === 0
    if (proportional && this.market.length <= PREFIX_BARS && this.#long(settings, count, lag, prices)) return true
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
    return this.#memory.doubles[(this.#out >>> 3) + ROW.status] === 0
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
    if (count === 0) return true
    const row = this.#out >>> 3
    const { doubles } = this.#memory
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
