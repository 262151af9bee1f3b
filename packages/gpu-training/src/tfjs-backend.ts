import { type Clock, systemClock, TradewrightError } from '@tradewright/core'
import type { Batch, CompiledModel, CompileOptions, GradientOptions, TrainingBackend } from './backend.ts'
import { checkBatch, checkCompileOptions } from './check-batch.ts'
import type { TfContext, TfOps, TfTensor } from './layer.ts'
import { type LayerRegistry, layerRegistry } from './layer-registry.ts'
import { dropoutThreshold, nameHash } from './layers/dropout.ts'
import type { LossSum } from './loss.ts'
import { initialize, type ModelSpec, type ResolvedModel, resolveModel } from './model-spec.ts'
import { plainKernels } from './plain-kernels.ts'
import { vectorOps } from './vector-ops.ts'

/** The part of TensorFlow.js's namespace that is used beside its ops. */
export interface TfLike {
  variableGrads(
    run: () => TfTensor,
    variables: readonly TfTensor[],
  ): {
    readonly value: TfTensor
    readonly grads: Readonly<Record<string, TfTensor>>
  }
  tidy<T>(run: () => T): T
  variable(initial: TfTensor, trainable: boolean, name: string): TfVariable
  getBackend(): string
  setBackend(name: string): Promise<boolean>
  ready(): Promise<void>
  memory(): { readonly numTensors: number; readonly numBytes: number }
}

interface TfVariable extends TfTensor {
  readonly name: string
  assign(value: TfTensor): void
}

/** Options of {@link tfjs}. */
export interface TfjsOptions {
  readonly layers?: LayerRegistry | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** Models of one process must not share variable names. */
let models = 0

class TfModel implements CompiledModel {
  readonly backend: string
  readonly inputs: number
  readonly outputs: number
  readonly parameters: ResolvedModel['parameters']
  readonly values: Map<string, Float32Array> = new Map()
  readonly gradientsOf: Map<string, Float32Array> = new Map()
  readonly ops: CompiledModel['ops'] = vectorOps()
  readonly #tf: TfLike & TfOps
  readonly #model: ResolvedModel
  readonly #options: CompileOptions
  readonly #variables: readonly (readonly TfVariable[])[]
  readonly #prefix: string
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
    this.parameters = model.parameters
    this.backend = `tfjs (${tf.getBackend()})`
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

  /** The same masks as the fused engine's: of seed, step and layer. */
  #mask(step: number): TfContext['mask'] {
    const { seed = 0 } = this.#options
    return (count, rate, layer) => {
      if (this.#masks.length < 2 * count) this.#masks = new Float32Array(2 * count)
      const kernels = plainKernels(this.#masks.buffer)
      kernels.fill(count, 1, 0)
      const threshold = dropoutThreshold(rate)
      const key1 = (Math.floor(seed / 2 ** 32) ^ nameHash(layer)) >>> 0
      kernels.dropout(count, 0, count * 4, threshold, 1 / (1 - threshold / 65536), seed >>> 0, key1, step)
      return this.#masks.slice(count, 2 * count)
    }
  }

  #forward(x: TfTensor, training: boolean, step: number): TfTensor {
    const context: TfContext = { tf: this.#tf, training, mask: this.#mask(step) }
    const outputs: TfTensor[] = []
    let y = x
    this.#model.layers.forEach(({ definition, spec, other }, i) => {
      const second = other === undefined ? undefined : other < 0 ? x : outputs[other]
      y = definition.tf(context, spec, y, this.#variables[i], second)
      outputs.push(y)
    })
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

  gradients(batch: Batch, { step, accumulate, scale = 1 }: GradientOptions): LossSum {
    this.#open()
    checkBatch(batch, this.inputs, this.#options.batch)
    const { rows } = batch
    const dPrediction = new Float32Array(rows * this.outputs)
    let sum: LossSum = { sum: 0, weight: 0 }
    const start = this.#clock.elapsed()
    let middle = start
    let backward = start
    this.#tf.tidy(() => {
      const x = this.#tensor(batch.x.subarray(0, rows * this.inputs), [rows, this.inputs])
      const { grads } = this.#tf.variableGrads(() => {
        const prediction = this.#forward(x, true, step)
        const values = prediction.dataSync()
        middle = this.#clock.elapsed()
        sum = this.#evaluateLoss(batch, values, dPrediction, scale)
        backward = this.#clock.elapsed()
        // The derivative of sum(prediction * d) is that of the loss, whatever the loss.
        return this.#tf.sum(this.#tf.mul(prediction, this.#tensor(dPrediction, [rows, this.outputs])))
      }, this.#variables.flat())
      for (const [name, gradient] of this.gradientsOf) {
        const found = grads[`${this.#prefix}${name}`].dataSync()
        if (accumulate) for (let i = 0; i < found.length; i++) gradient[i] += found[i]
        else gradient.set(found)
      }
    })
    this.#times.forward += middle - start
    this.#times.loss += backward - middle
    this.#times.backward += this.#clock.elapsed() - backward
    return sum
  }

