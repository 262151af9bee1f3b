import { readFileSync } from 'node:fs'
import type { Accumulator } from '../src/accumulator.ts'

/** One episode of the golden file. */
export interface GoldenEpisode {
  readonly steps: readonly { readonly id: number; readonly reward: number; readonly value: number }[]
  readonly end: 'open' | 'terminated' | 'truncated' | 'terminated with final'
  readonly final: number
}

/** What a step must give. */
export interface GoldenStep {
  readonly obs: readonly number[]
  readonly nextObs: readonly number[]
  readonly reward: number
  readonly discount: number
  readonly steps: number
  readonly terminated: number
  readonly truncated: number
  readonly lambdaReturn?: number
}

interface GoldenRow {
  readonly obs: number
  readonly nextObs: number
  readonly reward: number
  readonly discount: number
  readonly steps: number
  readonly terminated: number
  readonly truncated: number
  readonly train: number
}

/** The golden file: see `golden/make_elements.py`. */
export interface Golden {
  readonly steps: readonly {
    readonly name: string
    readonly capacity: number
    readonly n: number
    readonly frames: number
    readonly pad: 'zero' | 'repeat'
    readonly gamma: number
    readonly lambda: number | null
    readonly horizon: number
    readonly episodes: readonly GoldenEpisode[]
    readonly expected: Readonly<Record<string, GoldenStep>>
  }[]
  readonly sequences: readonly {
    readonly name: string
    readonly kind: Accumulator['kind']
    readonly capacity: number
    readonly length: number
    readonly burnIn: number
    readonly stride: number
    readonly n: number
    readonly gamma: number
    readonly episodes: readonly GoldenEpisode[]
    readonly expected: Readonly<Record<string, readonly (GoldenRow | null)[]>>
  }[]
  readonly prioritized: readonly {
    readonly alpha: number
    readonly eps: number
    readonly beta: number
    readonly errors: readonly number[]
    readonly priorities: readonly number[]
    readonly probabilities: readonly number[]
    readonly bufferWeights: readonly number[]
    readonly rawWeights: readonly number[]
    readonly rankProbabilities: readonly number[]
    readonly rankWeights: readonly number[]
  }[]
}

export const golden: Golden = JSON.parse(readFileSync(new URL('./golden/elements.json', import.meta.url), 'utf8'))

/** Columns of the golden buffers: the observation is the step's id. */
export const goldenColumns = {
  obs: { dtype: 'float64', shape: [1] },
  reward: { dtype: 'float64' },
  nextValue: { dtype: 'float64' },
} as const

/** Every step of the golden episodes, in order, as `add` takes it. */
export function* transitions(episodes: readonly GoldenEpisode[]) {
  for (const episode of episodes)
    for (const [p, step] of episode.steps.entries()) {
      const last = p === episode.steps.length - 1 && episode.end !== 'open'
      const withFinal = last && episode.end !== 'terminated'
      yield {
        obs: Float64Array.of(step.id),
        reward: step.reward,
        nextValue: step.value,
        terminated: last && episode.end.startsWith('terminated'),
        truncated: last && episode.end === 'truncated',
        ...(withFinal ? { finalObs: Float64Array.of(episode.final) } : {}),
      }
    }
}
