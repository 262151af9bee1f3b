import {
  type Bars,
  type NodeRef,
  type SimulationOptions,
  type Sizing,
  type StopDistance,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import { shown } from './run-arguments.ts'

const KEYS = [
  'preset',
  'fill',
  'direction',
  'feeBps',
  'slippageBps',
  'fixedFee',
  'stopLoss',
  'takeProfit',
  'trailingStop',
  'stopExit',
  'timeStopBars',
  'sizing',
  'initialCash',
  'barsPerYear',
  'liquidation',
  'metrics',
] as const satisfies readonly (keyof SimulationOptions)[]
const KNOWN: ReadonlySet<string> = new Set(KEYS)

/** The names of the simulation options. */
export const simulationKeys: readonly (keyof SimulationOptions)[] = KEYS

/** @throws TradewrightError `UNKNOWN_NAME` for a key that is no simulation option. */
export function checkSimulationKeys(options: object): void {
  for (const key in options) if (!KNOWN.has(key)) throw unknownName('simulation option', key, KEYS)
}

/** A stop, resolved: off where `fraction` is NaN and `node` is -1. */
export interface StopSetting {
  /** Fraction of the entry's fill price; NaN where the stop is off or a distance. */
  readonly fraction: number
  /** Node whose value at the entry's signal bar is the distance in price units; -1 where there is none. */
  readonly node: number
}

/** Simulation options after presets, request and the strategy's `simulate`: nothing is optional any more. */
export interface SimulationSettings {
  readonly fill: 'close' | 'nextOpen'
  readonly direction: 'long' | 'short' | 'both'
  /** Fee as a fraction of the traded value. */
  readonly feeRate: number
  /** Slippage as a fraction of the price. */
  readonly slippage: number
  readonly fixedFee: number
  readonly stopLoss: StopSetting
  readonly takeProfit: StopSetting
  readonly trailingStop: StopSetting
  readonly stopExit: 'stopMarket' | 'stopLimit'
  /** 0 where off. */
  readonly timeStopBars: number
  readonly sizing: Sizing
  readonly initialCash: number
  readonly barsPerYear: number
  readonly liquidation: boolean
}

const OFF: StopSetting = Object.freeze({ fraction: NaN, node: -1 })
const ALL_IN: Sizing = Object.freeze({ type: 'allIn' })
const FILLS: readonly string[] = ['close', 'nextOpen']
const DIRECTIONS: readonly string[] = ['long', 'short', 'both']
const STOP_EXITS: readonly string[] = ['stopMarket', 'stopLimit']
const PRESETS: readonly string[] = ['realistic', 'reference']
const SIZINGS: readonly string[] = ['allIn', 'quantity', 'fraction']

const PRESET = {
  realistic: { fill: 'nextOpen', feeBps: 10, slippageBps: 5, liquidation: true },
  reference: { fill: 'close', feeBps: 0, slippageBps: 0, liquidation: false },
} as const

function refuse(name: string, rule: string, value: unknown): TradewrightError {
  return new TradewrightError('BAD_OPTION', `${name} must be ${rule}, was ${shown(value)}`, { name, value })
}

function oneOfNames<T extends string>(name: string, value: T, known: readonly string[]): T {
  if (!known.includes(value)) throw unknownName(name, String(value), known)
  return value
}

function number(name: string, value: number, rule: string, fits: (value: number) => boolean): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || !fits(value)) throw refuse(name, rule, value)
  return value
}

const isShare = (bps: number): boolean => bps >= 0 && bps < 10_000
const isPositive = (value: number): boolean => value > 0
const isNotNegative = (value: number): boolean => value >= 0
const isFraction = (value: number): boolean => value > 0 && value <= 1
const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1

/** No series has as many bars: a longer time stop never acts, and would leave the integers of a kernel. */
const MOST_BARS = 2 ** 30

function stop(name: string, value: StopDistance<NodeRef> | undefined): StopSetting {
  if (value === undefined || value === null) return OFF
  if (typeof value === 'number') {
    // A long's stop at or below zero can never be reached, a gain may be larger than the price.
    const below = name === 'takeProfit' ? Number.POSITIVE_INFINITY : 1
    if (!(value > 0 && value < below))
      throw refuse(name, name === 'takeProfit' ? 'a fraction above 0' : 'a fraction above 0 and below 1', value)
    return { fraction: value, node: -1 }
  }
  const node = typeof value === 'object' ? value.distance?.node : undefined
  if (node === undefined || !Number.isInteger(node) || node < 0)
    throw refuse(name, "a fraction or { distance: expression } of the strategy's simulate", value)
  return { fraction: NaN, node }
}

