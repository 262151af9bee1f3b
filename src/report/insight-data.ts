import {
  type Contour,
  contour,
  fanovaImportance,
  type PartialDependence,
  parallelCoordinates,
  partialDependence,
  pedAnovaImportance,
} from '@tradewright/adaptive-sampling'
import type { FinishedTrial } from '@tradewright/core'
import type { TrainingResult } from '../training-result.ts'

/** Forests grow on at most this many trials, evenly spread over the search: a report must not take longer than it. */
const MOST_TRIALS = 2000
const LEAST_TRIALS = 10
const CURVES = 4

/** One parameter: how much it matters, and how the objective goes along it. */
export interface ReportParameter {
  readonly name: string
  /** Share of the objective's variance over the whole space (fANOVA). */
  readonly overall: number
  /** Share of what tells the best tenth of the trials from the best half (PED-ANOVA). */
  readonly amongBest: number
  /** Mean objective along the parameter, for the most important ones. */
  readonly dependence?: PartialDependence | undefined
}

/** What the trials of a search tell about the parameters. */
export interface ReportInsight {
  /** Most important first. */
  readonly parameters: readonly ReportParameter[]
  /** The two most important parameters together. */
  readonly contour: Contour | undefined
  /** Each trial's place on each parameter's own scale, from 0 to 1 (NaN where inactive), and its objective. */
  readonly coordinates: ReturnType<typeof parallelCoordinates>
  /** Trials looked at. */
  readonly trials: number
}

const spread = (trials: readonly FinishedTrial[]): readonly FinishedTrial[] => {
  const stride = Math.ceil(trials.length / MOST_TRIALS)
  return stride <= 1 ? trials : trials.filter((_, i) => i % stride === 0)
}

/** The insight into one search; undefined with one parameter, few finished trials, or an objective that never changes. */
export function insightOf({ space, trials, objective }: TrainingResult<unknown>): ReportInsight | undefined {
  const finished = trials.filter(({ status, values }) => status === 'done' && Number.isFinite(values[0]))
  const first = finished[0]?.values[0]
  if (
    space.dimensions.length < 2 ||
    finished.length < LEAST_TRIALS ||
    finished.every(({ values }) => values[0] === first)
  )
    return undefined
  const input = { space, trials: spread(finished), directions: objective.directions }
  const amongBest = new Map(pedAnovaImportance(input).map(({ name, importance }) => [name, importance]))
  const overall = fanovaImportance(input)
  return {
    parameters: overall.map(({ name, importance }, rank) => ({
      name,
      overall: importance,
      amongBest: amongBest.get(name) ?? 0,
      dependence: rank < CURVES ? partialDependence(input, name) : undefined,
    })),
    contour: contour(input, [overall[0].name, overall[1].name]),
    coordinates: parallelCoordinates(input),
    trials: input.trials.length,
  }
}
