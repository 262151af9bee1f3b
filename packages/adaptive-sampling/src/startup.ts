import { type Params, type SampleRequest, sobol } from '@tradewright/core'

/** A stream apart from every trial's own, the same for the whole study. */
const SCRAMBLE_STREAM = 2 ** 49
const SOBOL_DIMENSIONS = 100

/**
 * The first trials of a model-based sampler: scrambled Sobol points, which cover the space more evenly than random ones;
 * a uniform draw where `where` refuses the point.
 */
export function startupPoint(request: SampleRequest, trial: number): Params {
  const { space, rng } = request
  const draws = rng(trial)
  const scrambler = rng(SCRAMBLE_STREAM)
  const unit = new Float64Array(space.dimensions.length)
  for (let d = 0; d < unit.length; d++) {
    const seed = scrambler.uint32()
    unit[d] = d < SOBOL_DIMENSIONS ? sobol(trial, d, seed) : draws.uniform()
  }
  const params = space.fromUnit(unit)
  return space.where === undefined || space.where(params) ? params : space.sample(draws)
}
