import { type Clock, systemClock, TradewrightError } from '@tradewright/core'
import type { Batch, CompiledModel, CompileOptions, GradientOptions } from './backend.ts'
import { checkBatch, checkFirst, checkPrediction } from './check-batch.ts'
import {
  align,
  BASE,
  type IndexColumn,
  indexColumns,
  type OpenedKernels,
  openKernels,
  placeParameters,
} from './fused-memory.ts'
import type { FusedBackendOptions } from './fused-options.ts'
import {
  halfKind,
  inferencePlan,
  type ModelPlan,
  type ParameterPlace,
  type PlanInput,
  trainingPlan,
} from './fused-plan.ts'
import type { Kernels } from './kernels.ts'
import type { RunState } from './layer.ts'
import { layerRegistry } from './layer-registry.ts'
import type { LossBatch, LossSum, LossTotal } from './loss.ts'
import { memoryPlan, type PlacedPlan, type PlanBuffer } from './memory-plan.ts'
import { initialize, type ModelSpec, type ResolvedModel, resolveModel } from './model-spec.ts'
import { vectorOps } from './vector-ops.ts'

/** Where everything lies. Plans are placed twice: once to learn their size, once at their place. */
interface Layout {
  readonly places: readonly (readonly ParameterPlace[])[]
  readonly slots: number
  /** Bytes of them. */
  readonly reserved: number
  readonly plans: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
const NOTHING = new Float32Array(0)

/** A model on the fused engine. See `fusedBackend`. */
export class FusedModel implements CompiledModel {
  readonly backend: string
  readonly inputs: number
  readonly outputs: number
  readonly batch: number
  readonly parameters: ResolvedModel['parameters']
  readonly values: Map<string, Float32Array> = new Map()
  readonly gradientsOf: Map<string, Float32Array> = new Map()
  readonly ops: CompiledModel['ops']
  readonly #model: ResolvedModel
  readonly #options: CompileOptions
  readonly #kernels: Kernels
  readonly #buffer: ArrayBufferLike
  readonly #run: RunState
  readonly #layout: Layout
  readonly #train: PlacedPlan
  readonly #infer: PlacedPlan
  readonly #lossStep: number
  readonly #packed: readonly (PlanBuffer | undefined)[]
  readonly #trainX: Float32Array
  readonly #inferX: Float32Array
  readonly #prediction: Float32Array
  readonly #inferred: Float32Array
  readonly #dPrediction: Float32Array
  readonly #memory: ReturnType<CompiledModel['memory']>
  readonly #indexColumns: readonly IndexColumn[]
  readonly #clock: Clock
  readonly #close: () => void
  /** What the loss sees, filled anew for each batch: objects a step would be garbage. */
  readonly #seen: Mutable<LossBatch>
  #total: LossTotal | undefined
  #sum: LossSum = { sum: 0, weight: 0 }
  #scale = 1
  #slot = 0
  #stale = true
  #disposed = false
  #times = { forward: 0, loss: 0, backward: 0 }

