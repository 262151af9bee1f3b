import { defineStrategy, type Strategy } from '@tradewright/backtest'
import type { SimulationOptions } from '@tradewright/core'

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
