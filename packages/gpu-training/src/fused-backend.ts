import { type Clock, systemClock, TradewrightError } from '@tradewright/core'
import type { Batch, CompiledModel, CompileOptions, TrainingBackend } from './backend.ts'
import { checkBatch, checkCompileOptions } from './check-batch.ts'
import {
  halfKind,
  inferencePlan,
  type ModelPlan,
  type ParameterPlace,
  type PlanInput,
  trainingPlan,
} from './fused-plan.ts'
import type { Kernels } from './kernels.ts'
import { Lanes } from './lanes.ts'
import type { RunState } from './layer.ts'
import { type LayerRegistry, layerRegistry } from './layer-registry.ts'
import type { LossSum } from './loss.ts'
import { memoryPlan, type PlacedPlan, type PlanBuffer } from './memory-plan.ts'
import { initialize, type ModelSpec, type ResolvedModel, resolveModel } from './model-spec.ts'
import { plainKernels } from './plain-kernels.ts'
import { vectorOps } from './vector-ops.ts'
import {
  createSharedWasm,
  createWasmMemory,
  hasWasmSimd,
  outOfMemory,
  type SharedWasm,
  sharedKernels,
  wasmKernels,
} from './wasm-kernels.ts'

/** Options of {@link fusedBackend}. */
export interface FusedBackendOptions {
  /** Layers beside the built-in ones. */
  readonly layers?: LayerRegistry | undefined
  /**
   * 'wasm' needs WebAssembly SIMD, 'plain' is TypeScript: slow, the reference.
   * @default 'wasm' where there is SIMD, else 'plain'
   */
  readonly kernels?: 'wasm' | 'plain' | undefined
  /** Use fused multiply-add where the runtime has relaxed SIMD. @default true */
  readonly relaxedSimd?: boolean | undefined
  /**
   * 2: each half of a batch on a thread of its own, over shared memory. It pays for large batches. Gradients are summed
   * in another order, and dropout draws other masks, than with one thread. Needs WebAssembly and a loss that is a mean
   * of rows; relaxed SIMD and `accelerate` are for one thread.
   * @default 1
   */
  readonly threads?: 1 | 2 | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
  /** Replaces some of the kernels, given the ones there are and their memory: how a BLAS joins. */
  readonly accelerate?: ((kernels: Kernels, memory: ArrayBufferLike) => Kernels) | undefined
}

/** First byte that is used: below lies what the compiler may want. */
const BASE = 65536
const align = (bytes: number): number => (bytes + 63) & ~63

/** Where everything lies. Plans are placed twice: once to learn their size, once at their place. */
interface Layout {
  readonly places: readonly (readonly ParameterPlace[])[]
  readonly slots: number
  /** Bytes of them. */
  readonly reserved: number
  readonly packed: number
  readonly plans: number
}

function placeParameters(
  model: ResolvedModel,
  half: boolean,
  start: number,
): { places: ParameterPlace[][]; end: number } {
  let at = start
  const take = (bytes: number): number => {
    const here = at
    at = align(at + bytes)
    return here
  }
  const places = model.layers.map((layer) =>
    layer.shape.parameters.map(({ shape }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return {
        size,
        value: take(size * 4),
        gradient: take(size * 4),
        half: half && shape.length > 1 ? take(size * 2) : 0,
      }
    }),
  )
  return { places, end: at }
}

interface OpenedKernels {
  readonly buffer: ArrayBufferLike
  readonly kernels: Kernels
  readonly shared?: SharedWasm
}

/** A memory of so many bytes and the kernels over it. */
function openKernels(bytes: number, options: FusedBackendOptions): OpenedKernels {
  if (options.threads === 2) {
    const shared = createSharedWasm(bytes)
    return { buffer: shared.memory.buffer, kernels: sharedKernels(shared), shared }
  }
  const { kernels = hasWasmSimd() ? 'wasm' : 'plain', relaxedSimd = true, accelerate } = options
  const open = (): { buffer: ArrayBufferLike; kernels: Kernels } => {
    if (kernels === 'wasm') {
      const memory = createWasmMemory(bytes)
      return { buffer: memory.buffer, kernels: wasmKernels(memory, relaxedSimd) }
    }
    try {
      const buffer = new ArrayBuffer(bytes)
      return { buffer, kernels: plainKernels(buffer) }
    } catch (cause) {
      throw outOfMemory(bytes, cause)
    }
  }
  const opened = open()
  return accelerate === undefined ? opened : { ...opened, kernels: accelerate(opened.kernels, opened.buffer) }
}

