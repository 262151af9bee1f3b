/** Where time comes from: injected, so that tests own it. */
export interface Clock {
  /** Wall-clock time, epoch ms. */
  now(): number
  /** Monotonic time in ms, for durations. */
  elapsed(): number
  /** Calls `run` once after `ms`; the returned function cancels it. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void
}

/** The machine's own clock. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms: number, run: () => void) {
    const timer: unknown = setTimeout(run, ms)
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
    return () => clearTimeout(timer as ReturnType<typeof setTimeout>)
  },
})

/** A clock that stands still until it is told to move. For tests. */
export interface ManualClock extends Clock {
  /** Moves time on and runs what falls due, in order. */
  advance(ms: number): void
}

/** A {@link ManualClock} that begins at `start` (epoch ms). */
export function createManualClock(start: number = 0): ManualClock {
  let time = start
  let timers: { at: number; run: () => void }[] = []
  return {
    now: () => time,
    elapsed: () => time - start,
    after(ms, run) {
      const timer = { at: time + ms, run }
      timers.push(timer)
      return () => {
        timers = timers.filter((t) => t !== timer)
      }
    },
    advance(ms) {
      const end = time + ms
      for (;;) {
        const due = timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0]
        if (due === undefined) break
        timers = timers.filter((t) => t !== due)
        time = due.at
        due.run()
      }
      time = end
    },
  }
}
