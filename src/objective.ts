import {
  type Direction,
  type MetricName,
  metricDirections,
  type Objective,
  type Params,
  type SliceResult,
  TradewrightError,
  unknownName,
} from '@tradewright/core'

/** An objective ready to score: every form of {@link Objective} as one. */
export interface ResolvedObjective {
  /** The metric's name, or 'own objective'. */
  readonly name: string
  readonly directions: readonly Direction[]
  /** The metric, where the objective is one. */
  readonly metric: MetricName | undefined
  /**
   * Scores of one trial.
   *
   * @param slices  what the trial did, slice by slice.
   * @param weights weight of each slice, above 0.
   * @throws TradewrightError `BAD_OBJECTIVE` for what is no number, and whatever the user's function throws.
   */
  score(slices: readonly SliceResult[], weights: readonly number[], params: Params): readonly number[]
}

/** The mean of a metric over the slices by their weights; NaN where one of them is. */
export function weightedMetric(metric: MetricName, slices: readonly SliceResult[], weights: readonly number[]): number {
  let sum = 0
  let total = 0
  slices.forEach(({ metrics }, i) => {
    sum += (metrics[metric] ?? Number.NaN) * weights[i]
    total += weights[i]
  })
  return sum / total
}

function checkDirection(direction: unknown): Direction {
  if (direction === 'maximize' || direction === 'minimize') return direction
  throw unknownName('direction of the objective', String(direction), ['maximize', 'minimize'])
}

function metricObjective(metric: string, direction: Direction | undefined): ResolvedObjective {
  if (!Object.hasOwn(metricDirections, metric)) throw unknownName('objective', metric, Object.keys(metricDirections))
  const name = metric as MetricName
  return {
    name,
    metric: name,
    directions: [direction === undefined ? metricDirections[name] : checkDirection(direction)],
    score: (slices, weights) => [weightedMetric(name, slices, weights)],
  }
}

/**
 * Checks an objective and makes it ready to score.
 *
 * @throws TradewrightError `UNKNOWN_NAME` for a metric or direction that there is none of, with the nearest.
 */
export function resolveObjective(objective: Objective): ResolvedObjective {
  if (typeof objective === 'string') return metricObjective(objective, undefined)
  if ('metric' in objective) return metricObjective(objective.metric, objective.direction)
  const directions = (
    typeof objective.direction === 'string' ? [objective.direction] : [...(objective.direction ?? [undefined])]
  ).map(checkDirection)
  return {
    name: 'own objective',
    metric: undefined,
    directions,
    score(slices, _weights, params) {
      const answer: unknown = objective.score(slices, params)
      const values: unknown[] = Array.isArray(answer) ? answer : [answer]
      if (values.length !== directions.length || values.some((value) => typeof value !== 'number'))
        throw new TradewrightError(
          'BAD_OBJECTIVE',
          `an objective must return ${directions.length === 1 ? 'a number' : `${directions.length} numbers`}, was ${JSON.stringify(answer) ?? typeof answer}`,
          { objectives: directions.length },
        )
      return values as number[]
    },
  }
}
