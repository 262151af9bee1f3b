import { TradewrightError, unknownName } from './error.ts'
import { contentKey, type Key } from './key.ts'
import type { Rng } from './rng.ts'

/** A value of one parameter. */
export type ParamValue = number | string | boolean | null | { readonly [name: string]: ParamValue }

/** A set of parameters: plain data. A `oneOf` parameter is an object with its tag and the active branch's parameters. */
export type Params = Readonly<Record<string, ParamValue>>

/** Steps and scale of a number. */
export interface NumberOptions {
  /** Distance between neighbouring values, counted from `low`. @default 1 for int, continuous for float */
  readonly step?: number | undefined
  /** Search on a logarithmic scale; `low` must be above 0. Not together with a step for floats. @default false */
  readonly log?: boolean | undefined
}

/** A whole number from `low` to `high`, both included. */
export interface IntSpec {
  readonly kind: 'int'
  readonly low: number
  readonly high: number
  readonly step: number
  readonly log: boolean
}

/** A number from `low` to `high`, both included. */
export interface FloatSpec {
  readonly kind: 'float'
  readonly low: number
  readonly high: number
  /** 0 where continuous. */
  readonly step: number
  readonly log: boolean
}

/** One of a list of values without an order. */
export interface ChoiceSpec<T extends string | number | boolean | null> {
  readonly kind: 'choice'
  readonly values: readonly T[]
}

/** One of several branches, each with parameters of its own. */
export interface OneOfSpec<Tag extends string, Branches extends Readonly<Record<string, SpaceShape>>> {
  readonly kind: 'oneOf'
  readonly tag: Tag
  readonly branches: Branches
}

/** The description of one parameter. */
export type ParamSpec =
  | IntSpec
  | FloatSpec
  | ChoiceSpec<string | number | boolean | null>
  | OneOfSpec<string, Readonly<Record<string, SpaceShape>>>

/** The descriptions of all parameters, by name. */
export interface SpaceShape {
  readonly [name: string]: ParamSpec
}

type ValueOf<S> = S extends IntSpec | FloatSpec
  ? number
  : S extends ChoiceSpec<infer T>
    ? T
    : S extends OneOfSpec<infer Tag, infer Branches>
      ? { readonly [K in keyof Branches]: { readonly [T in Tag]: K } & ParamsOf<Branches[K]> }[keyof Branches]
      : never

/** The parameters that a shape describes. */
export type ParamsOf<Shape> = { readonly [K in keyof Shape]: ValueOf<Shape[K]> }

function bad(rule: string, details: Record<string, unknown>): TradewrightError {
  return new TradewrightError('BAD_SPACE', rule, details)
}

function checkRange(kind: string, low: number, high: number, { step, log }: NumberOptions): void {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
    throw bad(`${kind} needs finite bounds with low <= high, was ${kind}(${low}, ${high})`, { low, high })
  if (step !== undefined && !(Number.isFinite(step) && step > 0))
    throw bad(`${kind}(${low}, ${high}) needs a step above 0, was ${step}`, { low, high, step })
  if (log === true && !(low > 0))
    throw bad(`a log scale needs low above 0, was ${kind}(${low}, ${high})`, { low, high })
}

/**
 * A whole number from `low` to `high`, both included.
 *
 * @throws TradewrightError `BAD_SPACE` unless low <= high are safe integers, step an integer >= 1, low >= 1 for log.
 */
export function int(low: number, high: number, options: NumberOptions = {}): IntSpec {
  const { step = 1, log = false } = options
  checkRange('int', low, high, { step, log })
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || !Number.isSafeInteger(step))
    throw bad(`int needs whole bounds and a whole step, was int(${low}, ${high}, step ${step})`, { low, high, step })
  return Object.freeze({ kind: 'int', low, high: low + Math.floor((high - low) / step) * step, step, log })
}

/**
 * A number from `low` to `high`, both included; with a `step`, only low + k * step.
 *
 * @throws TradewrightError `BAD_SPACE` unless low <= high are finite, step above 0, low above 0 for log, not both.
 */
