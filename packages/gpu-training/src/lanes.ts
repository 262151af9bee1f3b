import { Worker } from 'node:worker_threads'
import { TradewrightError } from '@tradewright/core'
import type { Batch, CompileOptions, GradientOptions } from './backend.ts'
import { type ModelPlan, type ParameterPlace, trainingPlan } from './fused-plan.ts'
import type { Kernels } from './kernels.ts'
import type { RunState } from './layer.ts'
import type { LossSum } from './loss.ts'
import type { PlacedPlan, PlanBuffer } from './memory-plan.ts'
import type { ResolvedModel } from './model-spec.ts'
import { type Recording, recordedNames, recordingKernels } from './recording-kernels.ts'
import type { SharedWasm } from './wasm-kernels.ts'

/** Places in the control array: numbers of the last step that was begun, forwarded, sent back, and finished. */
const BEGIN = 0
const FORWARDED = 1
const BACK = 2
const FINISHED = 3
const STOP = 4

/** The other thread, as text, so that it runs from a bundle, from ESM and from CommonJS alike: it does what was recorded. */
const WORKER = `
const { workerData: d } = require('node:worker_threads')
const c = new Int32Array(d.control)
const e = new WebAssembly.Instance(d.module, { env: { memory: d.memory } }).exports
const table = d.names.map((name) => e[name])
const p = d.numbers
const until = (at, value) => {
  for (let i = 0; i < 20000; i++) if (Atomics.load(c, at) === value || Atomics.load(c, ${STOP}) !== 0) return
  for (let now = Atomics.load(c, at); now !== value && Atomics.load(c, ${STOP}) === 0; now = Atomics.load(c, at)) Atomics.wait(c, at, now)
}
const done = (at, value) => { Atomics.store(c, at, value); Atomics.notify(c, at) }
const run = (from, to) => {
  for (let i = from; i < to; i += 2 + p[i + 1]) table[p[i]](...p.subarray(i + 2, i + 2 + p[i + 1]))
}
for (let step = 1; ; step++) {
  until(${BEGIN}, step)
  if (Atomics.load(c, ${STOP}) !== 0) break
  run(2, p[0])
  done(${FORWARDED}, step)
  until(${BACK}, step)
  if (Atomics.load(c, ${STOP}) !== 0) break
  run(p[0], p[1])
  done(${FINISHED}, step)
}
`

const PATIENCE_MS = 30_000
const SPINS = 20_000
const CAPACITY = 1 << 16

/** Half of the rows: a plan of its own, with buffers and gradients of its own. */
interface Lane {
  readonly run: RunState
  readonly plan: ModelPlan
  placed: PlacedPlan
  lossStep: number
}

/** What {@link Lanes} is made from. */
export interface LanesInput {
  readonly model: ResolvedModel
  readonly options: CompileOptions
  readonly kernels: Kernels
  readonly places: readonly (readonly ParameterPlace[])[]
  /** First free byte. */
  readonly base: number
}

const align = (bytes: number): number => (bytes + 63) & ~63

/**
 * A training step on two threads: each half of a batch goes through a plan of its own over one shared memory, one here
 * and one in a worker that repeats the kernel calls which its plan was recorded as. Then the gradients are added.
 */