  constructor(spec: ModelSpec, options: CompileOptions, backend: FusedBackendOptions) {
    const model = resolveModel(spec, backend.layers ?? layerRegistry())
    const { batch: rows, precision = {}, slots = 0, scratchSlots = 0, checkpoint = 'all', seed = 0 } = options
    this.#model = model
    this.#clock = backend.clock ?? systemClock
    this.#options = options
    this.inputs = model.inputs
    this.outputs = model.outputs
    this.batch = rows
    this.parameters = model.parameters
    const half = precision.weights !== undefined && precision.weights !== 'float32'
    const { places, end } = placeParameters(model, half)
    const slotBytes = model.parameters.reduce((sum, { size }) => sum + align(size * 4), 0)
    const largest = model.parameters.reduce((most, { size }) => Math.max(most, align(size * 4)), 0)
    const reserved = slots * slotBytes + scratchSlots * largest
    const run: RunState = {
      rows: 0,
      training: false,
      accumulate: false,
      key0: seed >>> 0,
      key1: Math.floor(seed / 2 ** 32) >>> 0,
      step: 0,
      first: 0,
    }
    this.#run = run

    const lossStep = (): void => this.#evaluateLoss()
    const build = (
      kernels: Kernels,
    ): { train: ModelPlan; infer: ModelPlan; packed: (PlanBuffer | undefined)[]; packedBytes: number } => {
      const input: PlanInput = { model, kernels, rows, run, places, precision, checkpoint }
      const store = memoryPlan()
      const packed = model.layers.map(({ definition, shape, inputs }) => {
        const bytes =
          definition.fused.pack === undefined
            ? 0
            : definition.fused.workspace(shape, inputs, rows, kernels).forwardPacked
        if (bytes === 0) return undefined
        const buffer = store.buffer(bytes)
        store.pin(buffer)
        return buffer
      })
      store.emit('packed', packed, () => () => {})
      const packedBytes = store.place(align(end + reserved)).bytes
      return { train: trainingPlan(input, lossStep), infer: inferencePlan(input, packed), packed, packedBytes }
    }
    // The first time only to learn how much memory it takes: the kernels need a memory to be made.
    const trial = openKernels(BASE, 0, { ...backend, threads: 1, accelerate: undefined }).kernels
    const sizes = build(trial)
    const plans = align(end + reserved) + sizes.packedBytes
    const bytes = plans + Math.max(sizes.train.plan.place(plans).bytes, sizes.infer.plan.place(plans).bytes) + 1024
    const scratch = model.layers.map(
      ({ definition, shape, inputs }) => definition.fused.workspace(shape, inputs, rows, trial).scratch,
    )
    const opened: OpenedKernels = openKernels(bytes, Math.max(...scratch), backend)
    const { buffer, kernels } = opened
    this.#close = opened.close
    const made = build(kernels)
    this.#kernels = kernels
    this.#buffer = buffer
    this.backend = `fused (${kernels.name})`
    this.ops = vectorOps(kernels, buffer)
    this.#train = made.train.plan.place(plans)
    this.#infer = made.infer.plan.place(plans)
    this.#lossStep = this.#train.names.indexOf('loss')
    this.#packed = made.packed
    this.#layout = { places, slots: end, reserved, plans }
    const floats = (at: PlanBuffer, columns: number): Float32Array =>
      new Float32Array(buffer, at.offset, rows * columns)
    this.#trainX = floats(made.train.x, model.inputs)
    this.#inferX = floats(made.infer.x, model.inputs)
    this.#prediction = floats(made.train.prediction, model.outputs)
    this.#inferred = floats(made.infer.prediction, model.outputs)
    this.#dPrediction = floats(made.train.dPrediction as PlanBuffer, model.outputs)
    model.layers.forEach((layer, i) => {
      layer.shape.parameters.forEach(({ name }, j) => {
        const { value, gradient, size } = places[i][j]
        this.values.set(`${layer.name}/${name}`, new Float32Array(buffer, value, size))
        this.gradientsOf.set(`${layer.name}/${name}`, new Float32Array(buffer, gradient, size))
      })
    })
    model.parameters.forEach((parameter, i) => {
      initialize(parameter, i, seed, this.values.get(parameter.name) as Float32Array)
    })
    this.#indexColumns = indexColumns(model)
    this.#seen = {
      rows: 0,
      outputs: model.outputs,
      targets: 0,
      prediction: this.#prediction,
      target: NOTHING,
      weight: undefined,
    }
    const parameterBytes = model.parameters.reduce((sum, { size }) => sum + size * 4, 0)
    const halfBytes = places.flat().reduce((sum, place) => sum + (place.half === 0 ? 0 : place.size * 2), 0)
    this.#memory = {
      parameters: parameterBytes + halfBytes,
      gradients: parameterBytes,
      activations: this.#train.bytes,
      kept: made.train.kept,
      saved: made.train.keptWide - made.train.kept - halfBytes,
      total: buffer.byteLength,
    }
    this.commit()
  }

  allocate(size: number): Float32Array {
    const { slots, reserved } = this.#layout
    const at = align(slots + this.#slot)
    if (at + size * 4 > slots + reserved) return new Float32Array(size)
    this.#slot = at - slots + align(size * 4)
    return new Float32Array(this.#buffer, at, size)
  }

  #open(): void {
    if (this.#disposed) throw new TradewrightError('DISPOSED', 'a model must not be used after it was disposed')
  }

  #checkCategories(x: Float32Array, rows: number): void {
    if (this.#indexColumns.length === 0) return
    for (const { column, categories, name } of this.#indexColumns)
      for (let i = 0; i < rows; i++) {
        const value = x[i * this.inputs + column]
        if (!(value >= 0 && value < categories && value === Math.floor(value)))
          throw new TradewrightError(
            'BAD_DATA',
            `column ${column} of layer '${name}' must hold whole numbers from 0 to ${categories - 1}, was ${value} in row ${i}`,
            { layer: name, row: i, value },
          )
      }
  }

  /** Puts a batch where the training plan reads it. */
  #begin(batch: Batch, { step, accumulate, first = 0 }: GradientOptions): void {
    this.#open()
    checkBatch(batch, this.#model, this.#options.batch)
    checkFirst(first)
    this.#checkCategories(batch.x, batch.rows)
    const run = this.#run
    run.rows = batch.rows
    run.training = true
    run.accumulate = accumulate
    run.step = step
    run.first = first
    const count = batch.rows * this.inputs
    this.#trainX.set(batch.x.length === count ? batch.x : batch.x.subarray(0, count))
    this.#see(batch, this.#prediction)
  }

  #see({ rows, y, weight }: Batch, prediction: Float32Array): LossBatch {
    const seen = this.#seen
    seen.rows = rows
    seen.targets = y.length / rows
    seen.prediction = prediction
    seen.target = y
    seen.weight = weight
    return seen
  }

  gradients(batch: Batch, options: GradientOptions, out?: LossTotal): LossSum {
    this.#begin(batch, options)
    this.#scale = options.scale ?? 1
    this.#total = out
    const { steps } = this.#train
    const times = this.#times
    const start = this.#clock.elapsed()
    for (let i = 0; i < this.#lossStep; i++) steps[i]()
    const forward = this.#clock.elapsed()
    steps[this.#lossStep]()
    const loss = this.#clock.elapsed()
    for (let i = this.#lossStep + 1; i < steps.length; i++) steps[i]()
    times.forward += forward - start
    times.loss += loss - forward
    times.backward += this.#clock.elapsed() - loss
    return this.#sum
  }

  #evaluateLoss(): void {
    this.#sum = this.#options.loss.evaluate(this.#seen, this.#dPrediction, this.#scale, this.#total)
  }

  diagnose(batch: Batch, step: number): string | undefined {
    this.#begin(batch, { step, accumulate: false })
    this.#scale = 1
    this.#total = undefined
    const finite = (values: Float32Array): boolean => values.every((value) => Number.isFinite(value))
    if (!finite(batch.x.subarray(0, batch.rows * this.inputs))) return 'the input'
    if (!finite(batch.y)) return 'the target'
    for (const [name, values] of this.values) if (!finite(values)) return `parameter ${name}`
    const { steps, names, results } = this.#train
    for (let i = 0; i < steps.length; i++) {
      steps[i]()
      const result = results[i]
      if (names[i] === 'loss' && !finite(this.#dPrediction.subarray(0, batch.rows * this.outputs))) return 'loss'
      if (result === undefined) continue
      if (!finite(new Float32Array(this.#buffer, result.buffer.offset, batch.rows * result.columns))) return names[i]
    }
    for (const [name, values] of this.gradientsOf) if (!finite(values)) return `gradient of ${name}`
    return undefined
  }

  evaluate(batch: Batch): LossSum {
    this.#open()
    checkBatch(batch, this.#model, this.#options.batch)
    this.#forward(batch.x, 0, batch.rows)
    return this.#options.loss.evaluate(this.#see(batch, this.#inferred), undefined, 1)
  }

  /** Predictions of some rows into `#inferred`. */
  #forward(x: Float32Array, from: number, rows: number): void {
    if (this.#stale) this.#repack()
    const { inputs } = this
    const run = this.#run
    const source = from === 0 && x.length === rows * inputs ? x : x.subarray(from * inputs, (from + rows) * inputs)
    this.#checkCategories(source, rows)
    run.rows = rows
    run.training = false
    this.#inferX.set(source)
    const { steps } = this.#infer
    for (let i = 0; i < steps.length; i++) steps[i]()
  }

  #repack(): void {
    const kind = halfKind(this.#options.precision?.weights)
    this.#model.layers.forEach(({ definition, shape, inputs }, i) => {
      const packed = this.#packed[i]
      if (packed === undefined) return
      const own = this.#layout.places[i]
      // Packed from the 16-bit copy where there is one, through the training plan's memory, which is idle now.
      const values = own.map(({ half, value, size }) => {
        if (half === 0) return value
        this.#kernels.fromHalf(kind, size, half, this.#layout.plans)
        return this.#layout.plans
      })
      definition.fused.pack?.(this.#kernels, shape, inputs, values, packed.offset)
    })
    this.#stale = false
  }

  predict(x: Float32Array, rows: number, out: Float32Array): Float32Array {
    this.#open()
    checkPrediction(this, x, rows, out)
    const { outputs } = this
    const most = this.#options.batch
    for (let from = 0; from < rows; from += most) {
      const count = Math.min(most, rows - from)
      this.#forward(x, from, count)
      const whole = count === most ? this.#inferred : this.#inferred.subarray(0, count * outputs)
      out.set(whole, from * outputs)
    }
    return out
  }

  commit(): void {
    this.#stale = true
    const kind = halfKind(this.#options.precision?.weights)
    for (const layer of this.#layout.places)
      for (const { half, value, size } of layer) if (half !== 0) this.#kernels.toHalf(kind, size, value, half)
  }

  memory(): ReturnType<CompiledModel['memory']> {
    return this.#memory
  }

  times(reset = false): ReturnType<CompiledModel['times']> {
    const times = { ...this.#times }
    if (reset) this.#times = { forward: 0, loss: 0, backward: 0 }
    return times
  }

  precisionReport(): string {
    const { activations = 'float32', weights = 'float32' } = this.#options.precision ?? {}
    const { saved } = this.#memory
    return `fused: computed in float32; activations stored in ${activations}, weights read from ${weights} with a float32 master; ${saved} bytes saved against float32`
  }

  dispose(): void {
    this.#disposed = true
    this.#close()
    this.values.clear()
    this.gradientsOf.clear()
  }
}
