import { type Clock, systemClock, TradewrightError } from '@tradewright/core'
import type { Batch, CompiledModel, CompileOptions, GradientOptions } from './backend.ts'
import { checkBatch, checkFirst, checkPrediction } from './check-batch.ts'
import type { TfContext, TfOps, TfTensor } from './layer.ts'
import { type LayerRegistry, layerRegistry } from './layer-registry.ts'
import { dropoutThreshold, nameHash } from './layers/dropout.ts'
import type { LossSum } from './loss.ts'
import { initialize, type ModelSpec, type ResolvedModel, resolveModel } from './model-spec.ts'
import { plainKernels } from './plain-kernels.ts'
import { checkpointRanges, type LayerRange } from './tfjs-checkpoints.ts'
import { type TfCustomGradient, transposingMatMul } from './tfjs-matmul.ts'
import { vectorOps } from './vector-ops.ts'

/** The part of TensorFlow.js's namespace that is used beside its ops. */
export interface TfLike extends TfCustomGradient {
  variableGrads(
    run: () => TfTensor,
    variables: readonly TfTensor[],
  ): {
    readonly value: TfTensor
    readonly grads: Readonly<Record<string, TfTensor>>
  }
  grads(
    run: (...args: readonly TfTensor[]) => TfTensor,
  ): (args: readonly TfTensor[], dy: TfTensor) => readonly TfTensor[]
  tidy<T>(run: () => T): T
  variable(initial: TfTensor, trainable: boolean, name: string): TfVariable
  getBackend(): string
  setBackend(name: string): Promise<boolean>
  ready(): Promise<void>
  memory(): { readonly numTensors: number; readonly numBytes: number }
}

/** A parameter in TensorFlow.js. */
export interface TfVariable extends TfTensor {
  readonly name: string
  assign(value: TfTensor): void
}

/** Options of `tfjs`. */
export interface TfjsOptions {
  readonly layers?: LayerRegistry | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** What layers draw by. `before`: the share of this batch's rows that came before them. */
interface Moment {
  readonly step: number
  readonly before: number
  readonly training: boolean
}

interface BackwardMoment extends Moment {
  readonly accumulate: boolean
}

/** Models of one process must not share variable names. */
let models = 0

/** Writes a tensor's numbers to a gradient, or adds them. */
function take(gradient: Float32Array, tensor: TfTensor, accumulate: boolean): void {
  const found = tensor.dataSync()
  if (accumulate) for (let i = 0; i < found.length; i++) gradient[i] += found[i]
  else gradient.set(found)
}

/** A model on TensorFlow.js. See `tfjs`. */
export class TfModel implements CompiledModel {
  readonly backend: string
  readonly inputs: number
  readonly outputs: number
  readonly batch: number
  readonly parameters: ResolvedModel['parameters']
  readonly values: Map<string, Float32Array> = new Map()
  readonly gradientsOf: Map<string, Float32Array> = new Map()
  readonly ops: CompiledModel['ops'] = vectorOps()
  readonly #tf: TfLike & TfOps
  readonly #model: ResolvedModel
  readonly #options: CompileOptions
  readonly #variables: readonly (readonly TfVariable[])[]
  readonly #prefix: string
  readonly #ranges: readonly LayerRange[]
  readonly #matMul: TfContext['matMul']
  readonly #clock: Clock
  #masks = new Float32Array(0)
  #disposed = false
  #times = { forward: 0, loss: 0, backward: 0 }

