import type { Sampler } from './sampler.ts'

/**
 * Independent uniform draws: in the unit cube, so on a parameter's own scale (log, steps).
 *
 * @see Bergstra, Bengio (2012), "Random search for hyper-parameter optimization", JMLR 13.
 */
export function randomSampler(): Sampler {
  return {
    name: 'random',
    flags: { generationSize: 256, multiObjective: true },
    sample({ space, count, firstTrial, rng }) {
      return Array.from({ length: count }, (_, i) => space.sample(rng(firstTrial + i)))
    },
  }
}
