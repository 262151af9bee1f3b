import { createRng, type Params, type Rng, type Sampler } from '@tradewright/core'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { refuseUnknown } from './known-options.ts'

/** Options of {@link haltonSampler}. */
export interface HaltonOptions extends DuplicatesOption {
  /** Random permutations of the digits and a random shift, seeded by the study. @default true */
  readonly scramble?: boolean | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    halton: HaltonOptions
  }
}

const SCRAMBLE_STREAM = 2 ** 49 + 1

/** The first `count` primes. */
function firstPrimes(count: number): readonly number[] {
  const primes: number[] = []
  for (let candidate = 2; primes.length < count; candidate++)
    if (primes.every((p) => candidate % p !== 0)) primes.push(candidate)
  return primes
}

/**
 * Radical inverse of an index in a prime base: its digits mirrored at the point, in [0, 1).
 *
 * @param permutations one permutation of the digits a place; identity beyond the list.
 * @see Halton (1960), Numer. Math. 2, equation 2.
 */
export function radicalInverse(index: number, base: number, permutations: readonly Int32Array[] = []): number {
  let value = 0
  let scale = 1 / base
  // Zeros beyond the highest digit are permuted too, as far as they can be seen in a double.
  for (let rest = index, place = 0; rest > 0 || (place < permutations.length && scale > 1e-17); place++) {
    const digit = rest % base
    value += (permutations[place]?.[digit] ?? digit) * scale
    rest = Math.floor(rest / base)
    scale /= base
  }
  return Math.min(value, 1 - 2 ** -53)
}

function shuffled(base: number, rng: Rng): Int32Array {
  const permutation = Int32Array.from({ length: base }, (_, i) => i)
  for (let i = base - 1; i > 0; i--) {
    const j = rng.below(i + 1)
    const x = permutation[i]
    permutation[i] = permutation[j]
    permutation[j] = x
  }
  return permutation
}

/**
 * The Halton sequence: point k of trial k, one prime base a parameter.
 *
 * Without scrambling, parameters with large bases are correlated for the first trials; with it they are not. Index 0
 * (the origin) is left out. Where `where` refuses a point the trial draws uniformly.
 *
 * @see Halton (1960), Numer. Math. 2; Owen (2017), "A randomized Halton algorithm in R", arXiv 1706.02808 (a random
 *   permutation for every digit).
 */
export function haltonSampler(options: HaltonOptions = {}): Sampler {
  refuseUnknown('halton', options, ['scramble', 'duplicates'])
  const { scramble = true } = options
  let made: { readonly seed: number; readonly tables: readonly (readonly Int32Array[])[] } | undefined
  const sampler: Sampler = {
    name: 'halton',
    flags: { generationSize: 256, multiObjective: true },
    sample({ space, count, firstTrial, seed, rng }) {
      const bases = firstPrimes(space.dimensions.length)
      if (made?.seed !== seed || made.tables.length !== bases.length) {
        const draws = createRng(seed, SCRAMBLE_STREAM)
        made = {
          seed,
          tables: bases.map((base) =>
            scramble ? Array.from({ length: Math.ceil(53 / Math.log2(base)) }, () => shuffled(base, draws)) : [],
          ),
        }
      }
      const { tables } = made
      return Array.from({ length: count }, (_, i): Params => {
        const index = firstTrial + i + 1
        const params = space.fromUnit(bases.map((base, d) => radicalInverse(index, base, tables[d])))
        return space.where === undefined || space.where(params) ? params : space.sample(rng(firstTrial + i))
      })
    },
  }
  return unlessWanted(sampler, options)
}
