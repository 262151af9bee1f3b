import type { PrecisionPolicy, StorageType } from './backend.ts'
import type { Kernels } from './kernels.ts'
import type { RunState, Step } from './layer.ts'
import { type MemoryPlan, memoryPlan, type PlanBuffer } from './memory-plan.ts'
import type { ResolvedLayer, ResolvedModel } from './model-spec.ts'

/** Where a parameter lies: byte offsets. */
export interface ParameterPlace {
  readonly value: number
  readonly gradient: number
  /** 16-bit copy; 0 where there is none. */
  readonly half: number
  readonly size: number
}

/** What plans are made from. */
export interface PlanInput {
  readonly model: ResolvedModel
  readonly kernels: Kernels
  readonly rows: number
  readonly run: RunState
  /** Parameters of each layer, in order. */
  readonly places: readonly (readonly ParameterPlace[])[]
  readonly precision: PrecisionPolicy
  readonly checkpoint: 'all' | 'recursive' | number
}

/** A plan and the buffers that the host reads and writes. */
export interface ModelPlan {
  readonly plan: MemoryPlan
  readonly x: PlanBuffer
  readonly prediction: PlanBuffer
  /** Gradient of the prediction, in a training plan. */
  readonly dPrediction: PlanBuffer | undefined
  /** Bytes kept from forward to backward, and what they would be in float32. */
  readonly kept: number
  readonly keptWide: number
}

/** The number by which the kernels know a 16-bit type. */
export const halfKind = (type: StorageType | undefined): number => (type === 'float16' ? 1 : 0)

/** What is known of a layer's output at a point of the schedule. */
interface Value {
  wide: PlanBuffer | undefined
  half: PlanBuffer | undefined
  stat: PlanBuffer | undefined
}

/** Builds a schedule: forward, the loss in the host, backward. */
class Scheduler {
  readonly plan: MemoryPlan = memoryPlan()
  readonly x: PlanBuffer
  readonly #input: PlanInput
  readonly #values: Value[]
  readonly #gradients: (PlanBuffer | undefined)[]
  readonly #masked: boolean[]

  constructor(input: PlanInput) {
    this.#input = input
    const { model, rows } = input
    this.x = this.plan.buffer(rows * model.inputs * 4)
    this.#values = model.layers.map(() => ({ wide: undefined, half: undefined, stat: undefined }))
    this.#gradients = model.layers.map(() => undefined)
    this.#masked = model.layers.map(() => false)
  }

  /** Emits the forward step of a layer, from whatever its inputs are now. */
  forward(index: number, packed?: PlanBuffer): void {
    const { model, kernels, rows, run } = this.#input
    const layer = model.layers[index]
    const { shape, inputs, definition, other } = layer
    const from = this.wide(index - 1)
    const second = other === undefined ? undefined : this.wide(other)
    const y = this.plan.buffer(rows * shape.columns * 4)
    const stat = shape.statColumns === 0 ? undefined : this.plan.buffer(rows * shape.statColumns * 4)
    const space = definition.fused.workspace(shape, inputs, rows, kernels)
    const scratch = space.scratch === 0 ? undefined : this.plan.buffer(space.scratch)
    const work = packed ?? (space.forwardPacked === 0 ? undefined : this.plan.buffer(space.forwardPacked))
    const weights = this.#weights(layer, index, packed !== undefined)
    this.plan.emit(
      `forward ${layer.name}`,
      [from, second, y, stat, scratch, work, ...weights.used],
      () =>
        definition.fused.forward(
          kernels,
          shape,
          inputs,
          {
            x: from.offset,
            other: second?.offset ?? 0,
            y: y.offset,
            stat: stat?.offset ?? 0,
            parameters: weights.offsets(),
            packed: work?.offset ?? 0,
            scratch: scratch?.offset ?? 0,
            prepacked: packed !== undefined,
          },
          run,
        ),
      { buffer: y, columns: shape.columns },
    )
    this.#values[index].wide = y
    this.#values[index].stat = stat
  }