  #predictBatch(x: Float32Array, rows: number): Float32Array {
    return this.#tf.tidy(() =>
      this.#forward(this.#tensor(x, [rows, this.inputs]), false, 0)
        .dataSync()
        .slice(),
    )
  }

  evaluate(batch: Batch): LossSum {
    this.#open()
    checkBatch(batch, this.inputs, this.#options.batch)
    return this.#evaluateLoss(
      batch,
      this.#predictBatch(batch.x.subarray(0, batch.rows * this.inputs), batch.rows),
      undefined,
      1,
    )
  }

  predict(x: Float32Array, rows: number, out: Float32Array): Float32Array {
    this.#open()
    if (x.length !== rows * this.inputs || out.length !== rows * this.outputs)
      throw new TradewrightError(
        'BAD_SHAPE',
        `predict takes [${rows}, ${this.inputs}] into [${rows}, ${this.outputs}], was ${x.length} and ${out.length} numbers`,
      )
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
      const context: TfContext = { tf: this.#tf, training: true, mask: this.#mask(step) }
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

/**
 * TensorFlow.js as a backend: takes its namespace (`@tensorflow/tfjs`, `tfjs-core` with a backend, `tfjs-node`,
 * `tfjs-node-gpu`), so it runs on whatever device that has chosen.
 *
 * Losses, update rules and tricks are the same code as with the fused engine: predictions and gradients come to the
 * host at every step. Precision policies and checkpointing are refused: TensorFlow.js has no 16-bit dtype, and its tape is private.
 *
 * @throws TradewrightError `BAD_OPTION` where `tf` is no TensorFlow.js. `compile` throws `NOT_AVAILABLE` (precision,
 *   checkpointing).
 */
export function tfjs(tf: TfLike, options: TfjsOptions = {}): TrainingBackend {
  if (typeof tf?.variableGrads !== 'function')
    throw new TradewrightError(
      'BAD_OPTION',
      `tf must be the namespace of TensorFlow.js, was ${typeof tf} without variableGrads`,
    )
  return {
    name: 'tfjs',
    compile(model, compile) {
      checkCompileOptions(compile)
      const { precision = {}, checkpoint = 'all' } = compile
      for (const [name, type] of Object.entries(precision))
        if (type !== undefined && type !== 'float32')
          throw new TradewrightError(
            'NOT_AVAILABLE',
            `precision.${name} must be 'float32' on TensorFlow.js, which has no 16-bit dtype, was '${type}'; use the fused engine`,
          )
      if (checkpoint !== 'all')
        throw new TradewrightError(
          'NOT_AVAILABLE',
          `checkpoint must be 'all' on TensorFlow.js, whose tape is private, was '${checkpoint}'; use the fused engine`,
        )
      return new TfModel(tf as TfLike & TfOps, model, compile, options)
    },
  }
}
