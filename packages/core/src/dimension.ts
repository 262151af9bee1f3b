import { badSpace, type SpaceShape, stepped } from './param-spec.ts'

/** When a dimension takes part: only while `dimension` has the value `value`. */
export interface Condition {
  /** Index of an earlier categorical dimension. */
  readonly dimension: number
  /** Index among its values. */
  readonly value: number
}

/**
 * One number of a point: the flat form of a space that samplers work on.
 *
 * A categorical dimension's number is the index of its value.
 */
export interface Dimension {
  /** Unique, as in `fast` or `exit[atr].mult`. */
  readonly name: string
  readonly kind: 'int' | 'float' | 'categorical'
  readonly low: number
  readonly high: number
  /** 0 where continuous. */
  readonly step: number
  readonly log: boolean
  /** The values of a categorical dimension. */
  readonly values: readonly (string | number | boolean | null)[] | undefined
  /** Number of values; Infinity where continuous. */
  readonly count: number
  readonly condition: Condition | undefined
  /** Keys that lead to the value in `Params`. */
  readonly path: readonly string[]
}

/** The dimensions of a shape, in its order, parents before their branches. */
export function flatten(
  shape: SpaceShape,
  prefix: string,
  path: readonly string[],
  condition: Condition | undefined,
  out: Dimension[],
): void {
  for (const [key, spec] of Object.entries(shape)) {
    const name = prefix + key
    const base = { name, condition, path: [...path, key] }
    switch (spec.kind) {
      case 'int':
      case 'float': {
        const { low, high, step, log } = spec
        const count = step === 0 ? (low === high ? 1 : Number.POSITIVE_INFINITY) : Math.round((high - low) / step) + 1
        out.push({ ...base, kind: spec.kind, low, high, step, log, count, values: undefined })
        break
      }
      case 'choice':
        out.push({ ...base, ...categorical(spec.values) })
        break
      case 'oneOf': {
        const parent = out.length
        const branches = Object.keys(spec.branches)
        out.push({ ...base, ...categorical(branches), name: `${name}.${spec.tag}`, path: [...path, key, spec.tag] })
        branches.forEach((branch, value) => {
          flatten(spec.branches[branch], `${name}[${branch}].`, [...path, key], { dimension: parent, value }, out)
        })
        break
      }
      default:
        throw badSpace(`parameter '${name}' must be made by int, float, choice, bool or oneOf`, {
          name,
          spec: spec satisfies never,
        })
    }
  }
}

function categorical(
  values: readonly (string | number | boolean | null)[],
): Omit<Dimension, 'name' | 'path' | 'condition'> {
  return { kind: 'categorical', low: 0, high: values.length - 1, step: 1, log: false, values, count: values.length }
}

/** Number of points of the part of the space under one condition. */
export function countPoints(dimensions: readonly Dimension[], under: Condition | undefined): number {
  let total = 1
  dimensions.forEach((dimension, index) => {
    const { condition } = dimension
    if (condition?.dimension !== under?.dimension || condition?.value !== under?.value) return
    const branches = dimensions.some((d) => d.condition?.dimension === index)
    if (!branches) total *= dimension.count
    else {
      let sum = 0
      for (let value = 0; value < dimension.count; value++) sum += countPoints(dimensions, { dimension: index, value })
      total *= sum
    }
  })
  return total
}

/** The dimension's value nearest to `x`. */
export function snap(dimension: Dimension, x: number): number {
  const { low, high, step } = dimension
  const clamped = Math.min(high, Math.max(low, x))
  if (step === 0) return clamped
  return stepped(low, step, Math.round((clamped - low) / step))
}

/** The value at a place of the unit interval. */
export function unitToValue(dimension: Dimension, unit: number): number {
  const u = Math.min(1, Math.max(0, unit))
  const { low, high, step, log, count } = dimension
  if (count === 1) return low
  if (step === 0) {
    const x = log ? Math.exp(Math.log(low) + u * (Math.log(high) - Math.log(low))) : low + u * (high - low)
    return Math.min(high, Math.max(low, x))
  }
  if (!log) return stepped(low, step, Math.min(count - 1, Math.floor(u * count)))
  // Cells of a logarithmic integer reach half a step to both sides.
  const bottom = Math.log(low - step / 2)
  return snap(dimension, Math.exp(bottom + u * (Math.log(high + step / 2) - bottom)))
}

/** The place of a value in the unit interval. */
export function valueToUnit(dimension: Dimension, value: number): number {
  const { low, high, step, log, count } = dimension
  if (count === 1) return 0.5
  if (step === 0) {
    if (!log) return (value - low) / (high - low)
    return (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))
  }
  if (!log) return (Math.round((value - low) / step) + 0.5) / count
  const bottom = Math.log(low - step / 2)
  return (Math.log(value) - bottom) / (Math.log(high + step / 2) - bottom)
}
