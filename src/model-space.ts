import { defineSpace, type Params, type Space, type SpaceShape, TradewrightError } from '@tradewright/core'

/**
 * The strategy's parameters and the model's, as one space to search.
 *
 * @throws TradewrightError `DUPLICATE_NAME` where both have a parameter of one name, `BAD_SPACE`.
 */
export function jointSpace(strategy: Space<never>, shape: SpaceShape | undefined): Space {
  if (shape !== undefined && (typeof shape !== 'object' || shape === null))
    throw new TradewrightError('BAD_OPTION', `model.params must be an object of int, float, ..., was ${String(shape)}`)
  for (const name of Object.keys(shape ?? {}))
    if (Object.hasOwn(strategy.shape, name))
      throw new TradewrightError(
        'DUPLICATE_NAME',
        `the strategy and its model each have a parameter '${name}': give one of them another name`,
        { name },
      )
  const where = strategy.where as ((params: unknown) => boolean) | undefined
  const own = Object.keys(strategy.shape)
  return defineSpace(
    { ...strategy.shape, ...shape },
    where === undefined ? {} : { where: (params) => where(pick(params as Params, own)) },
  ) as unknown as Space
}

/** The parameters of these names. */
export function pick(params: Params, names: readonly string[]): Params {
  return Object.fromEntries(names.map((name) => [name, params[name]]))
}
