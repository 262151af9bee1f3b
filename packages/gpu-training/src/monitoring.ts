import { type Clock, systemClock } from '@tradewright/core'
import type { TrainingBackend } from './backend.ts'
import { checkCount } from './check-range.ts'
import type { Dataset } from './dataset.ts'
import { createTrainer } from './trainer.ts'
import type { TrainerOptions, TrainerTimes } from './trainer-options.ts'
import type { Trick } from './trick.ts'

/** Options of {@link benchmarkModelPerformance}. */
export interface PerformanceOptions {
  /** Epochs that are measured, after one that is not. @default 2 */
  readonly epochs?: number | undefined
  readonly validation?: Dataset | undefined
  /** Single-row predictions that are timed. @default 1000 */
  readonly predictions?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** How fast a model trains and predicts here. */
export interface ModelPerformance {
  readonly backend: string
  readonly rowsPerSecond: number
  readonly msPerStep: number
  /** Mean time of a prediction of one row, in microseconds, by a model compiled for one row. */
  readonly predictionUs: number
  /** Bytes of the model, and of the part that lives within a step. */
  readonly bytes: number
  readonly stepBytes: number
  readonly times: TrainerTimes
  readonly bottlenecks: readonly Bottleneck[]
}

/** A part that takes more than its due, and what to do. */
export interface Bottleneck {
  readonly part: 'data' | 'loss' | 'update' | 'validation' | 'overhead'
  /** Share of the whole time, 0 to 1. */
  readonly share: number
  readonly advice: string
}

/** Share above which a part is called a bottleneck, and what to do about it. */
const LIMITS: Readonly<Record<Bottleneck['part'], { readonly limit: number; readonly advice: string }>> = {
  data: { limit: 0.25, advice: 'gathering rows takes long: keep them in arrays, compute windows and features once' },
  loss: { limit: 0.25, advice: 'the loss takes long: write it without allocation, or lower the number of outputs' },
  update: {
    limit: 0.4,
    advice:
      'updates take long beside the gradients: use larger batches or gradient accumulation, fewer tricks on gradients, or a rule with kernels (adam, adamW, momentum, sgd)',
  },
  validation: { limit: 0.35, advice: 'validation takes long: validate on fewer rows, or less often by longer epochs' },
  overhead: {
    limit: 0.3,
    advice: 'much time lies between the parts: use larger batches, and cheaper listeners and tricks',
  },
}

/**
 * Finds the parts of a training that take more than their due.
 *
 * @param times  of `trainer.times()`.
 * @param wallMs time of the whole training; without it, time between the parts is not judged.
 * @returns the bottlenecks, the largest share first; empty where forward and backward have most of the time.
 */
export function findBottlenecks(times: TrainerTimes, wallMs?: number): readonly Bottleneck[] {
  const { data, forward, loss, backward, update, validation } = times
  const known = data + forward + loss + backward + update + validation
  const whole = Math.max(known, wallMs ?? 0)
  if (whole === 0) return []
  const parts = { data, loss, update, validation, overhead: whole - known }
  return (Object.keys(parts) as Bottleneck['part'][])
    .map((part) => ({ part, share: parts[part] / whole, advice: LIMITS[part].advice }))
    .filter(({ part, share }) => share > LIMITS[part].limit)
    .sort((a, b) => b.share - a.share)
}

/** Mean time of a one-row prediction, in microseconds. */
function timePrediction(
  { model, loss }: TrainerOptions,
  backend: TrainingBackend,
  count: number,
  clock: Clock,
): number {
  const compiled = backend.compile(model, { batch: 1, loss })
  const x = new Float32Array(compiled.inputs)
  const out = new Float32Array(compiled.outputs)
  for (let i = 0; i < count; i++) compiled.predict(x, 1, out)
  const start = clock.elapsed()
  for (let i = 0; i < count; i++) compiled.predict(x, 1, out)
  const us = ((clock.elapsed() - start) / count) * 1000
  compiled.dispose()
  return us
}

/** Trains a fresh model for a few epochs and says how fast it was, and what held it up. */
export async function benchmarkModelPerformance(
  options: TrainerOptions,
  dataset: Dataset,
  performance: PerformanceOptions = {},
): Promise<ModelPerformance> {
  const { epochs = 2, validation, predictions = 1000, signal } = performance
  checkCount('epochs', epochs, 1)
  checkCount('predictions', predictions, 1)
  const { clock = systemClock } = options
  const trainer = createTrainer(options)
  try {
    await trainer.fit(dataset, { epochs: 1, validation, signal })
    trainer.times(true)
    const start = clock.elapsed()
    await trainer.fit(dataset, { epochs: 1 + epochs, validation, signal })
    const wall = clock.elapsed() - start
    const times = trainer.times()
    const { total, activations } = trainer.model.memory()
    return {
      backend: trainer.model.backend,
      rowsPerSecond: (times.rows / wall) * 1000,
      msPerStep: wall / times.steps,
      predictionUs: timePrediction(options, options.backend, predictions, clock),
      bytes: total,
      stepBytes: activations,
      times,
      bottlenecks: findBottlenecks(times, wall),
    }
  } finally {
    trainer.dispose()
  }
}

/** One event of the Chrome trace format; times in microseconds. */
export interface TraceEvent {
  readonly name: string
  readonly ph: 'X'
  readonly ts: number
  readonly dur: number
  readonly pid: number
  readonly tid: number
  readonly args?: Readonly<Record<string, number>> | undefined
}

/** A trick that records where the time goes. */
export interface TraceTrick extends Trick {
  /** The recorded steps; save it as JSON and open it in chrome://tracing or Perfetto. */
  trace(): { readonly traceEvents: readonly TraceEvent[] }
}

/**
 * Records each step as a trace: data, forward, loss, backward and update, one behind the other.
 *
 * @param options `maxSteps`: steps that are kept, the first ones. @default 10000
 */
export function chromeTrace({
  maxSteps = 10_000,
  clock = systemClock,
}: {
  readonly maxSteps?: number | undefined
  readonly clock?: Clock | undefined
} = {}): TraceTrick {
  checkCount('maxSteps', maxSteps, 1)
  const events: TraceEvent[] = []
  let begun = 0
  let gathered = 0
  let computed = 0
  let steps = 0
  let before = { forward: 0, loss: 0, backward: 0 }
  const add = (name: string, start: number, ms: number, args?: TraceEvent['args']): number => {
    events.push({
      name,
      ph: 'X',
      ts: start * 1000,
      dur: ms * 1000,
      pid: 1,
      tid: 1,
      ...(args === undefined ? {} : { args }),
    })
    return start + ms
  }
  return {
    name: 'chromeTrace',
    order: 1000,
    start(run) {
      begun = clock.elapsed()
      before = { ...run.model.times() }
    },
    batch(batch, _run, part) {
      if (part === 0) gathered = clock.elapsed()
      return batch
    },
    rate(rate) {
      computed = clock.elapsed()
      return rate
    },
    stepped({ model, step, trainingLoss }) {
      const now = clock.elapsed()
      const times = model.times()
      if (steps++ < maxSteps) {
        add('step', begun, now - begun, { step, loss: trainingLoss })
        let at = add('data', begun, gathered - begun)
        at = add('forward', at, times.forward - before.forward)
        at = add('loss', at, times.loss - before.loss)
        add('backward', at, times.backward - before.backward)
        add('update', computed, now - computed)
      }
      before = { ...times }
      begun = now
    },
    epoch() {
      begun = clock.elapsed()
      return undefined
    },
    trace: () => ({ traceEvents: [...events] }),
    stats: () => ({ steps }),
  }
}
