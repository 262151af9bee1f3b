import { type Bars, type MetricName, TradewrightError } from '@tradewright/core'
import { openFast, runFast } from './fast-batch.ts'
import type { FastMarket } from './fast-market.ts'
import { type FastMemory, withFastMemory } from './fast-memory.ts'
import { ROW } from './fast-row.ts'
import type { FastRunner } from './fast-runner.ts'
import type { MetricColumns } from './metric-columns.ts'
import { kernelCode } from './operation.ts'
import type { ProgramList } from './program-list.ts'
import { residentMarkets } from './resident-markets.ts'
import { borrowList, type SharedList, shareList } from './shared-list.ts'
import type { SweepColumns, SweepOptions } from './sweep.ts'
import { SweepRun } from './sweep-run.ts'
import { everyTrial } from './trial-order.ts'
import { loadKernels } from './user-kernel.ts'

/**
 * A sweep in shared memory: threads that have it take blocks of its trials, one after the other, and write what they
 * find where it belongs. Plain data; a clone of it is the same sweep.
 */
export interface SharedSweep {
  readonly list: SharedList
  readonly options: Omit<SweepOptions, 'indicators'>
  /** An order of trials in which neighbours share indicators. Absent: that of the columns they compare. */
  readonly order: Uint32Array | undefined
  /** How many threads there may be: each begins at a place of its own. */
  readonly threads: number
  readonly names: readonly MetricName[]
  /** A column a metric, one after the other. */
  readonly metrics: Float64Array
  /** Of each trial: 0 to be run, 1 done, 2 done by the plain form. */
  readonly done: Uint8Array
  /** Of each block: 0 free, else the thread that took it, from 1. */
  readonly taken: Int32Array
}

/** Blocks a thread of equal shares: small enough that all end together. */
const BLOCKS_PER_THREAD = 32
/** In `taken`: nobody is to run it. */
const NOBODY = -1
/** Place of a user's kernel's module among its node's constants. */
const ADDRESS = 2

/**
 * Puts a sweep into shared memory.
 *
 * @param list    bound programs, at least one.
 * @param threads how many threads are to run it, an integer >= 1.
 * @param order   indexes of all programs: neighbours share indicators. @default none
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`: as `sweep`, as far as it can be seen from the first program.
 */
export function shareSweep(
  list: ProgramList,
  bars: Bars,
  options: Omit<SweepOptions, 'indicators'>,
  { threads, order }: { readonly threads: number; readonly order?: Uint32Array | undefined },
): SharedSweep {
  const { names } = new SweepRun({ ...list, length: Math.min(1, list.length) }, bars, options)
  const { length } = list
  const blocks = Math.min(length, threads * BLOCKS_PER_THREAD)
  return {
    list: shareList(list),
    options,
    order,
    threads,
    names,
    metrics: new Float64Array(new SharedArrayBuffer(names.length * length * 8)),
    done: new Uint8Array(new SharedArrayBuffer(length)),
    taken: new Int32Array(new SharedArrayBuffer(blocks * 4)),
  }
}

/** Columns of a shared sweep, over its memory. */
function columnsOf({ names, metrics, list: { length } }: SharedSweep): MetricColumns {
  return Object.fromEntries(names.map((name, k) => [name, metrics.subarray(k * length, (k + 1) * length)]))
}

/**
 * What a shared sweep came to, copied out of the shared memory.
 *
 * @throws TradewrightError `TASK_FAILED` where a trial was not run.
 */
export function sharedColumns(sweep: SharedSweep): SweepColumns {
  const { done } = sweep
  let plainTrials = 0
  for (let t = 0; t < done.length; t++) {
    if (done[t] === 0)
      throw new TradewrightError('TASK_FAILED', `a sweep ended without a result for set ${t} of its parameters`, {
        index: t,
      })
    if (done[t] === 2) plainTrials++
  }
  const metrics = Object.fromEntries(Object.entries(columnsOf(sweep)).map(([name, column]) => [name, column.slice()]))
  return { metrics, plainTrials }
}

/** Whether every trial was run. */
export function isSwept({ done }: SharedSweep): boolean {
  return !done.includes(0)
}

/** Gives blocks that were taken, and not done, to whoever joins next; with `none`, what is free to nobody. */
export function freeBlocks({ taken }: SharedSweep, none = false): void {
  for (let block = 0; block < taken.length; block++)
    if (none) Atomics.compareExchange(taken, block, 0, NOBODY)
    else Atomics.store(taken, block, 0)
}

/** Whether all of a list's indicators can be computed elsewhere: a user's kernel without a module stays here. */
export function isPortable({ graph }: ProgramList): boolean {
  for (let node = 0; node < graph.size; node++)
    if (graph.code(node) === kernelCode && graph.constant(node, ADDRESS) === '') return false
  return true
}

const bounds = (block: number, blocks: number, length: number): readonly [from: number, to: number] => [
  Math.floor((block * length) / blocks),
  Math.floor(((block + 1) * length) / blocks),
]

/** Hands out blocks: this thread's own share in order, then the others' from their ends, largest rest first. */
class Blocks {
  readonly #taken: Int32Array
  readonly #thread: number
  readonly #threads: number

  constructor(taken: Int32Array, thread: number, threads: number) {
    this.#taken = taken
    this.#thread = thread
    this.#threads = threads
  }

