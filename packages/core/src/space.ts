import { countPoints, type Dimension, flatten, snap, unitToValue, valueToUnit } from './dimension.ts'
import { TradewrightError } from './error.ts'
import { contentKey, type Key } from './key.ts'
import { badSpace, type Params, type ParamsOf, type ParamValue, type SpaceShape, stepped } from './param-spec.ts'
import { shapeFault } from './params-fault.ts'
import type { Rng } from './rng.ts'

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
      throw badSpace(`the search space has no point that keeps its where: all ${this.size} points were tried`, {
        size: this.size,
        proof: 'enumeration',
      })
    }
    throw badSpace(
      `the search space has no point that keeps its where, as far as ${MAX_REFUSED_DRAWS} random draws can tell; loosen where or name its points`,
      { size: this.size, proof: 'draws', draws: MAX_REFUSED_DRAWS, found: this.#known },
    )
  }

  *enumerate(): IterableIterator<P> {
    if (this.size === Number.POSITIVE_INFINITY) {
      const name = this.dimensions.find((d) => d.count === Number.POSITIVE_INFINITY)?.name
      throw badSpace(`a space can be enumerated only without continuous parameters; give '${name}' a step`, { name })
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
