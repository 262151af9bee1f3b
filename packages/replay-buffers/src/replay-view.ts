import { type Data, TradewrightError } from '@tradewright/core'
import { type Accumulator, elementRows } from './accumulator.ts'
import { type OutputColumn, outputColumns, type StepOutputs, scalarField, stepOutputs } from './batch-columns.ts'
import { isReference, newColumn } from './columns.ts'
import type { ColumnArray } from './dtype.ts'
import { ElementIndex, type ElementIndexState, type ElementListener } from './element-index.ts'
import { gatherReference } from './gather-reference.ts'
import type { Column, Field, Layout } from './layout.ts'
import type { RandomStream } from './random-stream.ts'
import { lambdaReturns, sumWindows } from './returns.ts'
import { ROW, type RowIndex } from './row-index.ts'
import { type OutColumn, outColumn, type RowStore } from './row-store.ts'
import type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost } from './sampler.ts'

/** A batch of a view with the views of its columns. */
export interface BoundBatch {
  readonly size: number
  readonly indices: Int32Array
  readonly weights: Float32Array
  readonly columns: ReadonlyMap<string, OutColumn>
  /** The mark of when it was drawn. */
  readonly drawnAt: Float64Array
}

const NO_ROW = -1

/** Columns that follow from the rows' flags alone. */
const PLANNED: ReadonlySet<string> = new Set(['terminated', 'truncated', 'steps', 'discount', 'present', 'train'])

/** Samples of a shared buffer that are overwritten while they are read, in a row. */
const MOST_TRIES = 1000

/** Int32 plans of slots, by use; grown when a larger batch comes. */
interface Plans {
  capacity: number
  rows: Int32Array
  next: Int32Array
  frames: Int32Array
  window: Int32Array
  rewards: OutColumn
  values: OutColumn
}

/** One way to sample a storage: an accumulator, a sampler, and the elements that can be drawn. */
export class ReplayView {
  readonly accumulator: Accumulator
  readonly sampler: BoundSampler
  readonly index: ElementIndex
  readonly outputs: readonly OutputColumn[]
  readonly #layout: Layout
  readonly #rows: RowIndex
  readonly #store: RowStore
  readonly #reward: Field
  readonly #nextValue: Field | undefined
  readonly #plans: Plans
  readonly #power: Float64Array
  #touched: Int32Array = new Int32Array(0)
  readonly #readers = new Map<string, { readonly field: Field; readonly plan: Int32Array; readonly out: OutColumn }>()