export class Lanes {
  /** Bytes behind `base` that it takes. */
  readonly bytes: number
  readonly #input: LanesInput
  readonly #lanes: readonly Lane[]
  readonly #gradients: readonly (readonly ParameterPlace[])[]
  readonly #control: Int32Array = new Int32Array(new SharedArrayBuffer(20))
  readonly #recording: Recording = {
    numbers: new Float64Array(new SharedArrayBuffer(CAPACITY * 8)),
    length: 0,
    whole: true,
  }
  #worker: Worker | undefined
  #buffer: ArrayBufferLike | undefined
  #step = 0

  constructor(input: LanesInput) {
    this.#input = input
    const { model, options, kernels, places, base } = input
    const { batch, seed = 0, precision = {}, checkpoint = 'all' } = options
    let at = base
    this.#gradients = places.map((layer) =>
      layer.map((place) => {
        const gradient = at
        at = align(at + place.size * 4)
        return { ...place, gradient }
      }),
    )
    const rows = Math.ceil(batch / 2)
    this.#lanes = [places, this.#gradients].map((own, i) => {
      // Each half draws masks of its own.
      const key1 = (Math.floor(seed / 2 ** 32) ^ (i * 0x5bd1e995)) >>> 0
      const run: RunState = { rows: 0, training: true, accumulate: false, key0: seed >>> 0, key1, step: 0 }
      const used = i === 0 ? kernels : recordingKernels(kernels, this.#recording)
      const plan = trainingPlan({ model, kernels: used, rows, run, places: own, precision, checkpoint }, () => {})
      const placed = plan.plan.place(at)
      at = align(at + placed.bytes)
      return { run, plan, placed, lossStep: placed.names.indexOf('loss') }
    })
    this.bytes = at - base
  }

  /** Bytes of both plans' peaks. */
  get activations(): number {
    return this.#lanes.reduce((sum, { placed }) => sum + placed.bytes, 0)
  }

  /** Starts the worker over the memory that the kernels have. */
  start(wasm: SharedWasm): void {
    this.#buffer = wasm.memory.buffer
    const workerData = {
      control: this.#control.buffer,
      module: wasm.module,
      memory: wasm.memory,
      names: recordedNames,
      numbers: this.#recording.numbers,
    }
    this.#worker = new Worker(WORKER, { eval: true, workerData })
    this.#worker.unref()
  }

  #floats({ offset }: PlanBuffer, length: number): Float32Array {
    return new Float32Array(this.#buffer as ArrayBufferLike, offset, length)
  }

  #tell(at: number): void {
    Atomics.store(this.#control, at, this.#step)
    Atomics.notify(this.#control, at)
  }

  #await(at: number): void {
    const control = this.#control
    for (let i = 0; i < SPINS; i++) if (Atomics.load(control, at) === this.#step) return
    for (;;) {
      const now = Atomics.load(control, at)
      if (now === this.#step) return
      if (Atomics.wait(control, at, now, PATIENCE_MS) === 'timed-out')
        throw new TradewrightError(
          'TASK_FAILED',
          `the training's second thread must answer within ${PATIENCE_MS} ms, it did not; use threads: 1`,
        )
    }
  }

  /** Writes down the other lane's step: forward from 2 on, backward behind it. */
  #record({ placed, lossStep }: Lane): void {
    const recording = this.#recording
    recording.length = 2
    for (let i = 0; i < lossStep; i++) placed.steps[i]()
    recording.numbers[0] = recording.length
    for (let i = lossStep + 1; i < placed.steps.length; i++) placed.steps[i]()
    recording.numbers[1] = recording.length
    if (!recording.whole)
      throw new TradewrightError(
        'OUT_OF_MEMORY',
        `a step on two threads must be at most ${CAPACITY} numbers, was more; use threads: 1`,
      )
  }

  /** As the model's `gradients`; the batch has at least two rows. */
  gradients(batch: Batch, { step, accumulate, scale = 1 }: GradientOptions): LossSum {
    const { model, options, kernels, places } = this.#input
    const { inputs, outputs } = model
    const half = Math.ceil(batch.rows / 2)
    const rowsOf = [half, batch.rows - half]
    const [here, there] = this.#lanes
    this.#lanes.forEach(({ run, plan }, i) => {
      const from = i * half
      run.rows = rowsOf[i]
      run.step = step
      run.accumulate = i === 0 && accumulate
      this.#floats(plan.x, rowsOf[i] * inputs).set(batch.x.subarray(from * inputs, (from + rowsOf[i]) * inputs))
    })
    this.#record(there)
    this.#step++
    this.#tell(BEGIN)
    for (let i = 0; i < here.lossStep; i++) here.placed.steps[i]()
    this.#await(FORWARDED)
    let sum = 0
    let weight = 0
    const targets = batch.y.length / batch.rows
    this.#lanes.forEach(({ plan }, i) => {
      const from = i * half
      const rows = rowsOf[i]
      const found = options.loss.evaluate(
        {
          rows,
          outputs,
          targets,
          prediction: this.#floats(plan.prediction, rows * outputs),
          target: batch.y.subarray(from * targets, (from + rows) * targets),
          weight: batch.weight?.subarray(from, from + rows),
        },
        this.#floats(plan.dPrediction as PlanBuffer, rows * outputs),
        scale,
      )
      sum += found.sum
      weight += found.weight
    })
    this.#tell(BACK)
    for (let i = here.lossStep + 1; i < here.placed.steps.length; i++) here.placed.steps[i]()
    this.#await(FINISHED)
    places.forEach((layer, i) => {
      layer.forEach(({ size, gradient }, j) => {
        kernels.axpy(size, 1, this.#gradients[i][j].gradient, gradient)
      })
    })
    return { sum, weight }
  }

  close(): void {
    Atomics.store(this.#control, STOP, 1)
    for (const at of [BEGIN, BACK]) Atomics.notify(this.#control, at)
    void this.#worker?.terminate()
  }
}