/** A column of the input that holds category numbers. */
interface IndexColumn {
  readonly column: number
  readonly categories: number
  readonly name: string
}

/**
 * The input's columns that embeddings read. They are checked in every batch, because a number out of range would read
 * beyond the table; so an embedding must read the input, through nothing but other embeddings.
 */
function indexColumns({ inputs, layers }: ResolvedModel): readonly IndexColumn[] {
  const found: IndexColumn[] = []
  // Which column of the input each column is at this point of the model.
  let origins: (number | undefined)[] | undefined = Array.from({ length: inputs }, (_, i) => i)
  for (const { name, spec, shape } of layers) {
    if (spec.type !== 'embedding') {
      origins = undefined
      continue
    }
    const { column = 0, categories = 0, size = 0 } = shape.extra ?? {}
    const origin = origins?.[column]
    if (origins === undefined || origin === undefined)
      throw new TradewrightError(
        'BAD_OPTION',
        `column of layer '${name}' must be one of the model's input, was ${column} of what other layers made`,
        { layer: name, column },
      )
    found.push({ column: origin, categories, name })
    origins.splice(column, 1)
    origins.push(...Array.from({ length: size }, () => undefined))
  }
  return found
}

class FusedModel implements CompiledModel {
  readonly backend: string
  readonly inputs: number
  readonly outputs: number
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
  #lanes: Lanes | undefined
  #batch: Batch | undefined
  #scale = 1
  #sum: LossSum = { sum: 0, weight: 0 }
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
    this.parameters = model.parameters
    const half = precision.weights !== undefined && precision.weights !== 'float32'
    const { places, end } = placeParameters(model, half, BASE)
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
    const trial = openKernels(BASE, { ...backend, accelerate: undefined })
    const sizes = build(trial.kernels)
    const plans = align(end + reserved) + sizes.packedBytes
    const bytes = plans + Math.max(sizes.train.plan.place(plans).bytes, sizes.infer.plan.place(plans).bytes) + 1024
    const threaded = backend.threads === 2 && rows >= 2
    const after = align(bytes)
    const lanesOf = (used: Kernels): Lanes => new Lanes({ model, options, kernels: used, places, base: after })
    const opened = openKernels(threaded ? after + lanesOf(trial.kernels).bytes + 1024 : bytes, backend)
    const { buffer, kernels } = opened
    if (threaded && opened.shared !== undefined) {
      this.#lanes = lanesOf(kernels)
      this.#lanes.start(opened.shared)
    }
    const made = build(kernels)
    this.#kernels = kernels
    this.#buffer = buffer
    this.backend = `fused (${kernels.name})`
    this.ops = vectorOps(kernels, buffer)
    this.#train = made.train.plan.place(plans)
    this.#infer = made.infer.plan.place(plans)
    this.#lossStep = this.#train.names.indexOf('loss')
    this.#packed = made.packed
    this.#layout = { places, slots: end, reserved, packed: sizes.packedBytes, plans }
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
    const parameterBytes = model.parameters.reduce((sum, { size }) => sum + size * 4, 0)
    const halfBytes = places.flat().reduce((sum, place) => sum + (place.half === 0 ? 0 : place.size * 2), 0)
    this.#memory = {
      parameters: parameterBytes + halfBytes,
      gradients: parameterBytes,
      activations: this.#train.bytes + (this.#lanes?.activations ?? 0),
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