  constructor(
    tf: TfLike & TfOps,
    spec: ModelSpec,
    options: CompileOptions,
    { layers, clock = systemClock }: TfjsOptions,
  ) {
    this.#tf = tf
    this.#clock = clock
    this.#options = options
    const model = resolveModel(spec, layers ?? layerRegistry())
    this.#model = model
    this.inputs = model.inputs
    this.outputs = model.outputs
    this.batch = options.batch
    this.parameters = model.parameters
    this.backend = `tfjs (${tf.getBackend()})`
    this.#ranges = checkpointRanges(model.layers, options.checkpoint ?? 'all')
    // Elsewhere a transposed product is as fast as any, and a transpose costs.
    this.#matMul = tf.getBackend() === 'wasm' ? transposingMatMul(tf) : (a, b) => tf.matMul(a, b)
    this.#prefix = `tradewright-${models++}/`
    model.parameters.forEach((parameter, i) => {
      const values = new Float32Array(parameter.size)
      initialize(parameter, i, options.seed ?? 0, values)
      this.values.set(parameter.name, values)
      this.gradientsOf.set(parameter.name, new Float32Array(parameter.size))
    })
    this.#variables = model.layers.map((layer) =>
      layer.shape.parameters.map(({ name, shape }) => {
        const full = `${layer.name}/${name}`
        const initial = this.#tensor(this.values.get(full) as Float32Array, shape)
        const made = tf.variable(initial, true, `${this.#prefix}${full}`)
        initial.dispose()
        return made
      }),
    )
  }

  #open(): void {
    if (this.#disposed) throw new TradewrightError('DISPOSED', 'a model must not be used after it was disposed')
  }