  /** A layer's parameters as products read them: through a widened copy where weights are stored in 16 bits. */
  #weights(layer: ResolvedLayer, index: number, prepacked: boolean): { used: PlanBuffer[]; offsets: () => number[] } {
    const { kernels, places, precision } = this.#input
    const kind = halfKind(precision.weights)
    const own = places[index]
    const used: PlanBuffer[] = []
    const sources = own.map((place, i) => {
      if (place.half === 0 || prepacked) return () => place.value
      const wide = this.plan.buffer(place.size * 4)
      used.push(wide)
      this.plan.emit(`widen ${layer.name}/${layer.shape.parameters[i].name}`, [wide], () => {
        const to = wide.offset
        return () => kernels.fromHalf(kind, place.size, place.half, to)
      })
      return () => wide.offset
    })
    return { used, offsets: () => sources.map((source) => source()) }
  }

  /** A layer's output in float32: as it is, widened, or computed again. -1 is the model's input. */
  wide(index: number): PlanBuffer {
    if (index < 0) return this.x
    const value = this.#values[index]
    if (value.wide !== undefined) return value.wide
    if (value.half === undefined) this.forward(index)
    else this.#widen(index, value, value.half)
    return value.wide as unknown as PlanBuffer
  }

  #widen(index: number, value: Value, half: PlanBuffer): void {
    const { model, kernels, rows, run, precision } = this.#input
    const { name, shape } = model.layers[index]
    const wide = this.plan.buffer(rows * shape.columns * 4)
    const kind = halfKind(precision.activations)
    this.plan.emit(`widen ${name}`, [half, wide], () => {
      const from = half.offset
      const to = wide.offset
      return () => kernels.fromHalf(kind, run.rows * shape.columns, from, to)
    })
    value.wide = wide
  }

  /** Stores a layer's output in 16 bits; the float32 one is let go when the layers behind have read it. */
  narrow(index: number): void {
    const { model, kernels, rows, run, precision } = this.#input
    const { name, shape } = model.layers[index]
    const value = this.#values[index]
    const wide = value.wide
    if (wide === undefined) return
    const half = this.plan.buffer(rows * shape.columns * 2)
    const kind = halfKind(precision.activations)
    this.plan.emit(`narrow ${name}`, [wide, half], () => {
      const from = wide.offset
      const to = half.offset
      return () => {
        kernels.toHalf(kind, run.rows * shape.columns, from, to)
        // The layers behind read what backward will read.
        kernels.fromHalf(kind, run.rows * shape.columns, to, from)
      }
    })
    value.half = half
  }

  /** Lets go of what is not kept for backward. */
  forget(index: number): void {
    const value = this.#values[index]
    value.wide = undefined
    if (value.half === undefined) value.stat = undefined
  }

  gradientOf(index: number): PlanBuffer {
    const { model, rows } = this.#input
    const buffer = this.#gradients[index] ?? this.plan.buffer(rows * model.layers[index].shape.columns * 4)
    this.#gradients[index] = buffer
    return buffer
  }

  /** Where a layer's step is to write the gradient of its input: in place the first time, to be added after that. */
  #target(index: number): { readonly buffer: PlanBuffer | undefined; readonly add: () => void } {
    if (index < 0) return { buffer: undefined, add: () => {} }
    if (this.#gradients[index] === undefined) return { buffer: this.gradientOf(index), add: () => {} }
    const { model, kernels, rows, run } = this.#input
    const columns = model.layers[index].shape.columns
    const sum = this.gradientOf(index)
    const extra = this.plan.buffer(rows * columns * 4)
    const add = (): void =>
      this.plan.emit(`add gradients of ${model.layers[index].name}`, [sum, extra], () => {
        const from = extra.offset
        const to = sum.offset
        return () => kernels.axpy(run.rows * columns, 1, from, to)
      })
    return { buffer: extra, add }
  }

  /** How many layers read a layer's output. */
  #readers(index: number): number {
    const { layers } = this.#input.model
    return (index + 1 < layers.length ? 1 : 0) + layers.filter((layer) => layer.other === index).length
  }

  backward(index: number): void {
    const { model, kernels, rows, run, places } = this.#input
    const layer = model.layers[index]
    const { shape, inputs, definition, other } = layer
    const dy = this.#gradients[index]
    if (dy === undefined) return
    const { needs } = shape
    const y = needs.output ? this.wide(index) : undefined
    // Statistics come with the output, so a layer that has them is run again for them too.
    if (shape.statColumns > 0 && this.#values[index].stat === undefined) this.forward(index)
    const stat = this.#values[index].stat
    const maskInput = layer.definition.type === 'dense' && this.#maskable(index - 1)
    const x = needs.input || maskInput ? this.wide(index - 1) : undefined
    const first = this.#target(index - 1)
    const second = other === undefined ? undefined : this.#target(other)
    const weights = this.#weights(layer, index, false)
    const space = definition.fused.workspace(shape, inputs, rows, kernels)
    const scratch = space.scratch === 0 ? undefined : this.plan.buffer(space.scratch)
    const work = space.backwardPacked === 0 ? undefined : this.plan.buffer(space.backwardPacked)
    const masked = this.#masked[index]
    if (maskInput) this.#masked[index - 1] = true
    const uses = [x, y, stat, dy, first.buffer, second?.buffer, scratch, work, ...weights.used]
    this.plan.emit(
      `backward ${layer.name}`,
      uses,
      () =>
        definition.fused.backward(
          kernels,
          shape,
          inputs,
          {
            x: x?.offset ?? 0,
            other: 0,
            y: y?.offset ?? 0,
            stat: stat?.offset ?? 0,
            dy: dy.offset,
            dx: first.buffer?.offset ?? 0,
            dother: second?.buffer?.offset ?? 0,
            parameters: weights.offsets(),
            gradients: places[index].map((place) => place.gradient),
            packed: work?.offset ?? 0,
            scratch: scratch?.offset ?? 0,
            masked,
            maskInput,
          },
          run,
        ),
      first.buffer === undefined ? undefined : { buffer: first.buffer, columns: inputs },
    )
    first.add()
    second?.add()
    this.#values[index].wide = undefined
  }

  /** Goes back through the layers behind `from` up to `to`, keeping one output a halving. `from` is there. */
  backwardRange(from: number, to: number): void {
    if (to - from <= 1) {
      if (to > from) this.backward(to)
      return
    }
    const middle = halve(from, to)
    if (this.#values[middle].wide === undefined && this.#values[middle].half === undefined)
      for (let index = from + 1; index <= middle; index++) {
        if (this.#values[index].wide === undefined) this.forward(index)
        if (index > from + 1) this.forget(index - 1)
      }
    this.backwardRange(middle, to)
    this.backwardRange(from, middle)
  }

  /** Whether the layer behind may apply a layer's relu slope: it is relu, and nobody else reads it. */
  #maskable(index: number): boolean {
    return index >= 0 && this.#input.model.layers[index].shape.relu === true && this.#readers(index) === 1
  }

  /** Bytes that lie between forward and backward, and the same in float32. */
  kept(): { readonly kept: number; readonly keptWide: number } {
    const { model, rows, checkpoint } = this.#input
    let kept = 0
    let keptWide = 0
    this.#values.forEach((value, index) => {
      const wide = rows * model.layers[index].shape.columns * 4
      if (value.half !== undefined) kept += wide / 2
      else if (value.wide !== undefined && (checkpoint !== 'all' || isNeeded(model, index))) kept += wide
      else return
      keptWide += wide
    })
    return { kept, keptWide }
  }
}

