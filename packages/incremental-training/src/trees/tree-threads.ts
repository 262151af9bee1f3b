import { Worker } from 'node:worker_threads'
import { TradewrightError } from '@tradewright/core'

/** Words of the control area. */
const JOB = 1
const ITEMS = 2
const COUNT = 3
/** First mailbox: one word a thread, on cache lines of their own. */
const MAILBOXES = 16
const STRIDE = 16

/** States of a mailbox. */
const IDLE = 1
const BUSY = 2
const STOP = 3

const SPINS = 4000
const PATIENCE_MS = 60_000

/** A thread, as text, so that it runs from a bundle, from ESM and from CommonJS alike. */
const WORKER = `
const { workerData: d } = require('node:worker_threads')
const w = new Int32Array(d.memory.buffer, d.control, 256)
const { work } = new WebAssembly.Instance(d.module, { env: { memory: d.memory } }).exports
const box = d.box
if (Atomics.compareExchange(w, box, 0, ${IDLE}) === 0)
  for (;;) {
    for (let i = 0; i < ${SPINS} && Atomics.load(w, box) === ${IDLE}; i++);
    Atomics.wait(w, box, ${IDLE})
    const state = Atomics.load(w, box)
    if (state === ${STOP}) break
    if (state !== ${BUSY}) continue
    work(w[${JOB}], d.context, w[${ITEMS}], w[${COUNT}], d.control)
    if (Atomics.compareExchange(w, box, ${BUSY}, ${IDLE}) === ${STOP}) break
    Atomics.notify(w, box)
  }
`

/** Threads that take items of work beside the caller, over one shared memory. They sleep between jobs. */
export class TreeThreads {
  readonly #words: Int32Array
  readonly #workers: readonly Worker[]
  readonly #boxes: readonly number[]
  #busy: number[] = []

  constructor({
    module,
    memory,
    control,
    context,
    count,
  }: {
    readonly module: unknown
    readonly memory: { readonly buffer: ArrayBufferLike }
    readonly control: number
    readonly context: number
    readonly count: number
  }) {
    this.#words = new Int32Array(memory.buffer, control, 256)
    this.#boxes = Array.from({ length: count }, (_, i) => MAILBOXES + i * STRIDE)
    this.#workers = this.#boxes.map((box) => {
      const worker = new Worker(WORKER, { eval: true, workerData: { module, memory, control, context, box } })
      worker.unref()
      return worker
    })
  }

  /** Gives the job to every thread that is up. @returns whether any is. */
  wake(job: number, items: number, count: number): boolean {
    const words = this.#words
    words[JOB] = job
    words[ITEMS] = items
    words[COUNT] = count
    this.#busy = this.#boxes.filter((box) => Atomics.compareExchange(words, box, IDLE, BUSY) === IDLE)
    for (const box of this.#busy) Atomics.notify(words, box)
    return this.#busy.length > 0
  }

  /** Waits until every woken thread is through. @throws TradewrightError `TASK_FAILED` for one that never is. */
  wait(): void {
    const words = this.#words
    for (const box of this.#busy) {
      for (let i = 0; i < SPINS && Atomics.load(words, box) === BUSY; i++);
      while (Atomics.load(words, box) === BUSY)
        if (Atomics.wait(words, box, BUSY, PATIENCE_MS) === 'timed-out')
          throw new TradewrightError(
            'TASK_FAILED',
            `a training thread must answer within ${PATIENCE_MS} ms, it did not; use threads: 1`,
          )
    }
  }

  /** Ends the threads. */
  dispose(): void {
    for (const box of this.#boxes) {
      Atomics.store(this.#words, box, STOP)
      Atomics.notify(this.#words, box)
    }
    for (const worker of this.#workers) void worker.terminate()
  }
}

/** Threads that fit in the control area. */
export const MAXIMUM_TREE_THREADS = 15