  constructor(
    store: RowStore,
    rows: RowIndex,
    options: {
      readonly accumulator: Accumulator
      readonly sampler: ReplaySampler
      readonly random: RandomStream
      readonly wasm: boolean
      /** Told of every element that can be drawn from now on. */
      readonly onEnable?: (slot: number) => void
    },
  ) {
    const { accumulator, sampler, random, wasm, onEnable } = options
    this.accumulator = accumulator
    this.#layout = store.layout
    this.#rows = rows
    this.#store = store
    this.#reward = scalarField(store.layout, 'reward')
    this.#nextValue = accumulator.lambda && scalarField(store.layout, accumulator.lambda.nextValue)
    this.outputs = outputColumns(store.layout, accumulator)
    this.#power = Float64Array.from({ length: accumulator.n + 1 }, (_, m) => accumulator.gamma ** m)
    let bound: BoundSampler | undefined
    const listener: ElementListener = {
      enable: (slot) => {
        bound?.enable(slot)
        onEnable?.(slot)
      },
      disable: (slot) => bound?.disable(slot),
    }
    this.index = new ElementIndex(rows, accumulator, listener)
    const { index } = this
    const host: SamplerHost = {
      index: rows,
      drawable: index.drawable,
      get count() {
        return index.count
      },
      sparse: accumulator.stride > 1,
      random,
      wasm,
      read: (column, slot) => this.read(column, slot),
    }
    bound = sampler.bind(host)
    this.sampler = bound
    const { enableRange, disableRange } = bound
    if (enableRange !== undefined && disableRange !== undefined) {
      listener.disableRange = (slot, count) => disableRange.call(bound, slot, count)
      listener.enableRange = (slot, count) => {
        enableRange.call(bound, slot, count)
        if (onEnable !== undefined) for (let i = slot; i < slot + count; i++) onEnable(i)
      }
    }
    rows.onLap(() => index.sync())
    rows.onDrop((slot, count) => {
      for (let i = slot; i < slot + count; i++) index.disable(i)
    })
    const empty = new Int32Array(0)
    const scratch = (field: Field): OutColumn => outColumn(newColumn(field.dtype, 0))
    this.#plans = {
      capacity: 0,
      rows: empty,
      next: empty,
      frames: empty,
      window: empty,
      rewards: scratch(this.#reward),
      values: scratch(this.#nextValue ?? this.#reward),
    }
  }

  /** Bytes held besides the rows: marks, plans and the sampler's structures. */
  get bytes(): number {
    const { rows, next, frames, window, rewards, values } = this.#plans
    const plans = [rows, next, frames, window, rewards.array, values.array, this.#touched]
    const held = plans.reduce((sum, array) => sum + array.byteLength, 0)
    return this.index.drawable.byteLength + held + (this.sampler.bytes ?? 0)
  }

  /** A column's one number of the row at a slot. @throws TradewrightError `BAD_OPTION`. */
  read(name: string, slot: number): number {
    let reader = this.#readers.get(name)
    if (reader === undefined) {
      const field = scalarField(this.#layout, name)
      reader = { field, plan: new Int32Array(1), out: outColumn(newColumn(field.dtype, 1)) }
      this.#readers.set(name, reader)
    }
    reader.plan[0] = slot
    this.#store.gather(reader.field, reader.plan, 1, reader.out, 0)
    return reader.out.array[0]
  }

  /** A batch of which only that is there which planning writes: what is drawn ahead of its `sample`. */
  createPlan(size: number, markLength: number): BoundBatch {
    const columns = new Map<string, OutColumn>()
    for (const { name, dtype, size: elements } of this.outputs)
      if (PLANNED.has(name)) columns.set(name, outColumn(newColumn(dtype, size * elements)))
    const indices = new Int32Array(size)
    return { size, indices, weights: new Float32Array(size), columns, drawnAt: new Float64Array(markLength) }
  }

  /** A new batch of this view's columns. */
  createColumns(size: number): Record<string, ColumnArray> {
    const columns: Record<string, ColumnArray> = {}
    for (const { name, dtype, size: elements } of this.outputs) columns[name] = newColumn(dtype, size * elements)
    return columns
  }

  /**
   * Draws and fills a batch.
   *
   * @throws TradewrightError `BAD_OPTION` when nothing can be drawn.
   */
  sample(request: DrawRequest, batch: BoundBatch): void {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      this.draw(request, batch)
      this.fill(request.count, batch)
      if (!this.#rows.concurrent || this.intact(request.count, batch)) return
    }
    throw new TradewrightError(
      'TIMEOUT',
      `other threads overwrite the buffer faster than a batch of ${request.count} is read; it needs more capacity`,
      { count: request.count },
    )
  }

  /** Whether every row that was copied is still there, and so was whole when it was copied. */
  intact(count: number, batch: BoundBatch): boolean {
    this.index.sync()
    const { drawable } = this.index
    for (let k = 0; k < count; k++)
      if (drawable[batch.indices[k]] === 0 || this.#rows.replacedSince(batch.indices[k], batch.drawnAt)) return false
    return true
  }

  /** The first half of a sample: indices and weights. */
  draw(request: DrawRequest, batch: BoundBatch): void {
    this.index.sync()
    if (this.index.count === 0)
      throw new TradewrightError('BAD_OPTION', 'a sample needs at least one drawable element, had none', {
        drawable: 0,
      })
    this.sampler.draw(request, batch.indices, batch.weights)
    this.#rows.mark(batch.drawnAt)
  }

  /** The second half: the columns of the elements at `batch.indices`. */
  fill(count: number, batch: BoundBatch, staged: boolean = false): void {
    const store = this.#store
    if (staged) store.takeStaged?.()
    else if (store.stage !== undefined) store.stage(this.touched(count, batch))
    try {
      this.#fillColumns(count, batch)
    } finally {
      store.release?.()
    }
  }

  #fillColumns(count: number, batch: BoundBatch): void {
    this.#reserve(count)
    const { kind, frames } = this.accumulator
    if (kind === 'step') this.#planSteps(count, batch)
    else this.#planSequences(count, batch)
    const rows = kind === 'step' ? count : count * elementRows(this.accumulator)
    const plan = kind === 'step' ? batch.indices : this.#plans.rows
    for (const column of this.#layout.columns) {
      const out = batch.columns.get(column.name)
      if (out === undefined) continue
      if (column.name === 'reward') this.#rewards(plan, rows, out, batch)
      else if (column.name !== 'obs') this.#gather(column, plan, rows, out)
      else if (frames === 1) this.#gather(column, plan, rows, out)
      else this.#gatherStacks(column, plan, rows, out)
    }
    const obs = this.#layout.columns.find((c) => c.name === 'obs')
    const next = batch.columns.get('nextObs')
    if (obs === undefined || next === undefined) return
    if (frames === 1) this.#gather(obs, this.#plans.next, rows, next)
    else this.#gatherStacks(obs, this.#plans.next, rows, next)
  }

  /** Slots that a fill of these elements reads, ascending, none twice: a view, dead at the next call. */
  touched(count: number, batch: BoundBatch): Int32Array {
    this.#reserve(count)
    const step = this.accumulator.kind === 'step'
    if (step) this.#planSteps(count, batch)
    else this.#planSequences(count, batch)
    const rows = step ? count : count * elementRows(this.accumulator)
    const plan = step ? batch.indices : this.#plans.rows
    let filled = 0
    const { frames, n, lambda } = this.accumulator
    const window = Math.max(n, lambda?.horizon ?? 1)
    const most = rows * (2 + (frames > 1 ? 2 * frames : 0) + (window > 1 ? window : 0))
    if (this.#touched.length < most) this.#touched = new Int32Array(most)
    const slots = this.#touched
    const add = (list: Int32Array, length: number): void => {
      for (let k = 0; k < length; k++) if (list[k] >= 0) slots[filled++] = list[k]
    }
    add(plan, rows)
    add(this.#plans.next, rows)
    if (frames > 1)
      for (const list of [plan, this.#plans.next]) {
        this.#planStacks(list, rows)
        add(this.#plans.frames, rows * frames)
      }
    if (window > 1) {
      this.#planWindows(plan, rows, window)
      add(this.#plans.window, rows * window)
    }
    const sorted = slots.subarray(0, filled).sort()
    let kept = 0
    for (let k = 0; k < filled; k++) if (k === 0 || sorted[k] !== sorted[k - 1]) sorted[kept++] = sorted[k]
    return sorted.subarray(0, kept)
  }

  #reserve(count: number): void {
    const plans = this.#plans
    if (count <= plans.capacity) return
    const rows = count * elementRows(this.accumulator)
    const { n, frames, lambda } = this.accumulator
    const window = rows * Math.max(n, lambda?.horizon ?? 1)
    plans.capacity = count
    plans.rows = new Int32Array(rows)
    plans.next = new Int32Array(rows)
    plans.frames = new Int32Array(frames > 1 ? rows * frames : 0)
    plans.window = new Int32Array(n > 1 || lambda !== undefined ? window : 0)
    if (plans.window.length === 0) return
    plans.rewards = outColumn(newColumn(this.#reward.dtype, window))
    if (this.#nextValue !== undefined) plans.values = outColumn(newColumn(this.#nextValue.dtype, window))
  }

  /** One step's window: where it leads to, how many rewards it has, how it ends. */
  #planStep(slot: number, k: number, batch: StepOutputs): void {
    const { flags } = this.#rows
    const { n } = this.accumulator
    let row = slot
    let steps = 1
    let end = flags[row]
    let next = this.#rows.successor(row)
    while (steps < n && (end & (ROW.TERMINATED | ROW.TRUNCATED)) === 0 && (flags[next] & ROW.BARE) === 0) {
      row = next
      end = flags[row]
      next = this.#rows.successor(row)
      steps++
    }
    const terminated = end & ROW.TERMINATED
    this.#plans.next[k] = terminated !== 0 && (end & ROW.FINAL) === 0 ? NO_ROW : next
    batch.terminated[k] = terminated
    batch.truncated[k] = (end & ROW.TRUNCATED) >> 1
    batch.steps[k] = steps
    batch.discount[k] = terminated !== 0 ? 0 : this.#power[steps]
  }

  #planSteps(count: number, batch: BoundBatch): void {
    const outputs = stepOutputs(batch)
    for (let k = 0; k < count; k++) this.#planStep(batch.indices[k], k, outputs)
  }

  /** Rows of every sequence: the burn-in found backwards, the rest forwards, both within the episode. */
  #planSequences(count: number, batch: BoundBatch): void {
    const outputs = stepOutputs(batch)
    const present = batch.columns.get('present')?.array
    const train = batch.columns.get('train')?.array
    const { burnIn } = this.accumulator
    const length = elementRows(this.accumulator)
    const plan = this.#plans.rows
    for (let k = 0; k < count; k++) {
      const first = k * length
      plan.fill(NO_ROW, first, first + length)
      this.#planBackwards(batch.indices[k], first + burnIn, burnIn)
      this.#planForwards(batch.indices[k], first + burnIn, this.accumulator.length)
      for (let t = 0; t < length; t++) {
        const at = first + t
        const there = plan[at] === NO_ROW ? 0 : 1
        if (present !== undefined) present[at] = there
        if (train !== undefined) train[at] = t >= burnIn ? there : 0
        if (there === 1) this.#planStep(plan[at], at, outputs)
        else {
          this.#plans.next[at] = NO_ROW
          outputs.terminated[at] = outputs.truncated[at] = outputs.steps[at] = outputs.discount[at] = 0
        }
      }
    }
  }

  #planBackwards(slot: number, at: number, count: number): void {
    let row = slot
    for (let t = 1; t <= count && (this.#rows.flags[row] & ROW.START) === 0; t++) {
      row = this.#rows.predecessor(row)
      this.#plans.rows[at - t] = row
    }
  }

  #planForwards(slot: number, at: number, count: number): void {
    const { flags } = this.#rows
    let row = slot
    for (let t = 0; t < count; t++) {
      this.#plans.rows[at + t] = row
      if ((flags[row] & (ROW.TERMINATED | ROW.TRUNCATED)) !== 0) return
      row = this.#rows.successor(row)
      if ((flags[row] & ROW.BARE) !== 0) return
    }
  }

  /** The window of each planned row as slots, -1 after its end. */
  #planWindows(plan: Int32Array, rows: number, n: number): void {
    const { flags } = this.#rows
    const window = this.#plans.window
    for (let k = 0; k < rows; k++) {
      window.fill(NO_ROW, k * n, (k + 1) * n)
      let row = plan[k]
      if (row === NO_ROW) continue
      for (let m = 0; m < n; m++) {
        window[k * n + m] = row
        if ((flags[row] & (ROW.TERMINATED | ROW.TRUNCATED)) !== 0) break
        row = this.#rows.successor(row)
        if ((flags[row] & ROW.BARE) !== 0) break
      }
    }
  }

  #rewards(plan: Int32Array, rows: number, out: OutColumn, batch: BoundBatch): void {
    const { n, gamma, lambda } = this.accumulator
    if (n === 1) this.#store.gather(this.#reward, plan, rows, out, 0)
    else {
      this.#planWindows(plan, rows, n)
      this.#store.gather(this.#reward, this.#plans.window, rows * n, this.#plans.rewards, 0)
      sumWindows(this.#plans.rewards.array, rows, n, gamma, out.array)
    }
    const target = batch.columns.get('lambdaReturn')
    if (lambda === undefined || target === undefined || this.#nextValue === undefined) return
    this.#planWindows(plan, rows, lambda.horizon)
    this.#store.gather(this.#reward, this.#plans.window, rows * lambda.horizon, this.#plans.rewards, 0)
    this.#store.gather(this.#nextValue, this.#plans.window, rows * lambda.horizon, this.#plans.values, 0)
    lambdaReturns({ ...this.#plans, flags: this.#rows.flags, rows, gamma, ...lambda }, target.array)
  }

  /** Frame slots of each planned row's stack, oldest first. */
  #planStacks(plan: Int32Array, rows: number): void {
    const { frames, pad } = this.accumulator
    const out = this.#plans.frames
    for (let k = 0; k < rows; k++) {
      let row = plan[k]
      let reached = row === NO_ROW
      for (let f = frames - 1; f >= 0; f--) {
        out[k * frames + f] = reached && (pad === 'zero' || row === NO_ROW) ? NO_ROW : row
        if (reached) continue
        if ((this.#rows.flags[row] & ROW.START) !== 0) reached = true
        else row = this.#rows.predecessor(row)
      }
    }
  }

  #gatherStacks(column: Column, plan: Int32Array, rows: number, out: OutColumn): void {
    this.#planStacks(plan, rows)
    this.#gather(column, this.#plans.frames, rows * this.accumulator.frames, out)
  }

  #gather(column: Column, plan: Int32Array, rows: number, out: OutColumn): void {
    if (isReference(column.spec)) gatherReference(this.#store, column, column.spec, plan, rows, out)
    else this.#store.gather(column.fields[0], plan, rows, out, 0)
  }

  /** Where elements and sampler stand; `drawable` is a view. */
  save(live: boolean = false): {
    readonly index: ElementIndexState
    readonly drawable: Uint8Array
    readonly sampler: Data
  } {
    const index = this.index.save()
    return { index, drawable: this.index.drawable, sampler: this.sampler.save(live) }
  }

  /** {@link ReplayView.save} with a copy of the marks. */
  saveCopy(): ReturnType<ReplayView['save']> {
    const saved = this.save()
    return { ...saved, drawable: saved.drawable.slice() }
  }

  restore(saved: { readonly index: ElementIndexState; readonly drawable: Uint8Array; readonly sampler: Data }): void {
    this.index.restore(saved.index, saved.drawable)
    this.sampler.restore(saved.sampler)
  }
}