  gradients(
    batch: Batch,
    { step, accumulate, scale = 1 }: { step: number; accumulate: boolean; scale?: number | undefined },
  ): LossSum {
    this.#open()
    checkBatch(batch, this.inputs, this.#options.batch)
    this.#checkCategories(batch.x, batch.rows)
    if (this.#lanes !== undefined && batch.rows >= 2) {
      const start = this.#clock.elapsed()
      const found = this.#lanes.gradients(batch, { step, accumulate, scale })
      // Both threads go through forward, loss and backward together: their times are not told apart.
      this.#times.backward += this.#clock.elapsed() - start
      return found
    }
    const run = this.#run
    run.rows = batch.rows
    run.training = true
    run.accumulate = accumulate
    run.step = step
    this.#batch = batch
    this.#scale = scale
    this.#trainX.set(
      batch.x.length === batch.rows * this.inputs ? batch.x : batch.x.subarray(0, batch.rows * this.inputs),
    )
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
    const batch = this.#batch as Batch
    this.#sum = this.#options.loss.evaluate(this.#lossBatch(batch, this.#prediction), this.#dPrediction, this.#scale)
  }

  diagnose(batch: Batch, step: number): string | undefined {
    this.#open()
    checkBatch(batch, this.inputs, this.#options.batch)
    const finite = (values: Float32Array): boolean => values.every((value) => Number.isFinite(value))
    if (!finite(batch.x.subarray(0, batch.rows * this.inputs))) return 'the input'
    if (!finite(batch.y)) return 'the target'
    for (const [name, values] of this.values) if (!finite(values)) return `parameter ${name}`
    const run = this.#run
    run.rows = batch.rows
    run.training = true
    run.accumulate = false
    run.step = step
    this.#batch = batch
    this.#trainX.set(batch.x.subarray(0, batch.rows * this.inputs))
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

  #lossBatch({ rows, y, weight }: Batch, prediction: Float32Array) {
    return { rows, outputs: this.outputs, targets: y.length / rows, prediction, target: y, weight }
  }

  evaluate(batch: Batch): LossSum {
    this.#open()
    checkBatch(batch, this.inputs, this.#options.batch)
    this.#forward(batch.x, 0, batch.rows)
    return this.#options.loss.evaluate(this.#lossBatch(batch, this.#inferred), undefined, 1)
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
    const { inputs, outputs } = this
    if (x.length !== rows * inputs || out.length !== rows * outputs)
      throw new TradewrightError(
        'BAD_SHAPE',
        `predict takes [${rows}, ${inputs}] into [${rows}, ${outputs}], was ${x.length} and ${out.length} numbers`,
        { rows, inputs, outputs },
      )
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
    this.#lanes?.close()
    this.#lanes = undefined
    this.values.clear()
    this.gradientsOf.clear()
  }
}

/**
 * The own engine: a network compiled once into a flat plan of fused WebAssembly SIMD kernels over memory that is laid
 * out in advance. A step allocates nothing. No dependencies.
 *
 * Same seed, same result on the same kernels; relaxed SIMD and a BLAS round differently.
 *
 * @example
 * ```ts
 * import { dense, fusedBackend, meanSquaredError, sequential } from '@tradewright/gpu-training'
 * const model = fusedBackend().compile(sequential(2, [dense(8, { activation: 'tanh' }), dense(1)]), {
 *   batch: 4, loss: meanSquaredError(), seed: 1,
 * })
 * console.log(model.parameters.map((parameter) => parameter.name).join(' '))
 * // dense_0/kernel dense_0/bias dense_1/kernel dense_1/bias
 * ```
 */
export function fusedBackend(options: FusedBackendOptions = {}): TrainingBackend {
  if (options.kernels === 'wasm' && !hasWasmSimd())
    throw new TradewrightError(
      'NOT_AVAILABLE',
      "kernels 'wasm' must have WebAssembly SIMD, which this runtime lacks; use 'plain'",
    )
  if (options.threads !== undefined && options.threads !== 1 && options.threads !== 2)
    throw new TradewrightError('BAD_OPTION', `threads must be 1 or 2, was ${String(options.threads)}`)
  if (options.threads === 2 && (options.kernels === 'plain' || options.accelerate !== undefined || !hasWasmSimd()))
    throw new TradewrightError('BAD_OPTION', "threads: 2 must have kernels 'wasm' and no accelerate")
  return {
    name: 'fused',
    compile(model, compile) {
      checkCompileOptions(compile)
      if (options.threads === 2 && !compile.loss.additive)
        throw new TradewrightError(
          'BAD_OPTION',
          `threads must be 1 with loss '${compile.loss.name}', which is a property of the whole batch, was 2`,
          { loss: compile.loss.name },
        )
      const compiled = new FusedModel(model, compile, options)
      return compiled
    },
  }
}
