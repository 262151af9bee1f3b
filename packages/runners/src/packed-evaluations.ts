import type { EngineState, ErrorData, Evaluation, MetricName, ReturnMoments, SliceResult } from '@tradewright/core'

/** Evaluations as a few arrays: what a worker sends back. */
export interface PackedEvaluations {
  /** Metrics' names, of the first slice that has any. */
  readonly names: readonly MetricName[]
  /** Of each trial: id, bars, ms, 1 where it is done. */
  readonly heads: Float64Array
  /** Of each done trial, slice by slice: its metrics by `names`, then the five moments where `moments`. */
  readonly values: Float64Array
  readonly moments: boolean
  readonly errors: ReadonlyMap<number, ErrorData>
  /** By trial, then by slice. */
  readonly states: ReadonlyMap<number, readonly (EngineState | undefined)[]>
  readonly returns: ReadonlyMap<number, readonly (Float64Array | undefined)[]>
  /** Trials whose metrics have other names than `names`, or whose moments differ in presence: as they are. */
  readonly odd: ReadonlyMap<number, readonly SliceResult[]>
}

const MOMENTS = ['count', 'mean', 'variance', 'skew', 'kurtosis'] as const
const HEAD = 4

function sameNames(metrics: SliceResult['metrics'], names: readonly MetricName[]): boolean {
  const own = Object.keys(metrics)
  return own.length === names.length && own.every((name, i) => name === names[i])
}

export function packEvaluations(evaluations: readonly Evaluation[]): PackedEvaluations {
  const first = evaluations.find((e) => e.status === 'done' && e.slices.length > 0)
  const sample = first?.status === 'done' ? first.slices[0] : undefined
  const names = Object.keys(sample?.metrics ?? {}) as MetricName[]
  const moments = sample?.moments !== undefined
  const heads = new Float64Array(evaluations.length * HEAD)
  const values: number[] = []
  const errors = new Map<number, ErrorData>()
  const states = new Map<number, readonly (EngineState | undefined)[]>()
  const returns = new Map<number, readonly (Float64Array | undefined)[]>()
  const odd = new Map<number, readonly SliceResult[]>()
  evaluations.forEach((evaluation, i) => {
    const { id, cost, status } = evaluation
    heads.set([id, cost.bars, cost.ms, status === 'done' ? 1 : 0], i * HEAD)
    if (evaluation.status === 'failed') {
      errors.set(i, evaluation.error)
      return
    }
    const { slices } = evaluation
    if (slices.some((slice) => !sameNames(slice.metrics, names) || (slice.moments !== undefined) !== moments)) {
      odd.set(i, slices)
      return
    }
    for (const slice of slices) {
      for (const name of names) values.push(slice.metrics[name] ?? Number.NaN)
      if (slice.moments !== undefined) for (const name of MOMENTS) values.push(slice.moments[name])
    }
    if (slices.some((slice) => slice.state !== undefined))
      states.set(
        i,
        slices.map((slice) => slice.state),
      )
    if (slices.some((slice) => slice.returns !== undefined))
      returns.set(
        i,
        slices.map((slice) => slice.returns),
      )
  })
  return { names, heads, values: Float64Array.from(values), moments, errors, states, returns, odd }
}

/** The inverse, or undefined where the parts do not fit `slices` slices a trial and the ids asked for: garbage. */
export function unpackEvaluations(
  packed: PackedEvaluations,
  ids: readonly number[],
  slices: number,
): readonly Evaluation[] | undefined {
  const { names, heads, values, moments, errors, states, returns, odd } = packed
  if (!(heads instanceof Float64Array) || heads.length !== ids.length * HEAD || !(values instanceof Float64Array))
    return undefined
  let at = 0
  const answers: Evaluation[] = []
  for (let i = 0; i < ids.length; i++) {
    const [id, bars, ms, done] = heads.subarray(i * HEAD, i * HEAD + HEAD)
    if (id !== ids[i]) return undefined
    const head = { id, cost: { bars, ms } }
    const error = errors.get(i)
    if (done === 0) {
      if (error === undefined) return undefined
      answers.push({ ...head, status: 'failed', error })
      continue
    }
    const own = odd.get(i)
    if (own !== undefined) {
      if (own.length !== slices) return undefined
      answers.push({ ...head, status: 'done', slices: own })
      continue
    }
    const results: SliceResult[] = []
    for (let s = 0; s < slices; s++) {
      const metrics: Partial<Record<MetricName, number>> = {}
      for (const name of names) metrics[name] = values[at++]
      const state = states.get(i)?.[s]
      const back = returns.get(i)?.[s]
      results.push({
        metrics,
        ...(moments ? { moments: readMoments(values, at) } : {}),
        ...(state === undefined ? {} : { state }),
        ...(back === undefined ? {} : { returns: back }),
      })
      if (moments) at += MOMENTS.length
    }
    answers.push({ ...head, status: 'done', slices: results })
  }
  return at === values.length ? answers : undefined
}

function readMoments(values: Float64Array, at: number): ReturnMoments {
  return {
    count: values[at],
    mean: values[at + 1],
    variance: values[at + 2],
    skew: values[at + 3],
    kurtosis: values[at + 4],
  }
}
