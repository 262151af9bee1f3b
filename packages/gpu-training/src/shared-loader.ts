import { Worker } from 'node:worker_threads'
import { TradewrightError } from '@tradewright/core'
import type { Batch } from './backend.ts'
import { checkCount } from './check-range.ts'
import { checkSampling, type DataLoader, type DataLoaderOptions, epochOrder, readLoaderState } from './data-loader.ts'
import { type ArrayDatasetInput, arrayDataset, type Dataset, windowDataset } from './dataset.ts'

/** Data that a worker reads without a copy. Arrays over a SharedArrayBuffer are kept, others are copied into one. */
export interface SharedData extends ArrayDatasetInput {
  /** Successive rows a window, as of `windowDataset`. @default none */
  readonly window?: { readonly length: number; readonly stride?: number | undefined } | undefined
}

/** Options of {@link createSharedLoader}. */
export interface SharedLoaderOptions extends DataLoaderOptions {
  /** Batches that are gathered ahead. @default 4 */
  readonly prefetch?: number | undefined
  /** Threads that gather; batches go to them in turns, and come in one order whatever their number. @default 1 */
  readonly workers?: number | undefined
}

/** Places in the control array: batches asked for, the end, and from `FIRST_SLOT` the batch that each slot holds, plus 1. */
const REQUESTED = 0
const STOP = 1
const FIRST_SLOT = 2

/**
 * A worker, as text: it must run from a bundle, from ESM and from CommonJS alike. It gathers every so many-th batch, into
 * the slot whose turn it is, and sleeps between.
 */
const WORKER = `
const { workerData: d } = require('node:worker_threads')
const c = new Int32Array(d.control)
for (let next = d.first; ; next += d.step) {
  for (;;) {
    const requested = Atomics.load(c, ${REQUESTED})
    if (requested > next || Atomics.load(c, ${STOP}) !== 0) break
    Atomics.wait(c, ${REQUESTED}, requested)
  }
  if (Atomics.load(c, ${STOP}) !== 0) break
  const place = next % d.slots.length
  const slot = d.slots[place]
  const width = d.inputs * d.length
  for (let i = 0; i < slot.count[0]; i++) {
    const row = slot.rows[i] * d.stride
    slot.x.set(d.x.subarray(row * d.inputs, row * d.inputs + width), i * width)
    const last = row + d.length - 1
    for (let j = 0; j < d.targets; j++) slot.y[i * d.targets + j] = d.y[last * d.targets + j]
    if (d.weight !== undefined) slot.weight[i] = d.weight[last]
  }
  Atomics.store(c, ${FIRST_SLOT} + place, next + 1)
  Atomics.notify(c, ${FIRST_SLOT} + place)
}
`

interface Slot {
  readonly rows: Uint32Array
  readonly count: Int32Array
  readonly x: Float32Array
  readonly y: Float32Array
  readonly weight: Float32Array
}

const sharedFloats = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(length * 4))

function share(values: Float32Array): Float32Array {
  if (values.buffer instanceof SharedArrayBuffer) return values
  const shared = sharedFloats(values.length)
  shared.set(values)
  return shared
}

/** How long a batch may take before it is gathered here: a worker that died must not hang a training. */
const PATIENCE_MS = 5000