/** A plan that computes predictions, reading packed weights that are kept between runs. */
export function inferencePlan(input: PlanInput, packed: readonly (PlanBuffer | undefined)[]): ModelPlan {
  const scheduler = new Scheduler(input)
  const { layers } = input.model
  layers.forEach((_, index) => {
    scheduler.forward(index, packed[index])
  })
  const prediction = scheduler.wide(layers.length - 1)
  scheduler.plan.emit('read the prediction', [prediction, scheduler.x], () => () => {})
  return { plan: scheduler.plan, x: scheduler.x, prediction, dPrediction: undefined, kept: 0, keptWide: 0 }
}

/** Where a range of layers is halved: `from` is the layer whose output is there, `to` the last one to go back through. */
const halve = (from: number, to: number): number => from + Math.ceil((to - from) / 2)

/** The layers whose outputs are kept for backward. */
function checkpoints({ layers }: ResolvedModel, policy: PlanInput['checkpoint']): ReadonlySet<number> {
  const last = layers.length - 1
  if (policy === 'all') return new Set(layers.keys())
  const kept = new Set<number>([last])
  if (policy === 'recursive') for (let at = -1; last - at > 1; kept.add(at)) at = halve(at, last)
  else for (let at = policy - 1; at < last; at += policy) kept.add(at)
  return kept
}

/** Whether backward reads a layer's output: its own, or a layer behind it. */
function isNeeded(model: ResolvedModel, index: number): boolean {
  const { layers } = model
  const behind = layers[index + 1]
  return layers[index].shape.needs.output || behind?.shape.needs.input === true
}

/**
 * A plan for one training step: forward, the loss (a step of the host), backward.
 *
 * Outputs that backward needs are kept in float32, in 16 bits, or computed again from the last checkpoint, as policy
 * and `checkpoint` say. What nobody needs is let go at once.
 *
 * @see Chen, Xu, Zhang, Guestrin (2016), "Training deep nets with sublinear memory cost".
 */
export function trainingPlan(input: PlanInput, loss: Step): ModelPlan {
  const scheduler = new Scheduler(input)
  const { model, precision, checkpoint } = input
  const narrow = precision.activations !== undefined && precision.activations !== 'float32'
  const last = model.layers.length - 1
  const kept = checkpoints(model, checkpoint)
  for (let index = 0; index <= last; index++) {
    scheduler.forward(index)
    if (narrow && kept.has(index) && index < last && isNeeded(model, index)) scheduler.narrow(index)
  }
  const prediction = scheduler.wide(last)
  for (let index = 0; index < last; index++)
    if (!kept.has(index) || (narrow && isNeeded(model, index))) scheduler.forget(index)
  const sizes = scheduler.kept()
  const dPrediction = scheduler.gradientOf(last)
  scheduler.plan.emit('loss', [prediction, dPrediction], () => loss)
  if (checkpoint === 'recursive') scheduler.backwardRange(-1, last)
  else for (let index = last; index >= 0; index--) scheduler.backward(index)
  // The input is written before the first step, and may be read again by the last.
  scheduler.plan.pin(scheduler.x)
  return { plan: scheduler.plan, x: scheduler.x, prediction, dPrediction, ...sizes }
}
