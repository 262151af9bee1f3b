import type { Loss, LossSum, LossTotal } from './loss.ts'
import type { ModelParameter, ModelSpec } from './model-spec.ts'
import type { VectorOps } from './vector-ops.ts'

/** Arrays by name. */
export type Tensors = ReadonlyMap<string, Float32Array>

/** Rows to learn from or to be judged by. */
export interface Batch {
  readonly rows: number
  /** shape [rows * inputs], row-major. Read only. */
  readonly x: Float32Array
  /** shape [rows * targets]. Read only. */
  readonly y: Float32Array
  /** shape [rows], not negative. Read only. */
  readonly weight?: Float32Array | undefined
}

/** How numbers are stored; everything is computed in float32. */
export type StorageType = 'float32' | 'bfloat16' | 'float16'

/** Where a model is to store less than float32. */
export interface PrecisionPolicy {
  /** Outputs of layers that backward needs. @default 'float32' */
  readonly activations?: StorageType | undefined
  /** The copy of the weights that products read; the master copy that rules update stays float32. @default 'float32' */
  readonly weights?: StorageType | undefined
}

/** How a model is made ready to run. */
export interface CompileOptions {
  /** Rows a batch at most. */
  readonly batch: number
  readonly loss: Loss
  readonly seed?: number | undefined
  /** Arrays of the parameters' size that the update rule and others will ask for. @default 0 */
  readonly slots?: number | undefined
  /** Arrays of the largest parameter's size that will be asked for. @default 0 */
  readonly scratchSlots?: number | undefined
  readonly precision?: PrecisionPolicy | undefined
  /**
   * Which outputs are kept from forward to backward, the others being computed again: 'all', every n-th, or by
   * recursive halving ('recursive': least memory, about log2(layers) / 2 more forward passes). @default 'all'
   */
  readonly checkpoint?: 'all' | 'recursive' | number | undefined
}

/** How a batch is run. */
export interface GradientOptions {
  /** Number of the step, for dropout's masks. */
  readonly step: number
  /** Adds to the gradients that are there instead of overwriting them. */
  readonly accumulate: boolean
  /** Factor on the gradients: loss scaling. @default 1 */
  readonly scale?: number | undefined
  /** Number of the batch's first row among those of the step, a multiple of 8: dropout's masks go on from there. @default 0 */
  readonly first?: number | undefined
}

/** What a compiled model holds, in bytes. */
export interface ModelMemory {
  readonly parameters: number
  readonly gradients: number
  /** Peak of everything that lives within a training step: outputs, their gradients, workspaces. */
  readonly activations: number
  /** Sum of what is kept from forward to backward. */
  readonly kept: number
  /** What the kept outputs and the weights' 16-bit copy would take more in float32; copies beside a master count against it. */
  readonly saved: number
  readonly total: number
}

/** Time in parts, in ms, since the last reset. */
export interface StepTimes {
  readonly forward: number
  readonly loss: number
  readonly backward: number
}

/** A model on a backend. */
export interface CompiledModel {
  readonly backend: string
  readonly inputs: number
  readonly outputs: number
  /** Rows a call of `gradients` or `evaluate` takes at most. */
  readonly batch: number
  readonly parameters: readonly ModelParameter[]
  /** Parameters by name: the master copies. Write to them, then call `commit`. */
  readonly values: Tensors
  /** Gradients of the sum of the loss by name, of the last `gradients`. */
  readonly gradientsOf: Tensors
  readonly ops: VectorOps
  /** An array for a rule's state, zero: in the backend's own memory where slots were reserved. */
  allocate(size: number): Float32Array
  /**
   * Runs forward, loss and backward. Gradients are those of the loss's sum (times scale), not of its mean.
   *
   * @param out caller-owned, overwritten and returned where it is given: then the fused engine allocates nothing.
   */
  gradients(batch: Batch, options: GradientOptions, out?: LossTotal): LossSum
  /** Loss without dropout, nothing changed. */
  evaluate(batch: Batch): LossSum
  /** @param out shape [rows * outputs], caller-owned, fully overwritten. */
  predict(x: Float32Array, rows: number, out: Float32Array): Float32Array
  /** Runs a batch and names the first op whose result is not finite; undefined where every one is. */
  diagnose(batch: Batch, step: number): string | undefined
  /** Makes changes of `values` count. */
  commit(): void
  memory(): ModelMemory
  times(reset?: boolean): StepTimes
  /** What the precision policy really did. */
  precisionReport(): string
  dispose(): void
}

/** An engine that trains. */
export interface TrainingBackend {
  readonly name: string
  /** @throws TradewrightError `BAD_OPTION`, `BAD_SHAPE`, `UNKNOWN_NAME`, `NOT_AVAILABLE`, `OUT_OF_MEMORY`. */
  compile(model: ModelSpec, options: CompileOptions): CompiledModel
}
