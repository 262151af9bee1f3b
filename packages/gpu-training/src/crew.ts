import { Worker } from 'node:worker_threads'
import { type Clock, TradewrightError } from '@tradewright/core'
import { CrewPace } from './crew-pace.ts'
import type { Kernels } from './kernels.ts'
import type { SharedWasm } from './wasm-kernels.ts'

/** Places in the control array. */
const JOB = 0
const CLAIM = 1
const DONE = 2
const ASLEEP = 3
const WAITING = 4
const STOP = 5

/** Kernels that are shared out, by number. */
const GEMM = 0
const PACK = 1
const ACTIVATE = 2
const ACTIVATE_GRAD = 3
const COLUMN_SUM = 4
const ADAM = 5

/** Rows of a product's block: two tiles, so that nobody waits long for the last one. */
const ROWS = 12

/** A claim's lower bits are the blocks that are left, the upper ones the job's number. */
const BLOCK_BITS = 12
const MOST_BLOCKS = 1 << BLOCK_BITS

/** What a thread runs a block with: exports of the WebAssembly module. */
type Exports = Readonly<Record<string, (...args: readonly number[]) => number>>

/**
 * Runs one block of the job that `j` describes: some rows of a product, some panels of a packed matrix, or a stretch of
 * an array. Written so that its text runs in a worker as it stands: no name from outside of it.
 */
function runBlock(e: Exports, j: Int32Array, block: number, scratch: number): void {
  const size = j[1]
  const from = block * size
  switch (j[0]) {
    case 0: {
      const rows = Math.min(size, j[2] - from)
      const at = from * j[3] * 4
      e.gemm(rows, j[3], j[4], j[5] + from * j[6], j[6], j[7], j[8], j[9] + at, j[10], j[11], j[12] + at, scratch)
      break
    }
    case 1: {
      const columns = Math.min(size, j[4] - from)
      e.packB(j[2] + from * j[6], j[3], columns, j[5], j[6], j[7] + from * j[3] * 4)
      break
    }
    case 2:
      e.activate(j[2], Math.min(size, j[3] - from), j[4] + from * 4, j[5] + from * 4)
      break
    case 3: {
      const at = from * 4
      e.activateGrad(j[2], Math.min(size, j[3] - from), j[4] + at, j[5] + at, j[6] + at, j[7] + at)
      break
    }
    case 4: {
      const end = Math.min(from + size, j[3])
      e.columnSumPart(j[2], j[3], from, end, j[4], j[5], j[6])
      break
    }
    default: {
      const at = from * 4
      e.adam(Math.min(size, j[2] - from), j[3] + at, j[4] + at, j[5] + at, j[6] + at, j[7])
    }
  }
}

/** The other threads, as text, so that they run from a bundle, from ESM and from CommonJS alike. */
const WORKER = `
const { workerData: d } = require('node:worker_threads')
const c = new Int32Array(d.control)
const j = new Int32Array(d.job)
const e = new WebAssembly.Instance(d.module, { env: { memory: d.memory } }).exports
const run = ${runBlock.toString()}
let seen = 0
for (;;) {
  let spins = 0
  let now = Atomics.load(c, ${JOB})
  while (now === seen) {
    if (++spins > ${100_000}) {
      Atomics.add(c, ${ASLEEP}, 1)
      Atomics.wait(c, ${JOB}, seen)
      Atomics.sub(c, ${ASLEEP}, 1)
      spins = 0
    }
    now = Atomics.load(c, ${JOB})
  }
  seen = now
  if (Atomics.load(c, ${STOP}) !== 0) break
  for (;;) {
    const claim = Atomics.load(c, ${CLAIM})
    const left = claim & ${MOST_BLOCKS - 1}
    if (claim >>> ${BLOCK_BITS} !== (seen & ${(1 << (32 - BLOCK_BITS)) - 1}) || left === 0) break
    if (Atomics.compareExchange(c, ${CLAIM}, claim, claim - 1) !== claim) continue
    run(e, j, left - 1, d.scratch)
    Atomics.add(c, ${DONE}, 1)
    if (Atomics.load(c, ${WAITING}) !== 0) Atomics.notify(c, ${DONE})
  }
}
`

const PATIENCE_MS = 30_000
/** Looks at the others' blocks before this thread sleeps: longer than a block takes. */
const SPINS = 100_000

/** What {@link Crew} is made from. */
export interface CrewInput {
  readonly wasm: SharedWasm
  readonly exports: Exports
  readonly threads: number
  /** First byte of the other threads' scratch, and bytes of each. */
  readonly scratch: number
  readonly scratchBytes: number
  readonly clock: Clock
}

/**
 * Threads that share the blocks of one kernel call after another. A block is claimed by whoever is free, so a thread
 * that the system holds up delays one block only; each number is computed by one thread in one order, so results are
 * those of one thread to the last bit.
 */
export class Crew {
  readonly #exports: Exports
  readonly #control: Int32Array = new Int32Array(new SharedArrayBuffer(32))
  readonly #job: Int32Array = new Int32Array(new SharedArrayBuffer(64))
  readonly #workers: readonly Worker[]
  #number = 0
  readonly #pace: CrewPace

