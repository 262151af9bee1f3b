import type { Pruner } from '@tradewright/core'
import { goOn, judgedCurves } from './trial-reports.ts'

/** Stops nothing. */
export function nonePruner(): Pruner {
  return {
    name: 'none',
    decide: (reports, view) => judgedCurves(reports, view).map(({ id }) => goOn(id, 'nothing is ever pruned')),
  }
}
