import { type Dimension, type Params, type Sampler, type Space, TradewrightError } from '@tradewright/core'
import { refuseUnknown } from './known-options.ts'

/** Options of {@link gridSampler}. */
export interface GridOptions {
  /** Values of a continuous parameter, and of one with more values than this, >= 2. @default 10 */
  readonly points?: number | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    grid: GridOptions
    'brute-force': Record<never, never>
  }
}

/** Unit coordinates of a dimension's grid. */
function gridOf({ count, step }: Dimension, points: number): readonly number[] {
  if (count === 1) return [0.5]
  if (step === 0) return Array.from({ length: points }, (_, i) => i / (points - 1))
  if (count <= points) return Array.from({ length: count }, (_, i) => (i + 0.5) / count)
  return Array.from({ length: points }, (_, i) => (Math.round((i * (count - 1)) / (points - 1)) + 0.5) / count)
}

/** Every grid point that keeps `where`, the last parameter fastest; inactive parameters do not multiply. */
function* gridPoints(space: Space, points: number): IterableIterator<Params> {
  const { dimensions } = space
  const grids = dimensions.map((dimension) =>
    gridOf(dimension, dimension.values === undefined ? points : Number.POSITIVE_INFINITY),
  )
  const unit = new Float64Array(dimensions.length).fill(0.5)
  const index = new Int32Array(dimensions.length)
  const walk = function* (d: number): IterableIterator<Params> {
    if (d === dimensions.length) {
      const params = space.fromUnit(unit)
      if (space.where === undefined || space.where(params)) yield params
      return
    }
    const { condition } = dimensions[d]
    if (condition !== undefined && index[condition.dimension] !== condition.value) {
      index[d] = -1
      unit[d] = 0.5
      yield* walk(d + 1)
      return
    }
    for (let i = 0; i < grids[d].length; i++) {
      index[d] = i
      unit[d] = grids[d][i]
      yield* walk(d + 1)
    }
  }
  yield* walk(0)
}

/** Trial k gets the k-th point of a sequence that ends; points are taken from the sequence as far as they are needed. */
function sequence(name: string, begin: (space: Space) => IterableIterator<Params>): Sampler {
  let space: Space | undefined
  let iterator: IterableIterator<Params> = [][Symbol.iterator]()
  let taken: Params[] = []
  return {
    name,
    flags: { generationSize: 256, multiObjective: true, finite: true },
    sample(request) {
      if (request.space !== space) {
        space = request.space
        iterator = begin(space)
        taken = []
      }
      const end = request.firstTrial + request.count
      while (taken.length < end) {
        const next = iterator.next()
        if (next.done === true) break
        taken.push(next.value)
      }
      return taken.slice(request.firstTrial, end)
    },
  }
}

/**
 * Every point of a grid, once, then the study ends. Log and step scales are kept: the grid is even on each parameter's
 * own scale.
 *
 * @throws TradewrightError `BAD_OPTION` unless points is an integer >= 2.
 */
export function gridSampler(options: GridOptions = {}): Sampler {
  refuseUnknown('grid', options, ['points'])
  const { points = 10 } = options
  if (!Number.isInteger(points) || points < 2)
    throw new TradewrightError('BAD_OPTION', `points must be an integer >= 2, was ${points}`, { points })
  return sequence('grid', (space) => gridPoints(space, points))
}

/** Every point of a space without continuous parameters, once, then the study ends. */
export function bruteForceSampler(): Sampler {
  return sequence('brute-force', (space) => space.enumerate())
}
