/** Kinds of work, as assembly/trees.ts numbers them. */
export const treeJobs: {
  readonly histogram: 0
  readonly partition: 1
  readonly leaf: 2
  readonly traverse: 3
  readonly gradient: 4
  readonly grid: 5
} = { histogram: 0, partition: 1, leaf: 2, traverse: 3, gradient: 4, grid: 5 }

/** A kind of work. */
export type TreeJob = (typeof treeJobs)[keyof typeof treeJobs]

/** Words of the context, as byte offsets. */
export const contextWords: {
  readonly bins: 0
  readonly rowBytes: 4
  readonly gradients: 8
  readonly features: 12
  readonly binCounts: 16
  readonly monotone: 20
  readonly constrained: 24
  readonly margins: 28
  readonly labels: 32
  readonly weights: 36
  readonly classes: 40
  readonly rows: 44
  readonly objective: 48
} = {
  bins: 0,
  rowBytes: 4,
  gradients: 8,
  features: 12,
  binCounts: 16,
  monotone: 20,
  constrained: 24,
  margins: 28,
  labels: 32,
  weights: 36,
  classes: 40,
  rows: 44,
  objective: 48,
}

/** Numbers of the context, as byte offsets. */
export const contextNumbers: {
  readonly lambda: 64
  readonly alpha: 72
  readonly minChildWeight: 80
  readonly quantile: 88
  readonly gridGradient: 96
  readonly gridHessian: 104
} = { lambda: 64, alpha: 72, minChildWeight: 80, quantile: 88, gridGradient: 96, gridHessian: 104 }

/** Bytes of the context. */
export const CONTEXT_BYTES = 128

/** Bytes of an item of work. */
export const ITEM_BYTES = 64

/** The bin of missing values. */
export const MISSING_BIN = 255

/** Bins of one feature, the one for missing values included: fixed, so that kernels know every address. */
export const BINS = 256

/** Features that lie together in a row of bins. */
export const BLOCK = 8

/** Bytes of a block's histograms: pairs of float64. */
export const BLOCK_BYTES: number = BLOCK * BINS * 16

/** Does items of work over one memory. */
export interface TreeKernels {
  readonly name: string
  readonly buffer: ArrayBufferLike
  /** Threads that share the work. */
  readonly threads: number
  /**
   * Does all `count` items at byte offset `items`.
   *
   * @param parallel whether it is worth waking the other threads.
   */
  run(job: TreeJob, items: number, count: number, parallel: boolean): void
  /** Ends the other threads. */
  dispose(): void
}
