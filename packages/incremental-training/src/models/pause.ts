const SLICE_MS = 15

/**
 * Gives others their turn, at most every 15 ms, and throws the signal's reason once it is aborted.
 *
 * @returns a function to be awaited between the steps of a long loop; cheap where no turn is due.
 */
export function createPause(signal: AbortSignal | undefined): () => Promise<void> {
  signal?.throwIfAborted()
  let last = performance.now()
  return async () => {
    if (performance.now() - last < SLICE_MS) return
    await new Promise<void>((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
    last = performance.now()
  }
}
