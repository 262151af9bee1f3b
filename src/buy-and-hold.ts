import { backtest, defineStrategy, type Strategy } from '@tradewright/backtest'
import { type Bars, type SimulationOptions, viewRange } from '@tradewright/core'

/** Long from the first bar to the last. */
export const buyAndHold: Strategy<Record<never, never>> = defineStrategy({
  name: 'buy-and-hold',
  params: {},
  signals: ({ close }) => ({ long: close.gt(0) }),
})

/** The simulation that buying and holding is run with: the same fills and costs, all in, without stops. */
export function holdSimulation(simulation: SimulationOptions): SimulationOptions {
  const { preset, fill, feeBps, slippageBps, fixedFee, initialCash, barsPerYear } = simulation
  return { preset, fill, feeBps, slippageBps, fixedFee, initialCash, barsPerYear }
}

/**
 * Tries simulation options out on two bars, so that a wrong one is refused once, before the search, and not by every
 * trial.
 *
 * @throws TradewrightError `UNKNOWN_NAME`, `BAD_OPTION` (also where bars per year are stated nowhere).
 */
export function checkSimulation(simulation: SimulationOptions, bars: Bars): void {
  backtest(buyAndHold, {}, viewRange(bars, 0, 2), simulation)
}