export function float(low: number, high: number, options: NumberOptions = {}): FloatSpec {
  const { step, log = false } = options
  checkRange('float', low, high, { step, log })
  if (step !== undefined && log)
    throw bad(`float(${low}, ${high}) takes a step or a log scale, not both`, { low, high, step })
  const top = step === undefined ? high : stepped(low, step, Math.floor((high - low) / step + 1e-9))
  return Object.freeze({ kind: 'float', low, high: top, step: step ?? 0, log })
}

/** One of a list of values. @throws TradewrightError `BAD_SPACE` for an empty list or one with a value twice. */
export function choice<const T extends string | number | boolean | null>(values: readonly T[]): ChoiceSpec<T> {
  if (!Array.isArray(values) || values.length === 0) throw bad('choice needs at least one value, had none', { values })
  if (new Set(values).size !== values.length)
    throw bad(`choice needs distinct values, was ${values.join(', ')}`, { values })
  return Object.freeze({ kind: 'choice', values: Object.freeze([...values]) })
}

/** true or false. */
export function bool(): ChoiceSpec<boolean> {
  return choice([false, true])
}

/**
 * One of several branches, each with parameters of its own; the chosen branch's name stands under `tag`.
 *
 * @throws TradewrightError `BAD_SPACE` without branches, or where a branch has a parameter named like the tag.
 * @example
 * ```ts
 * import { defineSpace, float, int, oneOf } from '@tradewright/core'
 * const space = defineSpace({ exit: oneOf('kind', { atr: { mult: float(1, 5) }, time: { bars: int(5, 100) } }) })
 * space.check({ exit: { kind: 'atr', mult: 2 } })
 * ```
 */
export function oneOf<const Tag extends string, const Branches extends Readonly<Record<string, SpaceShape>>>(
  tag: Tag,
  branches: Branches,
): OneOfSpec<Tag, Branches> {
  const names = Object.keys(branches)
  if (names.length === 0) throw bad(`oneOf('${tag}') needs at least one branch, had none`, { tag })
  for (const name of names)
    if (Object.hasOwn(branches[name], tag))
      throw bad(`branch '${name}' may not have a parameter named like the tag '${tag}'`, { tag })
  return Object.freeze({ kind: 'oneOf', tag, branches })
}

/** low + index * step without the rounding noise of the product (0.1 * 3 is 0.30000000000000004). */
function stepped(low: number, step: number, index: number): number {
  const digits = Math.min(15, Math.max(decimals(low), decimals(step)))
  return digits > 12 ? low + index * step : Number((low + index * step).toFixed(digits))
}

function decimals(value: number): number {
  const text = String(value)
  const exponent = /e-(\d+)$/.exec(text)
  const dot = text.indexOf('.')
  const fraction = dot < 0 ? 0 : text.replace(/e.*$/, '').length - dot - 1
  return fraction + (exponent === null ? 0 : Number(exponent[1]))
}

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

/** Rules that a whole set of parameters must keep. */
export interface SpaceOptions<P> {
  /** Hard constraint: parameters for which this is false are never tried. Pure. */
  readonly where?: ((params: P) => boolean) | undefined
}

/** A search space: what parameters there are, and every way to make, check and number them. */
export interface Space<P = Params> {
  readonly shape: SpaceShape
  readonly dimensions: readonly Dimension[]
  /** Number of points before `where`; Infinity where a dimension is continuous. */
  readonly size: number
  readonly where: ((params: P) => boolean) | undefined
  /** Content key of the shape (not of `where`, which is code). */
  readonly key: Key
  /** Whether `params` lies in the space and keeps `where`. */
  contains(params: Params): boolean
  /**
   * Refuses parameters outside the space.
   * @throws TradewrightError `UNKNOWN_NAME` (with the nearest), `BAD_OPTION` (missing, out of range, against `where`).
   */
  check(params: Params): P
  /** One uniform draw that keeps `where`. @throws TradewrightError `BAD_SPACE` where none can be found. */
  sample(rng: Rng): P
  /** Every point that keeps `where`, in lexicographic order. @throws TradewrightError `BAD_SPACE` where continuous. */
  enumerate(): IterableIterator<P>
  /** Params as one number a dimension, NaN where inactive. Fills and returns `out`. */
  toPoint(params: Params, out?: Float64Array): Float64Array
  /** The inverse of `toPoint`; what is out of range is moved to the nearest value. `where` is not looked at. */
  fromPoint(point: ArrayLike<number>): P
  /** A point in the unit cube, 0.5 where inactive: log and steps undone; discrete values at the middle of their cells. */
  toUnit(params: Params, out?: Float64Array): Float64Array
  /** Params from a point of the unit cube; discrete dimensions have cells of equal width. `where` is not looked at. */
  fromUnit(unit: ArrayLike<number>): P
}

