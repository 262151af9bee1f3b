import {
  choice,
  defineSpace,
  float,
  int,
  oneOf,
  type ParamSpec,
  type Params,
  type ParamValue,
  type Space,
  type SpaceShape,
  TradewrightError,
  unknownName,
} from '@tradewright/core'

function fixSpec(spec: ParamSpec, value: ParamValue, name: string): ParamSpec {
  if (spec.kind !== 'oneOf') {
    // A space of this parameter alone says what is wrong with its value, in the words it always uses.
    defineSpace({ [name]: spec }).check({ [name]: value })
    if (typeof value === 'number' && spec.kind === 'int') return int(value, value)
    if (typeof value === 'number' && spec.kind === 'float') return float(value, value)
    return choice([value as string | number | boolean | null])
  }
  if (typeof value !== 'object' || value === null)
    throw new TradewrightError('BAD_OPTION', `parameter '${name}' must be fixed by an object with '${spec.tag}'`, {
      name,
      value,
    })
  const { [spec.tag]: branch, ...rest } = value
  if (typeof branch !== 'string' || !Object.hasOwn(spec.branches, branch))
    throw unknownName(`branch of parameter '${name}'`, String(branch), Object.keys(spec.branches))
  return oneOf(spec.tag, { [branch]: fixShape(spec.branches[branch], rest) })
}

function fixShape(shape: SpaceShape, fixed: Params): SpaceShape {
  const out: Record<string, ParamSpec> = { ...shape }
  for (const [name, value] of Object.entries(fixed)) {
    if (value === undefined) continue
    if (!Object.hasOwn(shape, name)) throw unknownName('strategy parameter', name, Object.keys(shape))
    out[name] = fixSpec(shape[name], value, name)
  }
  return out
}

/**
 * The part of a space in which some parameters have the values given; `space` itself where none are.
 *
 * @param fixed values by name; of a `oneOf`, its branch and any of the branch's parameters.
 * @throws TradewrightError `UNKNOWN_NAME` (a parameter or branch, with the nearest), `BAD_OPTION` (a value outside).
 */
export function fixParams<P>(space: Space<P>, fixed: Params | undefined): Space<P> {
  if (fixed === undefined || Object.keys(fixed).length === 0) return space
  return defineSpace(fixShape(space.shape, fixed), {
    where: space.where as ((params: unknown) => boolean) | undefined,
  }) as unknown as Space<P>
}