class SharedLoader implements DataLoader {
  readonly batches: number
  epoch = 0
  position = 0
  readonly #options: {
    readonly batch: number
    readonly sampling: NonNullable<DataLoaderOptions['sampling']>
    readonly seed: number
  }
  readonly #dataset: Dataset
  readonly #slots: readonly Slot[]
  readonly #control: Int32Array
  readonly #workers: readonly Worker[]
  /** Workers that died or did not answer: their batches are gathered here. */
  readonly #dead: Set<number> = new Set()
  /** Orders of two successive epochs, by parity. */
  readonly #orders: readonly Uint32Array[]
  readonly #ordered = [-1, -1]
  #ahead = { epoch: 0, position: 0 }
  #requested = 0
  #taken = 0

  constructor(
    data: SharedData,
    { batch, sampling = 'shuffle', seed = 0, dropLast = false, prefetch = 4, workers = 1 }: SharedLoaderOptions,
  ) {
    checkCount('batch', batch, 1)
    checkCount('prefetch', prefetch, 1)
    checkCount('workers', workers, 1)
    const x = share(data.x)
    const y = share(data.y)
    const weight = data.weight === undefined ? undefined : share(data.weight)
    const { length = 1, stride = 1 } = data.window ?? {}
    const rowsOnly = arrayDataset({ x, inputs: data.inputs, y, weight })
    this.#dataset = windowDataset(rowsOnly, { length, stride })
    const { rows, inputs, targets } = this.#dataset
    checkSampling(sampling, rows)
    this.batches = dropLast ? Math.floor(rows / batch) : Math.ceil(rows / batch)
    if (this.batches === 0)
      throw new TradewrightError('BAD_OPTION', `batch must not pass the ${rows} rows there are, was ${batch}`)
    this.#options = { batch, sampling, seed }
    this.#orders = [new Uint32Array(rows), new Uint32Array(rows)]
    this.#control = new Int32Array(new SharedArrayBuffer((FIRST_SLOT + prefetch + 2) * 4))
    // Two more than are gathered ahead: the batch at hand and the one before it stay whole.
    this.#slots = Array.from({ length: prefetch + 2 }, () => ({
      rows: new Uint32Array(new SharedArrayBuffer(batch * 4)),
      count: new Int32Array(new SharedArrayBuffer(4)),
      x: sharedFloats(batch * inputs),
      y: sharedFloats(batch * targets),
      weight: sharedFloats(batch),
    }))
    const workerData = {
      control: this.#control.buffer,
      slots: this.#slots,
      x,
      y,
      weight,
      inputs: data.inputs,
      targets,
      length,
      stride,
      step: workers,
    }
    this.#workers = Array.from({ length: workers }, (_, first) => {
      const worker = new Worker(WORKER, { eval: true, workerData: { ...workerData, first } })
      worker.unref()
      worker.on('error', () => this.#dead.add(first))
      return worker
    })
  }

  /** Asks for batches until as many are on their way as fit. */
  #request(): void {
    const { batch, sampling, seed } = this.#options
    while (this.#requested - this.#taken < this.#slots.length - 2) {
      if (this.#ahead.position === this.batches) this.#ahead = { epoch: this.#ahead.epoch + 1, position: 0 }
      const { epoch, position } = this.#ahead
      // An order may only be replaced when no batch of its epoch is still to be asked for.
      const order = this.#orders[epoch % 2]
      if (this.#ordered[epoch % 2] !== epoch) {
        epochOrder(sampling, seed, epoch, order)
        this.#ordered[epoch % 2] = epoch
      }
      const slot = this.#slots[this.#requested % this.#slots.length]
      const from = position * batch
      slot.count[0] = Math.min(batch, this.#dataset.rows - from)
      slot.rows.set(order.subarray(from, from + slot.count[0]))
      this.#ahead.position++
      this.#requested++
      Atomics.store(this.#control, REQUESTED, this.#requested)
      Atomics.notify(this.#control, REQUESTED)
    }
  }

  /** Waits for a batch; one that does not come is gathered here. */
  #await(number: number): void {
    const place = number % this.#slots.length
    const worker = number % this.#workers.length
    for (;;) {
      const held = Atomics.load(this.#control, FIRST_SLOT + place)
      if (held === number + 1) return
      if (this.#dead.has(worker)) break
      if (Atomics.wait(this.#control, FIRST_SLOT + place, held, PATIENCE_MS) !== 'timed-out') continue
      this.#dead.add(worker)
      void this.#workers[worker].terminate()
    }
    const slot = this.#slots[place]
    this.#dataset.gather(slot.rows, slot.count[0], slot.x, slot.y, slot.weight)
    Atomics.store(this.#control, FIRST_SLOT + place, number + 1)
  }

  next(): Batch | undefined {
    if (this.position === this.batches) {
      this.position = 0
      this.epoch++
      return undefined
    }
    this.#request()
    const number = this.#taken++
    this.#await(number)
    this.position++
    const { x, y, weight, count } = this.#slots[number % this.#slots.length]
    const rows = count[0]
    const { inputs, targets, weighted } = this.#dataset
    const whole = rows === this.#options.batch
    return {
      rows,
      x: whole ? x : x.subarray(0, rows * inputs),
      y: whole ? y : y.subarray(0, rows * targets),
      weight: weighted ? (whole ? weight : weight.subarray(0, rows)) : undefined,
    }
  }

  save(): ReturnType<DataLoader['save']> {
    const { batch, seed } = this.#options
    return { epoch: this.epoch, position: this.position, batch, seed }
  }

  restore(state: Parameters<DataLoader['restore']>[0]): void {
    const { epoch, position } = readLoaderState(state, this.#options.batch, this.#options.seed, this.batches)
    // What is on its way is of no use any more.
    while (this.#taken < this.#requested) this.#await(this.#taken++)
    this.epoch = epoch
    this.position = position
    this.#ahead = { epoch, position }
  }

  dispose(): void {
    Atomics.store(this.#control, STOP, 1)
    Atomics.notify(this.#control, REQUESTED)
    this.#workers.forEach((worker, i) => {
      this.#dead.add(i)
      void worker.terminate()
    })
  }
}

/**
 * A loader whose batches are gathered ahead by worker threads that stay for all epochs, into shared memory that the
 * training reads without a copy. The same batches in the same order as {@link createDataLoader} gives, from the same
 * state. It pays where gathering takes long, as for long windows; a worker that dies is replaced by the caller's thread.
 *
 * @throws TradewrightError `BAD_OPTION`, `BAD_SHAPE`.
 * @example
 * ```ts
 * import { createSharedLoader } from '@tradewright/gpu-training'
 * const loader = createSharedLoader(
 *   { x: Float32Array.of(1, 2, 3, 4), inputs: 1, y: Float32Array.of(1, 2, 3, 4), window: { length: 3 } },
 *   { batch: 2, sampling: 'sequential' },
 * )
 * console.log(loader.next()?.x.join(' ')) // 1 2 3 2 3 4
 * loader.dispose?.()
 * ```
 */
export function createSharedLoader(data: SharedData, options: SharedLoaderOptions): DataLoader {
  return new SharedLoader(data, options)
}
