import { TradewrightError } from './error.ts'
import { sobolDirections } from './generated/sobol-directions.ts'
import type { Params } from './param-spec.ts'
import type { Sampler } from './sampler.ts'
import type { Space } from './space.ts'

const BITS = 32

/** Direction numbers of one dimension, shape [32], by the recurrence of Bratley and Fox (1988, ACM TOMS 659). */
function directions(dimension: number): Uint32Array {
  const v = new Uint32Array(BITS)
  const [poly, ...initial] = sobolDirections[dimension]
  if (dimension === 0) {
    for (let i = 0; i < BITS; i++) v[i] = 2 ** (BITS - 1 - i)
    return v
  }
  const degree = 31 - Math.clz32(poly)
  for (let i = 0; i < BITS; i++) {
    if (i < degree) {
      v[i] = (initial[i] << (BITS - 1 - i)) >>> 0
      continue
    }
    let value = v[i - degree] ^ (v[i - degree] >>> degree)
    for (let k = 1; k < degree; k++) if ((poly >>> (degree - k)) & 1) value ^= v[i - k]
    v[i] = value >>> 0
  }
  return v
}

const memo: Uint32Array[] = []

/** Reverses the order of 32 bits. */
function reverseBits(value: number): number {
  let x = value
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1)
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2)
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4)
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8)
  return ((x >>> 16) | (x << 16)) >>> 0
}

/** Laine and Karras's permutation: each bit changes only with the bits below it. */
function laineKarras(value: number, seed: number): number {
  let x = (value + seed) | 0
  x ^= Math.imul(x, 0x6c50b47c)
  x ^= Math.imul(x, 0xb82f1e52)
  x ^= Math.imul(x, 0xc7afe638)
  x ^= Math.imul(x, 0x8d22f6e6)
  return x >>> 0
}

/**
 * One coordinate of the Sobol sequence, in [0, 1).
 *
 * @param index     which point, from 0 to 2^32 - 1.
 * @param dimension from 0 to 127.
 * @param scramble  seed of a nested uniform (Owen) scrambling, 32 bits; undefined for the plain sequence.
 * @throws TradewrightError `BAD_OPTION` for a dimension that the table does not have.
 * @see Sobol (1967); direction numbers of Joe and Kuo (2008), SIAM J. Sci. Comput. 30; scrambling of Owen (1995) by
 *   hashing as in Burley (2020), "Practical hash-based Owen scrambling", JCGT 9(4).
 */
export function sobol(index: number, dimension: number, scramble?: number): number {
  if (dimension >= sobolDirections.length)
    throw new TradewrightError(
      'BAD_OPTION',
      `the Sobol table has ${sobolDirections.length} dimensions, was ${dimension}`,
      {
        dimension,
      },
    )
  memo[dimension] ??= directions(dimension)
  const v = memo[dimension]
  let x = 0
  // The k-th point by its Gray code, so that it equals the usual incremental construction.
  for (let gray = (index ^ (index >>> 1)) >>> 0, bit = 0; gray !== 0; gray >>>= 1, bit++) if (gray & 1) x ^= v[bit]
  x >>>= 0
  if (scramble !== undefined) x = reverseBits(laineKarras(reverseBits(x), scramble))
  return x / 0x100000000
}

/** Options of {@link sobolSampler}. */
export interface SobolOptions {
  /** Owen's scrambling, seeded by the study. @default true */
  readonly scramble?: boolean | undefined
}

/** Refused points are replaced by uniform draws; dimensions beyond the table are uniform draws too. */
function pointOf(space: Space, trial: number, seeds: readonly (number | undefined)[], uniform: () => number): Params {
  const unit = new Float64Array(space.dimensions.length)
  for (let d = 0; d < unit.length; d++) unit[d] = d < sobolDirections.length ? sobol(trial, d, seeds[d]) : uniform()
  return space.fromUnit(unit)
}

/**
 * The Sobol sequence over the unit cube: covers a space more evenly than random draws. Point k belongs to trial k.
 *
 * Where the space's `where` refuses a point, the trial draws uniformly instead.
 */
export function sobolSampler(options: SobolOptions = {}): Sampler {
  const { scramble = true } = options
  return {
    name: 'sobol',
    flags: { generationSize: 256, multiObjective: true },
    sample({ space, count, firstTrial, rng }) {
      // One stream far from every trial's own: the scrambling is the same for the whole study.
      const scrambler = rng(SCRAMBLE_STREAM)
      const seeds = space.dimensions.map(() => (scramble ? scrambler.uint32() : undefined))
      return Array.from({ length: count }, (_, i) => {
        const trial = firstTrial + i
        const draws = rng(trial)
        const params = pointOf(space, trial, seeds, () => draws.uniform())
        return space.where === undefined || space.where(params) ? params : space.sample(draws)
      })
    },
  }
}

const SCRAMBLE_STREAM = 2 ** 50
