import { type Rung, type Schedule, TradewrightError, type Work } from '@tradewright/core'
import { refuseUnknown } from './known-options.ts'
import { signOf } from './trial-reports.ts'

/** Options of {@link ashaSchedule}. */
export interface AshaScheduleOptions {
  /** The stages, the last of which is the whole evaluation. */
  readonly rungs: readonly Rung[]
  /** One of this many goes on from a rung, >= 2. @default 4 */
  readonly reductionFactor?: number | undefined
}

/**
 * ASHA by pausing: trials wait at every rung, and the best quarter (1 in `reductionFactor`) of all that reached it is
 * taken on, before new ones are started. Nothing is ever lost: a trial that waits may be promoted when more have come.
 *
 * When no trial may be started any more and none is good enough, what waits is stopped with its reason.
 *
 * @throws TradewrightError `BAD_OPTION` without rungs or for a factor below 2.
 * @see Li et al. (2020), "A system for massively parallel hyperparameter tuning", MLSys, algorithm 2.
 */
export function ashaSchedule(options: AshaScheduleOptions): Schedule {
  refuseUnknown('ashaSchedule', options, ['rungs', 'reductionFactor'])
  const { rungs, reductionFactor = 4 } = options
  if (rungs.length === 0 || !(reductionFactor >= 2))
    throw new TradewrightError(
      'BAD_OPTION',
      `needs rungs and reductionFactor >= 2, was ${rungs.length}, ${reductionFactor}`,
      {
        rungs: rungs.length,
        reductionFactor,
      },
    )
  return async (view) => {
    const sign = signOf(view.directions)
    const work: Work[] = []
    let room = view.generationSize
    const everyone = [...view.trials.filter((t) => t.status !== 'failed'), ...view.paused]
    for (let r = rungs.length - 2; r >= 0 && room > 0; r--) {
      const { step } = rungs[r]
      const reached = everyone.flatMap(({ number, reports }) => {
        const report = reports.find((x) => x.step === step)
        return report === undefined || Number.isNaN(report.value) ? [] : [{ number, loss: sign * report.value }]
      })
      reached.sort((a, b) => a.loss - b.loss || a.number - b.number)
      const top = new Set(reached.slice(0, Math.floor(reached.length / reductionFactor)).map((t) => t.number))
      for (const { number, reports } of view.paused) {
        if (room === 0) break
        if (!top.has(number) || reports.at(-1)?.step !== step) continue
        work.push({ advance: number, to: rungs[r + 1] })
        room--
      }
    }
    const start = Math.min(room, view.remaining)
    if (start > 0) work.push({ start, at: rungs[0] })
    if (work.length > 0) return work
    return view.paused.map(({ number, reports }) => ({
      stop: number,
      why: `not among the best 1 in ${reductionFactor} at step ${reports.at(-1)?.step}, and no more trials will come`,
    }))
  }
}
