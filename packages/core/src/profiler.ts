/** Time spent under one name. */
export interface ProfileSpan {
  readonly name: string
  readonly calls: number
  /** Time between begin and end, in ms, summed. */
  readonly totalMs: number
  /** The same without the time of spans inside, where the profiler knows them. */
  readonly selfMs: number
}

/** Memory at one moment, in bytes. */
export interface Snapshot {
  readonly label: string
  /** Epoch ms. */
  readonly at: number
  readonly rss: number
  readonly heapUsed: number
  readonly heapTotal: number
  readonly external: number
  readonly arrayBuffers: number
}

/** What a profiler has seen. */
export interface ProfileReport {
  readonly spans: readonly ProfileSpan[]
  readonly snapshots: readonly Snapshot[]
}

/** Measures where time and memory go. It never changes what it measures. */
export interface Profiler {
  /** Runs `run` and measures it until it returns or its promise settles. */
  span<T>(name: string, run: () => T): T
  snapshot(label: string): Snapshot
  report(): ProfileReport
}
