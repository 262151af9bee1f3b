import { TradewrightError } from './error.ts'

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

/** A rule of spaces that a description does not keep. */
export function badSpace(rule: string, details: Record<string, unknown>): TradewrightError {
  return new TradewrightError('BAD_SPACE', rule, details)
}

function checkRange(kind: string, low: number, high: number, { step, log }: NumberOptions): void {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
    throw badSpace(`${kind} needs finite bounds with low <= high, was ${kind}(${low}, ${high})`, { low, high })
  if (step !== undefined && !(Number.isFinite(step) && step > 0))
    throw badSpace(`${kind}(${low}, ${high}) needs a step above 0, was ${step}`, { low, high, step })
  if (log === true && !(low > 0))
    throw badSpace(`a log scale needs low above 0, was ${kind}(${low}, ${high})`, { low, high })
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
    throw badSpace(`int needs whole bounds and a whole step, was int(${low}, ${high}, step ${step})`, {
      low,
      high,
      step,
    })
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
    throw badSpace(`float(${low}, ${high}) takes a step or a log scale, not both`, { low, high, step })
  const top = step === undefined ? high : stepped(low, step, Math.floor((high - low) / step + 1e-9))
  return Object.freeze({ kind: 'float', low, high: top, step: step ?? 0, log })
}

/** One of a list of values. @throws TradewrightError `BAD_SPACE` for an empty list or one with a value twice. */
export function choice<const T extends string | number | boolean | null>(values: readonly T[]): ChoiceSpec<T> {
  if (!Array.isArray(values) || values.length === 0)
    throw badSpace('choice needs at least one value, had none', { values })
  if (new Set(values).size !== values.length)
    throw badSpace(`choice needs distinct values, was ${values.join(', ')}`, { values })
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
  if (names.length === 0) throw badSpace(`oneOf('${tag}') needs at least one branch, had none`, { tag })
  for (const name of names)
    if (Object.hasOwn(branches[name], tag))
      throw badSpace(`branch '${name}' may not have a parameter named like the tag '${tag}'`, { tag })
  return Object.freeze({ kind: 'oneOf', tag, branches })
}

/** low + index * step without the rounding noise of the product (0.1 * 3 is 0.30000000000000004). */
export function stepped(low: number, step: number, index: number): number {
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
