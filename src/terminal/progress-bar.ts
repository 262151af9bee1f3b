import { type Clock, systemClock } from '@tradewright/core'
import { formatDuration, formatNumber } from '../report/number-format.ts'
import type { TrainingProgress } from '../training-request.ts'

/** Where a progress bar is drawn: `process.stderr`, or anything like it. */
export interface TextStream {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** Options of {@link progressBar}. */
export interface ProgressBarOptions {
  /** @default process.stderr */
  readonly stream?: TextStream | undefined
  readonly clock?: Clock | undefined
}

/** Shows how trainings go. */
export interface ProgressBar {
  /** Takes the progress of a training: give it as `onProgress`. */
  readonly update: (progress: TrainingProgress) => void
  /** Ends the line. Call it when the training has ended, also by an error. */
  done(): void
}

const WIDTH = 24
const REDRAW_MS = 50
const LINE_MS = 2000
/** Before this the first trials, slowed by a cold process, would promise far too long a time. */
const WARM_UP_MS = 300

function lineOf({ strategy, done, trials, best, leftMs, elapsedMs }: TrainingProgress): string {
  const score = best === undefined ? '' : `  best ${formatNumber(best, 3)}`
  const left =
    leftMs === undefined || elapsedMs < WARM_UP_MS || done >= trials ? '' : `  ${formatDuration(leftMs)} left`
  return `${strategy}  ${done}/${trials} trials${score}${left}`
}

function barOf(progress: TrainingProgress): string {
  const filled = Math.round((progress.done / Math.max(1, progress.trials)) * WIDTH)
  return `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}  ${lineOf(progress)}`
}

/**
 * A progress bar: trials done, best score, time left. Redrawn in place on a terminal; elsewhere plain lines, one at
 * the first progress, then at most one in two seconds, and one at the end.
 *
 * @example
 * ```ts
 * const bar = progressBar()
 * await system.trainingManager.executeOptimizedTraining({ strategy, symbol: 'SPX', onProgress: bar.update })
 * bar.done()
 * ```
 */
export function progressBar(options: ProgressBarOptions = {}): ProgressBar {
  const { stream = process.stderr, clock = systemClock } = options
  const terminal = stream.isTTY === true
  let shown: TrainingProgress | undefined
  let latest: TrainingProgress | undefined
  let at = Number.NEGATIVE_INFINITY
  const draw = (progress: TrainingProgress): void => {
    shown = progress
    at = clock.elapsed()
    if (!terminal) stream.write(`${lineOf(progress)}\n`)
    else stream.write(`\r\u001b[2K${barOf(progress).slice(0, (stream.columns ?? 80) - 1)}`)
  }
  return {
    update(progress) {
      latest = progress
      if (clock.elapsed() - at >= (terminal ? REDRAW_MS : LINE_MS)) draw(progress)
    },
    done() {
      if (latest !== undefined && latest !== shown) draw(latest)
      if (terminal && shown !== undefined) stream.write('\n')
      shown = undefined
      latest = undefined
      at = Number.NEGATIVE_INFINITY
    },
  }
}