  /** A tensor of its own copy: the CPU backend would keep, and others read later, an array that is then overwritten. */
  #tensor(values: Float32Array, shape: readonly number[]): TfTensor {
    return this.#tf.tensor(values.slice(), shape, 'float32')
  }

  allocate(size: number): Float32Array {
    return new Float32Array(size)
  }

  /** The same masks as the fused engine's: of seed, step and layer. `before` is the share of the rows that came before these. */
  #mask(step: number, before: number): TfContext['mask'] {
    const { seed = 0 } = this.#options
    return (count, rate, layer) => {
      if (this.#masks.length < 2 * count) this.#masks = new Float32Array(2 * count)
      const kernels = plainKernels(this.#masks.buffer)
      kernels.fill(count, 1, 0)
      const threshold = dropoutThreshold(rate)
      const key1 = (Math.floor(seed / 2 ** 32) ^ nameHash(layer)) >>> 0
      kernels.dropout(
        count,
        0,
        count * 4,
        threshold,
        1 / (1 - threshold / 65536),
        seed >>> 0,
        key1,
        step,
        (before * count) / 8,
      )
      return this.#masks.slice(count, 2 * count)
    }
  }

  #context(moment: Moment): TfContext {
    const { step, before, training } = moment
    return { tf: this.#tf, training, mask: this.#mask(step, before), matMul: this.#matMul }
  }

  #forward(x: TfTensor, moment: Moment): TfTensor {
    return this.#run(x, { from: 0, to: this.#model.layers.length }, this.#variables.flat(), moment)
  }

  /** Runs some layers on the output of the one before them. `parameters` are theirs, in order. */
  #run(x: TfTensor, range: LayerRange, parameters: readonly TfTensor[], moment: Moment): TfTensor {
    const context = this.#context(moment)
    const outputs: TfTensor[] = []
    let y = x
    let taken = 0
    for (const { definition, spec, other, shape } of this.#model.layers.slice(range.from, range.to)) {
      const own = parameters.slice(taken, taken + shape.parameters.length)
      taken += own.length
      const second = other === undefined ? undefined : other < range.from ? x : outputs[other - range.from]
      y = definition.tf(context, spec, y, own, second)
      outputs.push(y)
    }
    return y
  }

  #evaluateLoss(
    { rows, y, weight }: Batch,
    prediction: Float32Array,
    gradient: Float32Array | undefined,
    scale: number,
  ): LossSum {
    const { outputs } = this
    return this.#options.loss.evaluate(
      { rows, outputs, targets: y.length / rows, prediction, target: y, weight },
      gradient,
      scale,
    )
  }

  gradients(batch: Batch, { step, accumulate, scale = 1, first = 0 }: GradientOptions): LossSum {
    this.#open()
    checkBatch(batch, this.#model, this.#options.batch)
    checkFirst(first)
    const { rows } = batch
    const moment: Moment = { step, before: first / rows, training: true }
    if (this.#ranges.length > 1) return this.#checkpointed(batch, moment, accumulate, scale)
    const dPrediction = new Float32Array(rows * this.outputs)
    let sum: LossSum = { sum: 0, weight: 0 }
    const start = this.#clock.elapsed()
    let middle = start
    let backward = start
    this.#tf.tidy(() => {
      const x = this.#tensor(batch.x.subarray(0, rows * this.inputs), [rows, this.inputs])
      const { grads } = this.#tf.variableGrads(() => {
        const prediction = this.#forward(x, moment)
        const values = prediction.dataSync()
        middle = this.#clock.elapsed()
        sum = this.#evaluateLoss(batch, values, dPrediction, scale)
        backward = this.#clock.elapsed()
        // The derivative of sum(prediction * d) is that of the loss, whatever the loss.
        return this.#tf.sum(this.#tf.mul(prediction, this.#tensor(dPrediction, [rows, this.outputs])))
      }, this.#variables.flat())
      for (const [name, gradient] of this.gradientsOf) {
        take(gradient, grads[`${this.#prefix}${name}`], accumulate)
      }
    })
    this.#times.forward += middle - start
    this.#times.loss += backward - middle
    this.#times.backward += this.#clock.elapsed() - backward
    return sum
  }

  /**
   * Gradients range by range: outputs between ranges are kept or computed again, and only one range's tape is there at
   * a time. Each is a gradient of its own, one behind the other, so nothing private of TensorFlow.js is touched.
   *
   * @see Chen, Xu, Zhang, Guestrin (2016), "Training deep nets with sublinear memory cost".
   */
  #checkpointed(batch: Batch, moment: Moment, accumulate: boolean, scale: number): LossSum {
    const { rows } = batch
    const dPrediction = new Float32Array(rows * this.outputs)
    let sum: LossSum = { sum: 0, weight: 0 }
    const start = this.#clock.elapsed()
    let middle = start
    let loss = start
    this.#tf.tidy(() => {
      const x = this.#tensor(batch.x.subarray(0, rows * this.inputs), [rows, this.inputs])
      const prediction = this.#through(x, 0, this.#ranges.length, moment)
      const values = prediction.dataSync()
      prediction.dispose()
      middle = this.#clock.elapsed()
      sum = this.#evaluateLoss(batch, values, dPrediction, scale)
      loss = this.#clock.elapsed()
      const dy = this.#tensor(dPrediction, [rows, this.outputs])
      this.#back(x, dy, 0, this.#ranges.length, { ...moment, accumulate })
    })
    this.#times.forward += middle - start
    this.#times.loss += loss - middle
    this.#times.backward += this.#clock.elapsed() - loss
    return sum
  }

  #own({ from, to }: LayerRange): readonly TfVariable[] {
    return this.#variables.slice(from, to).flat()
  }

  /** The output of some ranges; nothing between is kept. */
  #through(x: TfTensor, first: number, end: number, moment: Moment): TfTensor {
    let y = x
    for (const range of this.#ranges.slice(first, end)) {
      const before = y
      y = this.#tf.tidy(() => this.#run(before, range, this.#own(range), moment))
      if (before !== x) before.dispose()
    }
    return y
  }

  /** Goes back through some ranges whose input is `x`: by halves where 'recursive', else keeping every input. Takes `dy`. */
  #back(x: TfTensor, dy: TfTensor, first: number, end: number, how: BackwardMoment): TfTensor | undefined {
    if (end - first === 1) return this.#backOne(x, dy, this.#ranges[first], how)
    const middle = this.#options.checkpoint === 'recursive' ? first + Math.ceil((end - first) / 2) : first + 1
    const y = this.#through(x, first, middle, how)
    const dMiddle = this.#back(y, dy, middle, end, how)
    y.dispose()
    return dMiddle === undefined ? undefined : this.#back(x, dMiddle, first, middle, how)
  }

  /** The gradients of one range; of its input too, unless that is the model's. Takes `dy`. */
  #backOne(x: TfTensor, dy: TfTensor, range: LayerRange, how: BackwardMoment): TfTensor | undefined {
    const own = this.#own(range)
    const inner = range.from > 0
    if (!inner && own.length === 0) return undefined
    const found = this.#tf.tidy(() =>
      this.#tf.grads((...args: readonly TfTensor[]) =>
        this.#run(inner ? args[0] : x, range, inner ? args.slice(1) : args, how),
      )(inner ? [x, ...own] : own, dy),
    )
    dy.dispose()
    const [dx] = found
    const parameters = inner ? found.slice(1) : found
    parameters.forEach((gradient, i) => {
      const name = own[i].name.slice(this.#prefix.length)
      take(this.gradientsOf.get(name) as Float32Array, gradient, how.accumulate)
      gradient.dispose()
    })
    return inner ? dx : undefined
  }

  #predictBatch(x: Float32Array, rows: number): Float32Array {
    return this.#tf.tidy(() =>
      this.#forward(this.#tensor(x, [rows, this.inputs]), { step: 0, before: 0, training: false })
        .dataSync()
        .slice(),
    )
  }

  evaluate(batch: Batch): LossSum {
    this.#open()
    checkBatch(batch, this.#model, this.#options.batch)
    return this.#evaluateLoss(
      batch,
      this.#predictBatch(batch.x.subarray(0, batch.rows * this.inputs), batch.rows),
      undefined,
      1,
    )
  }

  predict(x: Float32Array, rows: number, out: Float32Array): Float32Array {
    this.#open()
    checkPrediction(this, x, rows, out)
    const most = this.#options.batch
    for (let from = 0; from < rows; from += most) {
      const count = Math.min(most, rows - from)
      out.set(
        this.#predictBatch(x.subarray(from * this.inputs, (from + count) * this.inputs), count),
        from * this.outputs,
      )
    }
    return out
  }

  diagnose(batch: Batch, step: number): string | undefined {
    const finite = (values: Float32Array): boolean => values.every((value) => Number.isFinite(value))
    if (!finite(batch.x)) return 'the input'
    if (!finite(batch.y)) return 'the target'
    for (const [name, values] of this.values) if (!finite(values)) return `parameter ${name}`
    const bad = this.#tf.tidy(() => {
      const context = this.#context({ step, before: 0, training: true })
      const x = this.#tensor(batch.x.subarray(0, batch.rows * this.inputs), [batch.rows, this.inputs])
      const outputs: TfTensor[] = []
      let y = x
      for (const [i, { definition, spec, other, name }] of this.#model.layers.entries()) {
        y = definition.tf(
          context,
          spec,
          y,
          this.#variables[i],
          other === undefined ? undefined : other < 0 ? x : outputs[other],
        )
        outputs.push(y)
        if (!finite(y.dataSync())) return `forward ${name}`
      }
      return undefined
    })
    if (bad !== undefined) return bad
    for (const [name, values] of this.gradientsOf) if (!finite(values)) return `gradient of ${name}`
    return undefined
  }

  commit(): void {
    this.#model.layers.forEach((layer, i) => {
      layer.shape.parameters.forEach(({ name, shape }, j) => {
        const value = this.#tensor(this.values.get(`${layer.name}/${name}`) as Float32Array, shape)
        this.#variables[i][j].assign(value)
        value.dispose()
      })
    })
  }

  memory(): ReturnType<CompiledModel['memory']> {
    const bytes = this.parameters.reduce((sum, { size }) => sum + size * 4, 0)
    // Masters and gradients are in the host, the variables in the engine; what a step takes is the engine's business.
    return {
      parameters: 2 * bytes,
      gradients: bytes,
      activations: Number.NaN,
      kept: Number.NaN,
      saved: 0,
      total: this.#tf.memory().numBytes + 2 * bytes,
    }
  }

  times(reset = false): ReturnType<CompiledModel['times']> {
    const times = { ...this.#times }
    if (reset) this.#times = { forward: 0, loss: 0, backward: 0 }
    return times
  }

  precisionReport(): string {
    return `${this.backend}: computed and stored in float32; TensorFlow.js has no 16-bit dtype, so 16-bit storage could only be emulated, which saves nothing and is not done`
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    for (const variable of this.#variables.flat()) variable.dispose()
    this.values.clear()
    this.gradientsOf.clear()
  }
}
