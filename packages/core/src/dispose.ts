/** Something that can be closed, at once or with a wait. */
export type Closable =
  | AsyncDisposable
  | Disposable
  | { dispose(): void | Promise<void> }
  | { close(): void | Promise<void> }

// Node 20 has these symbols; older browsers may not.
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as never)
const syncDispose: typeof Symbol.dispose = Symbol.dispose ?? (Symbol.for('Symbol.dispose') as never)

function closerOf(item: object): (() => unknown) | undefined {
  const record = item as Record<PropertyKey, unknown>
  for (const name of [asyncDispose, syncDispose, 'dispose', 'close']) {
    const method = record[name]
    if (typeof method === 'function') return () => method.call(item)
  }
  return undefined
}

/**
 * Closes what it was given, last first. Idempotent. Failures of several closings join an `AggregateError`; a single
 * failure is thrown as it is. Stands in for `AsyncDisposableStack`, which Node 20 lacks.
 */
export class DisposeStack implements AsyncDisposable {
  #closers: (() => unknown)[] = []
  #closing: Promise<void> | undefined

  /** Whether closing has begun. */
  get disposed(): boolean {
    return this.#closing !== undefined
  }

  /** Takes charge of `item` and returns it. What has no closing method is returned as it is. */
  use<T>(item: T): T {
    if (typeof item === 'object' && item !== null) {
      const close = closerOf(item)
      if (close !== undefined) this.#closers.push(close)
    }
    return item
  }

  /** Runs `close` at disposal. */
  defer(close: () => unknown): void {
    this.#closers.push(close)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#run()
    return this.#closing
  }

  async #run(): Promise<void> {
    const failures: unknown[] = []
    for (;;) {
      const close = this.#closers.pop()
      if (close === undefined) break
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} things could not be closed`)
  }
}