  /** A block that is this thread's now, or undefined where none is left. */
  next(): number | undefined {
    return this.#own() ?? this.#steal()
  }

  #share(thread: number): readonly [from: number, to: number] {
    return bounds(thread, this.#threads, this.#taken.length)
  }

  #take(block: number): boolean {
    return Atomics.compareExchange(this.#taken, block, 0, this.#thread + 1) === 0
  }

  #own(): number | undefined {
    const [from, to] = this.#share(this.#thread)
    for (let block = from; block < to; block++) if (this.#taken[block] === 0 && this.#take(block)) return block
    return undefined
  }

  #steal(): number | undefined {
    for (;;) {
      let victim = -1
      let most = 0
      for (let thread = 0; thread < this.#threads; thread++) {
        const [from, to] = this.#share(thread)
        let free = 0
        for (let block = from; block < to; block++) if (Atomics.load(this.#taken, block) === 0) free++
        if (free <= most) continue
        most = free
        victim = thread
      }
      if (victim < 0) return undefined
      const [from, to] = this.#share(victim)
      for (let block = to - 1; block >= from; block--)
        if (Atomics.load(this.#taken, block) === 0 && this.#take(block)) return block
    }
  }
}

/** One thread's part in a shared sweep. */
export interface SweepShare {
  /** This thread's number, from 0. One that runs again after an end takes up what it had taken. */
  readonly thread: number
  /** Whether to stop after this block, for now. */
  stop(): boolean
  /** Imports the module of a user's kernel. @default the runtime's own `import()` */
  readonly load?: ((module: string) => Promise<unknown>) | undefined
}

/**
 * Runs blocks of a shared sweep in this thread until none is left or `stop` says so.
 *
 * @param bars the bars that it was shared for.
 * @returns whether blocks are left that nobody has taken.
 * @throws (rejects) TradewrightError as `sweep`.
 */
export async function joinSweep(sweep: SharedSweep, bars: Bars, share: SweepShare): Promise<boolean> {
  const list = borrowList(sweep.list)
  await loadKernels(list.graph, share.load)
  return runShare(sweep, new SweepRun(list, bars, sweep.options), share)
}

function runShare(sweep: SharedSweep, run: SweepRun, share: SweepShare): boolean {
  const { order } = sweep
  if (run.form === undefined)
    return runBlocks(sweep, share, order ?? everyTrial(sweep.list.length), plainly(sweep, run))
  return withFastMemory(run.form, (memory) => {
    const markets = residentMarkets(memory)
    const market = markets.take(run.values.bars, sweep.list.length, true)
    try {
      const mark = memory.mark()
      const runner = openFast(memory, { ...run.batch(order), market, lazy: true })
      if (runner !== 'too-large') {
        const blocks = runner === undefined ? plainly(sweep, run) : together(sweep, run, runner)
        return runBlocks(sweep, share, order ?? runner?.order() ?? everyTrial(sweep.list.length), blocks)
      }
      memory.release(mark)
      return runBlocks(sweep, share, order ?? everyTrial(sweep.list.length), apart(memory, sweep, run, market))
    } finally {
      markets.settle(market)
    }
  })
}

function runBlocks(
  { taken, threads, list }: SharedSweep,
  { thread, stop }: SweepShare,
  order: Uint32Array,
  run: (trials: Uint32Array) => void,
): boolean {
  const block = (k: number): void => {
    const [from, to] = bounds(k, taken.length, list.length)
    run(order.subarray(from, to))
  }
  for (let k = 0; k < taken.length; k++) if (taken[k] === thread + 1) block(k) // left by this thread's predecessor
  const blocks = new Blocks(taken, thread, threads)
  for (let k = blocks.next(); k !== undefined; k = blocks.next()) {
    block(k)
    if (stop()) break
  }
  return taken.some((owner) => owner === 0)
}

/** Bar by bar. */
function plainly(sweep: SharedSweep, run: SweepRun): (trials: Uint32Array) => void {
  const columns = columnsOf(sweep)
  return (trials) => {
    for (const t of trials) {
      if (sweep.done[t] !== 0) continue
      run.measure(t, undefined, 0, columns, t)
      sweep.done[t] = 2
    }
  }
}

/** Each block with columns of its own: all columns are too large to be held at once. */
function apart(
  memory: FastMemory,
  sweep: SharedSweep,
  run: SweepRun,
  market: FastMarket,
): (trials: Uint32Array) => void {
  const columns = columnsOf(sweep)
  const mark = memory.mark()
  market.forget(mark)
  return (trials) => {
    market.lend(run.values.bars)
    const rows = runFast(memory, { ...run.batch(trials), market })
    market.forget(mark)
    memory.release(mark)
    trials.forEach((t, k) => {
      sweep.done[t] = run.measure(t, rows, k * ROW.size, columns, t) ? 1 : 2
    })
    run.values.forget()
  }
}

/** All blocks over the same columns. */
function together(sweep: SharedSweep, run: SweepRun, runner: FastRunner): (trials: Uint32Array) => void {
  const columns = columnsOf(sweep)
  const row = new Float64Array(ROW.size)
  return (trials) => {
    runner.ensure(trials)
    for (const t of trials) {
      if (sweep.done[t] !== 0) continue
      if (runner.run(t)) runner.copyRow(row, 0)
      else row[ROW.status] = 1
      sweep.done[t] = run.measure(t, row, 0, columns, t) ? 1 : 2
    }
  }
}