  constructor({ wasm, exports, threads, scratch, scratchBytes, clock }: CrewInput) {
    this.#pace = new CrewPace(() => clock.elapsed())
    this.#exports = exports
    this.#workers = Array.from({ length: threads - 1 }, (_, i) => {
      const worker = new Worker(WORKER, {
        eval: true,
        workerData: {
          control: this.#control.buffer,
          job: this.#job.buffer,
          module: wasm.module,
          memory: wasm.memory,
          scratch: scratch + i * scratchBytes,
        },
      })
      worker.unref()
      return worker
    })
  }

  /** The kernels, of which the large calls are shared out. */
  kernels(base: Kernels): Kernels {
    const job = this.#job
    const least = { product: 1 << 19, pack: 1 << 14, elements: 1 << 13, sum: 1 << 16 }
    return {
      ...base,
      name: `${base.name}, ${this.#workers.length + 1} threads`,
      pack: (shape, b, packed) => {
        const { n, k, bRow, bColumn } = shape
        if (n * k < least.pack) return base.pack(shape, b, packed)
        job[2] = b
        job[3] = k
        job[4] = n
        job[5] = bRow
        job[6] = bColumn
        job[7] = packed
        this.#run(PACK, n, 32, 4 * n * k)
      },
      matmul: (m, shape, a, b, packed, c, flags, bias, mask, scratch) => {
        const { n, k, aRow, aColumn } = shape
        if (m * n * k < least.product) return base.matmul(m, shape, a, b, packed, c, flags, bias, mask, scratch)
        job[2] = m
        job[3] = n
        job[4] = k
        job[5] = a
        job[6] = aRow
        job[7] = aColumn
        job[8] = packed
        job[9] = c
        job[10] = flags
        job[11] = bias
        job[12] = mask
        this.#run(GEMM, m, ROWS, m * n * k, scratch)
      },
      activate: (kind, n, x, y) => {
        if (n < least.elements) return base.activate(kind, n, x, y)
        job[2] = kind
        job[3] = n
        job[4] = x
        job[5] = y
        this.#run(ACTIVATE, n, 4096, 8 * n)
      },
      activateGrad: (kind, n, x, y, dy, dx) => {
        if (n < least.elements) return base.activateGrad(kind, n, x, y, dy, dx)
        job[2] = kind
        job[3] = n
        job[4] = x
        job[5] = y
        job[6] = dy
        job[7] = dx
        this.#run(ACTIVATE_GRAD, n, 4096, 8 * n)
      },
      columnSum: (rows, columns, x, out, accumulate) => {
        if (rows * columns < least.sum) return base.columnSum(rows, columns, x, out, accumulate)
        job[2] = rows
        job[3] = columns
        job[4] = x
        job[5] = out
        job[6] = accumulate
        this.#run(COLUMN_SUM, columns, 32, rows * columns)
      },
      adam: (n, p, g, m, v, numbers) => {
        if (n < least.elements) return base.adam(n, p, g, m, v, numbers)
        job[2] = n
        job[3] = p
        job[4] = g
        job[5] = m
        job[6] = v
        job[7] = numbers
        this.#run(ADAM, n, 4096, 16 * n)
      },
    }
  }

  /** A job over `count` rows or elements: shared out in blocks of `least` or more, or made here where that is faster. */
  #run(kernel: number, count: number, least: number, work: number, scratch = 0): void {
    const job = this.#job
    job[0] = kernel
    if (this.#pace.begin()) {
      let size = least
      while (count > size * (MOST_BLOCKS - 1)) size *= 2
      job[1] = size
      this.#share(Math.ceil(count / size), scratch)
    } else {
      job[1] = count
      runBlock(this.#exports, job, 0, scratch)
    }
    this.#pace.end(work)
  }

  /** Shares out the job at hand, and waits for its end. */
  #share(blocks: number, scratch: number): void {
    const control = this.#control
    this.#number = (this.#number + 1) | 0
    const tag = this.#number << BLOCK_BITS
    Atomics.store(control, DONE, 0)
    Atomics.store(control, CLAIM, tag | blocks)
    Atomics.store(control, JOB, this.#number)
    if (Atomics.load(control, ASLEEP) > 0) Atomics.notify(control, JOB)
    for (;;) {
      const claim = Atomics.load(control, CLAIM)
      const left = claim & (MOST_BLOCKS - 1)
      if (left === 0) break
      if (Atomics.compareExchange(control, CLAIM, claim, claim - 1) !== claim) continue
      runBlock(this.#exports, this.#job, left - 1, scratch)
      Atomics.add(control, DONE, 1)
    }
    for (let i = 0; i < SPINS; i++) if (Atomics.load(control, DONE) === blocks) return
    this.#await(blocks)
  }

  /** Sleeps until the others' blocks are done. */
  #await(blocks: number): void {
    const control = this.#control
    Atomics.store(control, WAITING, 1)
    for (let done = Atomics.load(control, DONE); done !== blocks; done = Atomics.load(control, DONE))
      if (Atomics.wait(control, DONE, done, PATIENCE_MS) === 'timed-out')
        throw new TradewrightError(
          'TASK_FAILED',
          `a training's other threads must answer within ${PATIENCE_MS} ms, they did not; use threads: 1`,
        )
    Atomics.store(control, WAITING, 0)
  }

  close(): void {
    Atomics.store(this.#control, STOP, 1)
    Atomics.add(this.#control, JOB, 1)
    Atomics.notify(this.#control, JOB)
    for (const worker of this.#workers) void worker.terminate()
  }
}
