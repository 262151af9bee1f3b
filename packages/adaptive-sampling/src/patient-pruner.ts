import { type PruneDecision, type Pruner, TradewrightError } from '@tradewright/core'
import { refuseUnknown } from './known-options.ts'
import { goOn, judgedCurves, stop, type TrialCurve } from './trial-reports.ts'

/** Options of {@link patientPruner}. */
export interface PatientOptions {
  /** Reports in a row that may bring no improvement, >= 0. */
  readonly patience: number
  /** An improvement must be larger than this. @default 0 */
  readonly minDelta?: number | undefined
}

const least = (values: readonly number[]): number =>
  values.reduce((best, v) => (v < best ? v : best), Number.POSITIVE_INFINITY)

function stalled({ losses }: TrialCurve, patience: number, minDelta: number): boolean {
  if (losses.length <= patience + 1) return false
  const cut = losses.length - patience - 1
  return least(losses.slice(0, cut)) + minDelta < least(losses.slice(cut))
}

/**
 * Lets another pruner judge only trials that have not improved for a while; without one, stops those.
 *
 * Decides as Optuna's PatientPruner.
 *
 * @throws TradewrightError `BAD_OPTION` unless patience and minDelta are at least 0.
 */
export function patientPruner(inner: Pruner | undefined, options: PatientOptions): Pruner {
  refuseUnknown('patient', options, ['patience', 'minDelta'])
  const { patience, minDelta = 0 } = options
  if (!(patience >= 0 && minDelta >= 0))
    throw new TradewrightError('BAD_OPTION', `patience and minDelta must be at least 0, was ${patience}, ${minDelta}`, {
      patience,
      minDelta,
    })
  return {
    name: 'patient',
    decide(reports, view) {
      const curves = judgedCurves(reports, view)
      const waiting = new Map<number, PruneDecision>()
      const late = new Set<number>()
      for (const curve of curves)
        if (stalled(curve, patience, minDelta)) late.add(curve.id)
        else waiting.set(curve.id, goOn(curve.id, `it improved within its last ${patience + 1} reports`))
      const judged =
        inner?.decide(
          reports.filter((r) => late.has(r.id)),
          view,
        ) ?? [...late].map((id) => stop(id, `no improvement in its last ${patience + 1} reports`))
      for (const decision of judged) waiting.set(decision.id, decision)
      return curves.map(({ id }) => waiting.get(id) ?? goOn(id, 'no decision'))
    },
  }
}
