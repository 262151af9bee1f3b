import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Clock,
  defineOptimizer,
  type Optimizer,
  type Profiler,
  type Snapshot,
  systemClock,
} from '@tradewright/core'

interface Frame {
  childMs: number
}

interface Totals {
  calls: number
  totalMs: number
  selfMs: number
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/**
 * A {@link Profiler} by the clock: calls, time and time without the spans inside, by name.
 *
 * A span inside another is known as such across awaits. Spans that overlap inside one parent take their sum from its
 * own time, which therefore stops at 0.
 *
 * @param options `clock`: where time comes from. @default the machine's
 * @example
 * ```ts
 * import { createTimingProfiler } from 'tradewright'
 * const profiler = createTimingProfiler()
 * await profiler.span('outer', async () => { profiler.span('inner', () => 1) })
 * console.log(profiler.report().spans.map((span) => span.name)) // [ 'inner', 'outer' ]
 * ```
 */
export function createTimingProfiler(options: { readonly clock?: Clock | undefined } = {}): Profiler {
  const { clock = systemClock } = options
  const frames = new AsyncLocalStorage<Frame>()
  const totals = new Map<string, Totals>()
  const snapshots: Snapshot[] = []
  const record = (name: string, ms: number, frame: Frame, parent: Frame | undefined): void => {
    const entry = totals.get(name) ?? { calls: 0, totalMs: 0, selfMs: 0 }
    entry.calls++
    entry.totalMs += ms
    entry.selfMs += Math.max(0, ms - frame.childMs)
    totals.set(name, entry)
    if (parent !== undefined) parent.childMs += ms
  }
  return {
    span(name, run) {
      const parent = frames.getStore()
      const frame: Frame = { childMs: 0 }
      const begin = clock.elapsed()
      const end = (): void => record(name, clock.elapsed() - begin, frame, parent)
      let pending = false
      try {
        const result = frames.run(frame, run)
        if (!isThenable(result)) return result
        pending = true
        // Settled through a promise of its own, so that the caller gets the value only once the span is counted.
        return Promise.resolve(result).finally(end) as unknown as typeof result
      } finally {
        if (!pending) end()
      }
    },
    snapshot(label) {
      const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
      const snapshot = { label, at: clock.now(), rss, heapUsed, heapTotal, external, arrayBuffers }
      snapshots.push(snapshot)
      return snapshot
    },
    report: () => ({
      spans: [...totals].map(([name, entry]) => ({ name, ...entry })),
      snapshots: [...snapshots],
    }),
  }
}

/** The optimizer that measures a system's search as a whole: one span a hook. */
export function timingProfiler(profiler: Profiler): Optimizer {
  let batches = 0
  let trials = 0
  return defineOptimizer({
    name: 'profiler',
    effect: 'exact',
    suggest: (request, next) => profiler.span('suggest', () => next(request)),
    schedule: (view, next) => profiler.span('schedule', () => next(view)),
    evaluate(request, next) {
      batches++
      trials += request.trials.length
      return profiler.span('evaluate', () => next(request))
    },
    fit: (request, next) => profiler.span('fit', () => next(request)),
    step: (request, next) => profiler.span('step', () => next(request)),
    stats: () => ({ batches, trials }),
  })
}

/**
 * The same optimizer with each of its hooks measured under `optimizer:<name>`. What the layers inside it take is not
 * its own: they are spans inside its span.
 */
export function measureOptimizer(optimizer: Optimizer, profiler: Profiler): Optimizer {
  const span = `optimizer:${optimizer.name}`
  const { suggest, schedule, evaluate, fit, observe, remote } = optimizer
  return {
    name: optimizer.name,
    effect: optimizer.effect,
    enforce: optimizer.enforce,
    ...(suggest && { suggest: (r, next) => profiler.span(span, () => suggest.call(optimizer, r, next)) }),
    ...(schedule && { schedule: (v, next) => profiler.span(span, () => schedule.call(optimizer, v, next)) }),
    ...(evaluate && { evaluate: (r, next) => profiler.span(span, () => evaluate.call(optimizer, r, next)) }),
    ...(fit && { fit: (r, next) => profiler.span(span, () => fit.call(optimizer, r, next)) }),
    ...(remote && { remote }),
    ...(observe && { observe: (finished) => profiler.span(span, () => observe.call(optimizer, finished)) }),
  } satisfies Optimizer
}
