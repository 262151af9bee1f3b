import { TradewrightError, unknownName } from './error.ts'
import type { ParamSpec, Params, ParamValue, SpaceShape } from './param-spec.ts'

/** What is wrong with `params` against a shape, or undefined. */
export function shapeFault(
  shape: SpaceShape,
  params: Params,
  prefix: string,
  tag?: string,
): TradewrightError | undefined {
  for (const name of Object.keys(params))
    if (name !== tag && !Object.hasOwn(shape, name))
      return unknownName(
        'strategy parameter',
        prefix + name,
        Object.keys(shape).map((known) => prefix + known),
      )
  for (const [name, spec] of Object.entries(shape)) {
    const value = params[name]
    const fault = value === undefined ? missing(prefix + name) : specFault(spec, value, prefix + name)
    if (fault !== undefined) return fault
  }
  return undefined
}

const missing = (name: string): TradewrightError =>
  new TradewrightError('BAD_OPTION', `parameter '${name}' must be given, was undefined`, { name })

function specFault(spec: ParamSpec, value: ParamValue, name: string): TradewrightError | undefined {
  const fault = (rule: string): TradewrightError =>
    new TradewrightError('BAD_OPTION', `parameter '${name}' must be ${rule}, was ${JSON.stringify(value)}`, {
      name,
      value,
    })
  switch (spec.kind) {
    case 'int':
    case 'float': {
      const inside = typeof value === 'number' && value >= spec.low && value <= spec.high
      const kind = spec.kind === 'int' ? 'a whole number' : 'a number'
      if (!inside || (spec.kind === 'int' && !Number.isInteger(value)))
        return fault(`${kind} from ${spec.low} to ${spec.high}`)
      const steps = spec.step === 0 ? 0 : (value - spec.low) / spec.step
      if (Math.abs(steps - Math.round(steps)) > 1e-6) return fault(`${spec.low} plus a multiple of ${spec.step}`)
      return undefined
    }
    case 'choice':
      return spec.values.includes(value as string)
        ? undefined
        : fault(`one of ${spec.values.map((v) => JSON.stringify(v)).join(', ')}`)
    case 'oneOf': {
      const branch = typeof value === 'object' && value !== null ? value[spec.tag] : undefined
      if (typeof branch !== 'string' || !Object.hasOwn(spec.branches, branch))
        return fault(`an object whose '${spec.tag}' is one of ${Object.keys(spec.branches).join(', ')}`)
      return shapeFault(spec.branches[branch], value as Params, `${name}.`, spec.tag)
    }
    default:
      return spec satisfies never
  }
}