function sizing(value: Sizing | undefined): Sizing {
  if (value === undefined) return ALL_IN
  if (typeof value !== 'object' || value === null) throw refuse('sizing', 'an object with a type', value)
  oneOfNames('sizing.type', value.type, SIZINGS)
  if (value.type === 'quantity') number('sizing.quantity', value.quantity, 'a number above 0', isPositive)
  if (value.type === 'fraction') number('sizing.fraction', value.fraction, 'above 0 and at most 1', isFraction)
  return value
}

/**
 * Presets, the request's options and the strategy's own, resolved: the strategy's override the request's, and both
 * override the preset.
 *
 * @param options    what the caller asked for.
 * @param simulation what the strategy's `simulate` returned for this trial.
 * @param bars       say bars per year where no option does.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`; `BAD_OPTION` where bars per year are stated nowhere.
 */
export function resolveSimulation(
  options: SimulationOptions<NodeRef>,
  simulation: SimulationOptions<NodeRef>,
  bars: Pick<Bars, 'barsPerYear' | 'timeframe' | 'calendar'>,
): SimulationSettings {
  checkSimulationKeys(options)
  checkSimulationKeys(simulation)
  const preset = PRESET[oneOfNames('preset', simulation.preset ?? options.preset ?? 'realistic', PRESETS)]
  const feeBps = simulation.feeBps ?? options.feeBps ?? preset.feeBps
  const slippageBps = simulation.slippageBps ?? options.slippageBps ?? preset.slippageBps
  const fixedFee = simulation.fixedFee ?? options.fixedFee ?? 0
  const timeStopBars = simulation.timeStopBars ?? options.timeStopBars ?? 0
  const initialCash = simulation.initialCash ?? options.initialCash ?? 10_000
  const barsPerYear = simulation.barsPerYear ?? options.barsPerYear ?? bars.barsPerYear
  if (barsPerYear === undefined)
    throw new TradewrightError(
      'BAD_OPTION',
      `bars per year must be stated: give the bars a timeframe and a calendar ('crypto', 'equity' or 'fx'), or the option barsPerYear; timeframe was ${bars.timeframe ?? 'not given'}, calendar ${bars.calendar ?? 'not given'}`,
      { timeframe: bars.timeframe, calendar: bars.calendar },
    )
  const liquidation = simulation.liquidation ?? options.liquidation ?? preset.liquidation
  if (typeof liquidation !== 'boolean') throw refuse('liquidation', 'true or false', liquidation)
  if (timeStopBars !== 0) number('timeStopBars', timeStopBars, 'an integer >= 1', isCount)
  return {
    fill: oneOfNames('fill', simulation.fill ?? options.fill ?? preset.fill, FILLS),
    direction: oneOfNames('direction', simulation.direction ?? options.direction ?? 'long', DIRECTIONS),
    feeRate: number('feeBps', feeBps, 'from 0 to below 10000', isShare) / 10_000,
    slippage: number('slippageBps', slippageBps, 'from 0 to below 10000', isShare) / 10_000,
    fixedFee: number('fixedFee', fixedFee, '>= 0', isNotNegative),
    stopLoss: stop('stopLoss', simulation.stopLoss ?? options.stopLoss),
    takeProfit: stop('takeProfit', simulation.takeProfit ?? options.takeProfit),
    trailingStop: stop('trailingStop', simulation.trailingStop ?? options.trailingStop),
    stopExit: oneOfNames('stopExit', simulation.stopExit ?? options.stopExit ?? 'stopMarket', STOP_EXITS),
    timeStopBars: Math.min(timeStopBars, MOST_BARS),
    sizing: sizing(simulation.sizing ?? options.sizing),
    initialCash: number('initialCash', initialCash, 'above 0', isPositive),
    barsPerYear: number('barsPerYear', barsPerYear, 'above 0', isPositive),
    liquidation,
  }
}
