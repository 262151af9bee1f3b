import { type Clock, isTradewrightError, systemClock, TradewrightError } from '@tradewright/core'
import { checkCount, checkRange } from './check-range.ts'
import { createDataLoader } from './data-loader.ts'
import type { Dataset } from './dataset.ts'
import { createTrainer } from './trainer.ts'
import type { TrainerOptions } from './trainer-options.ts'
import type { Trick } from './trick.ts'

/** Options of {@link findLearningRate}. */
export interface RateFinderOptions {
  /** @default 1e-6 */
  readonly from?: number | undefined
  /** @default 1 */
  readonly to?: number | undefined
  /** Updates, each at a rate a factor above the one before. @default 100 */
  readonly steps?: number | undefined
  /** Of the moving mean of the losses. @default 0.9 */
  readonly smoothing?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What {@link findLearningRate} found. */
export interface RateFinderResult {
  readonly rates: readonly number[]
  /** Smoothed losses, corrected for their start. */
  readonly losses: readonly number[]
  /** Rate at which the loss fell fastest, per factor of the rate. */
  readonly suggestion: number
  /** Rate at which the loss passed four times its lowest; undefined where it did not. */
  readonly divergedAt: number | undefined
}

/** Where the smoothed loss falls fastest. */
function steepest(rates: readonly number[], losses: readonly number[]): number {
  let best = 0
  let slope = Number.POSITIVE_INFINITY
  for (let i = 1; i + 1 < losses.length; i++) {
    const fall = losses[i + 1] - losses[i - 1]
    if (fall < slope) {
      slope = fall
      best = i
    }
  }
  return rates[best]
}

/**
 * Trains a fresh model for a few updates while the rate grows, and says at which rate the loss fell fastest.
 *
 * @throws TradewrightError `BAD_OPTION` (also where a schedule is among the tricks), and what `createTrainer` throws.
 * @see Smith (2017), "Cyclical learning rates for training neural networks", WACV, section 3.3.
 */
export async function findLearningRate(
  options: TrainerOptions,
  dataset: Dataset,
  finder: RateFinderOptions = {},
): Promise<RateFinderResult> {
  const { from = 1e-6, to = 1, steps = 100, smoothing = 0.9, signal } = finder
  checkRange('from', from, Number.MIN_VALUE, to)
  checkCount('steps', steps, 3)
  checkRange('smoothing', smoothing, 0, 0.999)
  const rates: number[] = []
  const losses: number[] = []
  const done = new AbortController()
  const enough = new Error('enough')
  let mean = 0
  let lowest = Number.POSITIVE_INFINITY
  let divergedAt: number | undefined
  const trick: Trick = {
    name: 'findLearningRate',
    kind: 'schedule',
    rate: (_base, { step }) => from * (to / from) ** Math.min(1, step / (steps - 1)),
    stepped({ trainingLoss, rate }) {
      if (done.signal.aborted) return
      mean = smoothing * mean + (1 - smoothing) * trainingLoss
      const loss = mean / (1 - smoothing ** (losses.length + 1))
      rates.push(rate)
      losses.push(loss)
      lowest = Math.min(lowest, loss)
      if (loss > 4 * lowest && losses.length > 3) divergedAt = rate
      if (losses.length === steps || divergedAt !== undefined) done.abort(enough)
    },
  }
  const trainer = createTrainer({ ...options, tricks: [...(options.tricks ?? []), trick] })
  const stop = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal])
  try {
    await trainer.fit(dataset, { epochs: steps, signal: stop })
  } catch (error) {
    if (isTradewrightError(error) && error.code === 'TRIAL_FAILED') divergedAt = rates.at(-1)
    else if (error !== enough) throw error
  } finally {
    trainer.dispose()
  }
  return { rates, losses, suggestion: steepest(rates, losses), divergedAt }
}

/** Options of {@link findBatchSize}. */
export interface BatchFinderOptions {
  /** Batch sizes, ascending. @default powers of two from 32 to 4096 */
  readonly candidates?: readonly number[] | undefined
  /** What a model may take in all. @default no limit */
  readonly maxBytes?: number | undefined
  /** Steps that are timed for each. @default 10 */
  readonly steps?: number | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** One batch size, measured. */
export interface BatchFinding {
  readonly batch: number
  /** Memory of the model: parameters, gradients, the rule's state and a step. */
  readonly bytes: number
  /** 0 where it does not fit and was not run. */
  readonly rowsPerSecond: number
  readonly fits: boolean
}

/** What {@link findBatchSize} found. */
export interface BatchFinderResult {
  readonly findings: readonly BatchFinding[]
  /** The largest that fits. */
  readonly memoryOptimal: number
  /** The one with the most rows a second among those that fit. */
  readonly throughputOptimal: number
}

/**
 * Measures memory and throughput of batch sizes: bytes are exact, since the plan is laid out in advance; the time is the
 * median of a few forward and backward passes.
 *
 * @throws TradewrightError `BAD_OPTION`, `OUT_OF_MEMORY` (none fits), and what `compile` throws.
 */
export function findBatchSize(
  options: TrainerOptions,
  dataset: Dataset,
  finder: BatchFinderOptions = {},
): BatchFinderResult {
  const {
    candidates = [32, 64, 128, 256, 512, 1024, 2048, 4096],
    maxBytes = Number.POSITIVE_INFINITY,
    steps = 10,
    clock = systemClock,
  } = finder
  checkCount('steps', steps, 1)
  const usable = candidates.filter((batch) => batch <= dataset.rows)
  if (usable.length === 0)
    throw new TradewrightError(
      'BAD_OPTION',
      `candidates must hold one of at most ${dataset.rows} rows, was ${candidates.join(', ')}`,
    )
  const findings = usable.map((batch) => measure(options, dataset, batch, maxBytes, steps, clock))
  const fitting = findings.filter(({ fits }) => fits)
  if (fitting.length === 0)
    throw new TradewrightError(
      'OUT_OF_MEMORY',
      `a batch must fit in maxBytes (${maxBytes}), the smallest takes ${findings[0].bytes}; lower the model or checkpoint activations`,
      { maxBytes },
    )
  const most = (score: (finding: BatchFinding) => number): number =>
    fitting.reduce((best, each) => (score(each) > score(best) ? each : best)).batch
  return {
    findings,
    memoryOptimal: most(({ batch }) => batch),
    throughputOptimal: most(({ rowsPerSecond }) => rowsPerSecond),
  }
}

function measure(
  options: TrainerOptions,
  dataset: Dataset,
  batch: number,
  maxBytes: number,
  steps: number,
  clock: Clock,
): BatchFinding {
  const trainer = createTrainer({ ...options, batch })
  try {
    const bytes = trainer.model.memory().total
    if (bytes > maxBytes) return { batch, bytes, rowsPerSecond: 0, fits: false }
    const rows = createDataLoader(dataset, { batch, sampling: 'sequential' }).next()
    if (rows === undefined) throw new TradewrightError('INTERNAL', 'a loader must give a first batch')
    const times: number[] = []
    for (let step = 0; step <= steps; step++) {
      const start = clock.elapsed()
      trainer.model.gradients(rows, { step, accumulate: false })
      if (step > 0) times.push(clock.elapsed() - start)
    }
    const median = times.sort((a, b) => a - b)[times.length >> 1]
    return { batch, bytes, rowsPerSecond: (batch / median) * 1000, fits: true }
  } finally {
    trainer.dispose()
  }
}
