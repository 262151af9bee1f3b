import type { Direction, FinishedTrial, PruneDecision, Report, StudyView } from '@tradewright/core'

/** Reports of one trial, by ascending step, with values turned so that smaller is better. */
export interface TrialCurve {
  readonly id: number
  readonly steps: readonly number[]
  readonly losses: readonly number[]
}

function curveOf(id: number, reports: readonly Report[], sign: number): TrialCurve {
  return { id, steps: reports.map((r) => r.step), losses: reports.map((r) => sign * r.value) }
}

/** Curves of trials that are over, which never change: pruners ask for them at every report. */
const remembered: readonly WeakMap<object, TrialCurve>[] = [new WeakMap(), new WeakMap()]

function curveOfTrial(
  trial: { readonly number: number; readonly reports: readonly Report[] },
  sign: number,
): TrialCurve {
  const memory = remembered[sign === 1 ? 0 : 1]
  const known = memory.get(trial)
  if (known !== undefined) return known
  const curve = curveOf(trial.number, trial.reports, sign)
  memory.set(trial, curve)
  return curve
}

/** 1 where a study minimizes its first objective, -1 where it maximizes. */
export const signOf = (directions: readonly Direction[]): number => (directions[0] === 'maximize' ? -1 : 1)

/** The trials to be judged, in the order in which they first report. */
export function judgedCurves(reports: readonly Report[], view: StudyView): readonly TrialCurve[] {
  const byTrial = new Map<number, Report[]>()
  for (const report of reports) {
    const list = byTrial.get(report.id)
    if (list === undefined) byTrial.set(report.id, [report])
    else list.push(report)
  }
  const sign = signOf(view.directions)
  return [...byTrial].map(([id, list]) => curveOf(id, list, sign))
}

/** Curves of a list of trials, which only grows: pruners ask for them at every report. */
interface KnownCurves {
  read: number
  last: FinishedTrial | undefined
  readonly done: TrialCurve[]
  readonly ended: TrialCurve[]
}

const known: readonly WeakMap<readonly FinishedTrial[], KnownCurves>[] = [new WeakMap(), new WeakMap()]

function curvesOf({ trials, directions }: StudyView): KnownCurves {
  const sign = signOf(directions)
  const memory = known[sign === 1 ? 0 : 1]
  let curves = memory.get(trials)
  if (curves === undefined || curves.read > trials.length || curves.last !== trials[curves.read - 1]) {
    curves = { read: 0, last: undefined, done: [], ended: [] }
    memory.set(trials, curves)
  }
  for (; curves.read < trials.length; curves.read++) {
    const trial = trials[curves.read]
    curves.last = trial
    if (trial.status === 'failed') continue
    const curve = curveOfTrial(trial, sign)
    curves.ended.push(curve)
    if (trial.status === 'done') curves.done.push(curve)
  }
  return curves
}

/** Curves of the trials that are done. */
export function doneCurves(view: StudyView): readonly TrialCurve[] {
  return curvesOf(view).done
}

/** Curves of every trial that reported anything: done, pruned, waiting. */
export function allCurves(view: StudyView): readonly TrialCurve[] {
  const { ended } = curvesOf(view)
  const sign = signOf(view.directions)
  return view.paused.length === 0 ? ended : [...ended, ...view.paused.map((t) => curveOfTrial(t, sign))]
}

/** A number as a reason quotes it. */
export const quoted = (value: number): string => String(Number(value.toPrecision(6)))

/** A decision to go on. */
export const goOn = (id: number, why: string): PruneDecision => ({ id, action: 'continue', why })

/** A decision to stop. */
export const stop = (id: number, why: string): PruneDecision => ({ id, action: 'stop', why })
