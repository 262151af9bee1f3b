import type { FinishedTrial, Params, Pruner, Report, StudyView } from '@tradewright/core'
import { defineSpace, float, type Space } from '@tradewright/core'

/** The portable generator of search-functions.py. */
export function mulberry32(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t = (t ^ (t + Math.imul(t ^ (t >>> 7), t | 61))) >>> 0
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function gauss(seed: number): number {
  const r = mulberry32(seed)
  const u = Math.max(r(), 1e-12)
  const v = r()
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v)
}

/** Steps of a learning curve. */
export const STEPS = 81
/** Instances of the fold objective. */
export const INSTANCES = 50
/** Trials of a study. */
export const TRIALS = 200

/** Parameters of trial `i` under seed `s`. */
export interface CurveConfig {
  readonly lr: number
  readonly reg: number
  readonly width: number
  readonly drop: number
}

export function curveConfig(s: number, i: number): CurveConfig {
  const r = mulberry32(s * 100003 + i * 17 + 1)
  return { lr: 10 ** (-5 + 4 * r()), reg: 10 ** (-6 + 5 * r()), width: Math.trunc(8 + r() * 248), drop: 0.6 * r() }
}

export function asymptote(c: CurveConfig): number {
  return (
    0.2 +
    0.08 * (Math.log10(c.lr) + 3) ** 2 +
    0.02 * (Math.log10(c.reg) + 3.5) ** 2 +
    0.05 * ((c.width - 160) / 128) ** 2 +
    0.4 * (c.drop - 0.2) ** 2
  )
}

export function curveTrue(c: CurveConfig, t: number): number {
  const tau = 2 + 14 / (1 + Math.exp(2 * (Math.log10(c.lr) + 3)))
  return asymptote(c) + 0.8 * (1 + t / tau) ** -1.2
}

export function curveObserved(s: number, i: number, c: CurveConfig, t: number): number {
  return curveTrue(c, t) + 0.01 * gauss(s * 1000003 + i * 1009 + t * 7 + 3)
}

export function foldObserved(s: number, i: number, c: CurveConfig, k: number): number {
  return asymptote(c) + 0.3 * gauss(s * 7919 + k * 31 + 5) + 0.1 * gauss(s * 1000003 + i * 1009 + k * 13 + 11)
}

export function foldOrder(s: number, i: number): readonly number[] {
  const o = Array.from({ length: INSTANCES }, (_, k) => k)
  const r = mulberry32(s * 4241 + i * 97 + 29)
  for (let j = INSTANCES - 1; j > 0; j--) {
    const q = Math.floor(r() * (j + 1))
    ;[o[j], o[q]] = [o[q], o[j]]
  }
  return o
}

const space = defineSpace({ x: float(0, 1) }) as unknown as Space

/** What a pruner did on one seed. */
export interface PruningRow {
  readonly budget: number
  readonly regret: number
  readonly rank: number
  readonly completed: number
}

/** Runs 200 trials one after the other, asking the pruner after every report. */
export function runPruning(pruner: Pruner, s: number, kind: 'curve' | 'folds'): PruningRow {
  const trials: FinishedTrial[] = []
  const configs = Array.from({ length: TRIALS }, (_, i) => curveConfig(s, i))
  const truths = configs.map((c) => (kind === 'curve' ? curveTrue(c, STEPS) : asymptote(c)))
  const view: StudyView = {
    space,
    directions: ['minimize'],
    seed: s,
    generation: 0,
    generationSize: 1,
    remaining: TRIALS,
    trials,
    paused: [],
  }
  let used = 0
  const full = kind === 'curve' ? STEPS : INSTANCES
  configs.forEach((c, i) => {
    const reports: Report[] = []
    const order = kind === 'curve' ? Array.from({ length: STEPS }, (_, t) => t + 1) : foldOrder(s, i)
    const params: Params = { x: 0 }
    let stopped: string | undefined
    for (const [at, step] of order.entries()) {
      used++
      reports.push({
        id: i,
        step,
        value: kind === 'curve' ? curveObserved(s, i, c, step) : foldObserved(s, i, c, step),
      })
      if (at === order.length - 1) break // a whole trial is done, whatever a pruner would say
      const [decision] = pruner.decide(reports, view)
      if (decision !== undefined && decision.action !== 'continue') {
        stopped = decision.why
        break
      }
    }
    const value =
      kind === 'curve' ? reports[reports.length - 1].value : reports.reduce((a, r) => a + r.value, 0) / reports.length
    trials.push(
      stopped === undefined
        ? { number: i, params, status: 'done', values: [value], reports }
        : { number: i, params, status: 'pruned', values: [], reports, why: stopped },
    )
  })
  const done = trials.filter((t) => t.status === 'done')
  const best = done.reduce((a, b) => (b.values[0] < a.values[0] ? b : a))
  const truth = truths[best.number]
  return {
    budget: used / (TRIALS * full),
    regret: truth - Math.min(...truths),
    rank: truths.filter((v) => v < truth).length,
    completed: done.length,
  }
}