const MAX_REFUSED_DRAWS = 10_000
const MAX_ENUMERATED = 1_000_000

function flatten(
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
        throw bad(`parameter '${name}' must be made by int, float, choice, bool or oneOf`, {
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
function countPoints(dimensions: readonly Dimension[], under: Condition | undefined): number {
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
function snap(dimension: Dimension, x: number): number {
  const { low, high, step } = dimension
  const clamped = Math.min(high, Math.max(low, x))
  if (step === 0) return clamped
  return stepped(low, step, Math.round((clamped - low) / step))
}

function unitToValue(dimension: Dimension, unit: number): number {
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

function valueToUnit(dimension: Dimension, value: number): number {
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

class FlatSpace<P> implements Space<P> {
  readonly shape: SpaceShape
  readonly dimensions: readonly Dimension[]
  readonly size: number
  readonly where: ((params: P) => boolean) | undefined
  readonly key: Key
  #known = false // whether a point that keeps `where` has been seen

  constructor(shape: SpaceShape, options: SpaceOptions<P>) {
    const dimensions: Dimension[] = []
    flatten(shape, '', [], undefined, dimensions)
    this.shape = shape
    this.dimensions = Object.freeze(dimensions)
    this.size = countPoints(dimensions, undefined)
    this.where = options.where
    this.key = contentKey(shape)
  }

  #active(dimension: Dimension, point: ArrayLike<number>): boolean {
    const { condition } = dimension
    return condition === undefined || point[condition.dimension] === condition.value
  }

  #keeps(params: P): boolean {
    return this.where === undefined || this.where(params)
  }

  contains(params: Params): boolean {
    return this.#fault(params) === undefined
  }

  check(params: Params): P {
    const fault = this.#fault(params)
    if (fault !== undefined) throw fault
    return params as P
  }

  #fault(params: Params): TradewrightError | undefined {
    if (typeof params !== 'object' || params === null)
      return new TradewrightError('BAD_OPTION', `parameters must be an object, was ${String(params)}`)
    const fault = shapeFault(this.shape, params, '')
    if (fault !== undefined) return fault
    if (!this.#keeps(params as P))
      return new TradewrightError(
        'BAD_OPTION',
        `parameters must keep the space's where, was ${JSON.stringify(params)}`,
        { params },
      )
    return undefined
  }

  sample(rng: Rng): P {
    const unit = new Float64Array(this.dimensions.length)
    for (let draw = 0; draw < MAX_REFUSED_DRAWS; draw++) {
      for (let d = 0; d < unit.length; d++) unit[d] = rng.uniform()
      const params = this.fromUnit(unit)
      if (this.#keeps(params)) {
        this.#known = true
        return params
      }
    }
    return this.#sampleRare(rng)
  }

  /** After 10,000 refused draws: enumerate where that is possible, else give up with the reason. */
  #sampleRare(rng: Rng): P {
    if (this.size <= MAX_ENUMERATED) {
      // Reservoir of one (Vitter 1985, algorithm R): uniform over the points that keep `where`.
      let kept: P | undefined
      let seen = 0
      for (const params of this.#enumerate()) if (rng.below(++seen) === 0) kept = params
      if (kept !== undefined) return kept
      throw bad(`the search space has no point that keeps its where: all ${this.size} points were tried`, {
        size: this.size,
        proof: 'enumeration',
      })
    }
    throw bad(
      `the search space has no point that keeps its where, as far as ${MAX_REFUSED_DRAWS} random draws can tell; loosen where or name its points`,
      { size: this.size, proof: 'draws', draws: MAX_REFUSED_DRAWS, found: this.#known },
    )
  }

  *enumerate(): IterableIterator<P> {
    if (this.size === Number.POSITIVE_INFINITY) {
      const name = this.dimensions.find((d) => d.count === Number.POSITIVE_INFINITY)?.name
      throw bad(`a space can be enumerated only without continuous parameters; give '${name}' a step`, { name })
    }
    yield* this.#enumerate()
  }

  *#enumerate(): IterableIterator<P> {
    const { dimensions } = this
    const point = new Float64Array(dimensions.length)
    const walk = function* (index: number): IterableIterator<void> {
      if (index === dimensions.length) {
        yield
        return
      }
      const dimension = dimensions[index]
      const { condition } = dimension
      if (condition !== undefined && point[condition.dimension] !== condition.value) {
        point[index] = Number.NaN
        yield* walk(index + 1)
        return
      }
      for (let k = 0; k < dimension.count; k++) {
        point[index] = dimension.step === 0 ? dimension.low : stepped(dimension.low, dimension.step, k)
        yield* walk(index + 1)
      }
    }
    for (const _ of walk(0)) {
      const params = this.fromPoint(point)
      if (this.#keeps(params)) yield params
    }
  }

  toPoint(params: Params, out: Float64Array = new Float64Array(this.dimensions.length)): Float64Array {
    this.dimensions.forEach((dimension, d) => {
      out[d] = Number.NaN
      if (!this.#active(dimension, out)) return
      let value: ParamValue | undefined = params
      for (const key of dimension.path) value = (value as Params | undefined)?.[key]
      out[d] = dimension.values === undefined ? (value as number) : dimension.values.indexOf(value as string)
    })
    return out
  }

  fromPoint(point: ArrayLike<number>): P {
    const params: Record<string, ParamValue> = {}
    // A branch within a branch that was not chosen is not active, whatever its own number says.
    const snapped = new Float64Array(this.dimensions.length).fill(Number.NaN)
    this.dimensions.forEach((dimension, d) => {
      if (!this.#active(dimension, snapped)) return
      snapped[d] = snap(dimension, point[d])
      place(params, dimension.path, dimension.values === undefined ? snapped[d] : dimension.values[snapped[d]])
    })
    return params as P
  }

  toUnit(params: Params, out: Float64Array = new Float64Array(this.dimensions.length)): Float64Array {
    this.toPoint(params, out)
    for (let d = 0; d < out.length; d++) out[d] = Number.isNaN(out[d]) ? 0.5 : valueToUnit(this.dimensions[d], out[d])
    return out
  }

  fromUnit(unit: ArrayLike<number>): P {
    const point = new Float64Array(this.dimensions.length)
    for (let d = 0; d < point.length; d++) point[d] = unitToValue(this.dimensions[d], unit[d])
    return this.fromPoint(point)
  }
}

function place(params: Record<string, ParamValue>, path: readonly string[], value: ParamValue): void {
  let target = params
  for (let i = 0; i < path.length - 1; i++) {
    target[path[i]] ??= {}
    target = target[path[i]] as Record<string, ParamValue>
  }
  target[path[path.length - 1]] = value
}

/** What is wrong with `params` against a shape, or undefined. */
function shapeFault(shape: SpaceShape, params: Params, prefix: string, tag?: string): TradewrightError | undefined {
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

/**
 * A search space from a shape.
 *
 * @param shape   parameters by name, made by `int`, `float`, `choice`, `bool` and `oneOf`.
 * @param options `where`: a hard constraint over whole sets of parameters.
 * @throws TradewrightError `BAD_SPACE` for a description that none of these made.
 * @example
 * ```ts
 * import { createRng, defineSpace, int } from '@tradewright/core'
 * const space = defineSpace({ fast: int(5, 50), slow: int(20, 200) }, { where: ({ fast, slow }) => fast < slow })
 * const { fast, slow } = space.sample(createRng(1))
 * console.log(fast < slow) // true
 * ```
 */
export function defineSpace<const Shape extends SpaceShape>(
  shape: Shape,
  options: SpaceOptions<ParamsOf<Shape>> = {},
): Space<ParamsOf<Shape>> {
  return new FlatSpace<ParamsOf<Shape>>(shape, options)
}
