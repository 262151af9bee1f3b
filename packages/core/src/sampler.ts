import type { Data } from './data.ts'
import type { Direction } from './metrics.ts'
import type { Params } from './param-spec.ts'
import type { Rng } from './rng.ts'
import type { Space } from './space.ts'
import type { FinishedTrial } from './trial.ts'

/** What a sampler is asked: parameters for the trials of one generation. */
export interface SampleRequest {
  readonly space: Space
  /** How many sets of parameters. */
  readonly count: number
  /** Number of the first of these trials. */
  readonly firstTrial: number
  /** Finished trials of the generations before, in the order of their numbers. */
  readonly history: readonly FinishedTrial[]
  readonly directions: readonly Direction[]
  readonly seed: number
  /** The random stream of a trial: a pure function of the study's seed and the trial's number. */
  rng(trial: number): Rng
  /** Trials of the whole study, where that is known. */
  readonly budget?: number | undefined
}

/**
 * Where parameters come from. A pure function of the request, or one whose state `save` and `restore` carry: the same
 * history and seed give the same parameters, in this process or the next.
 */
export interface Sampler {
  readonly name: string
  readonly flags?:
    | {
        /** Best generation size; the study's default where its user says nothing. */
        readonly generationSize?: number | undefined
        /** Handles more than one objective. */
        readonly multiObjective?: boolean | undefined
        /** Ends by itself: answers with fewer than `count` when the space is exhausted. */
        readonly finite?: boolean | undefined
        /** Why it cannot serve spaces with conditional parameters, where it cannot. */
        readonly unconditional?: boolean | undefined
      }
    | undefined
  /** `count` sets of parameters inside the space that keep its `where`; fewer when exhausted. */
  sample(request: SampleRequest): readonly Params[]
  save?(): Data
  restore?(data: Data): void
}

/** The options of samplers by name; packages add lines by declaration merging. */
export interface SamplerOptionsByName {
  random: Record<never, never>
  sobol: {
    /** Owen's scrambling. @default true */
    readonly scramble?: boolean | undefined
  }
}

/** A sampler, or its name with its options, resolved through a registry the caller owns. */
export type SamplerSpec =
  | Sampler
  | {
      [K in keyof SamplerOptionsByName]: { readonly type: K } & SamplerOptionsByName[K]
    }[keyof SamplerOptionsByName]
