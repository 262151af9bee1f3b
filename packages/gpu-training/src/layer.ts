import type { Kernels } from './kernels.ts'

/** How a parameter begins. Uniform draws lie within +-limit. */
export type ParameterInit = 'zeros' | 'ones' | { readonly uniform: number } | { readonly normal: number }

/** A parameter of a layer. */
export interface ParameterSpec {
  /** Unique within its layer, as in `kernel`. */
  readonly name: string
  readonly shape: readonly number[]
  readonly init: ParameterInit
  /** Whether weight decay is meant for it: not for biases and norms. */
  readonly decay: boolean
}

/** A layer as plain data: what a model is made of, saved and compared by. */
export interface LayerSpec {
  readonly type: string
  /** Unique in the model. @default its type and number, as in `dense_0` */
  readonly name?: string | undefined
  readonly options: Readonly<Record<string, number | string | boolean>>
}

/** What a layer makes of an input of so many columns. */
export interface LayerShape {
  readonly columns: number
  readonly parameters: readonly ParameterSpec[]
  /** Numbers a row that forward keeps for backward beside input and output. */
  readonly statColumns: number
  /** What backward reads. */
  readonly needs: { readonly input: boolean; readonly output: boolean }
  /** What the layer's own functions read, as numbers. */
  readonly extra?: Readonly<Record<string, number>> | undefined
  /** How many layers back the second input lies, for layers with two. */
  readonly back?: number | undefined
  /** Whether the output is relu of something, and its slope may be applied by the layer behind. */
  readonly relu?: boolean | undefined
}

/** What changes from run to run, shared by every step of a plan. */
export interface RunState {
  rows: number
  training: boolean
  /** Whether gradients are added to what is there. */
  accumulate: boolean
  /** Key of random draws, and number of the step they belong to. */
  key0: number
  key1: number
  step: number
  /** Number of the first row among those of the step: a multiple of 8. */
  first: number
}

/** Byte offsets of what a forward step reads and writes; 0 where there is none. */
export interface ForwardAt {
  readonly x: number
  readonly other: number
  readonly y: number
  readonly stat: number
  readonly parameters: readonly number[]
  readonly packed: number
  readonly scratch: number
  /** Whether `packed` already holds the packed kernel. */
  readonly prepacked: boolean
}

/** Byte offsets of what a backward step reads and writes; `dx` is 0 where it is not wanted. */
export interface BackwardAt {
  readonly x: number
  readonly other: number
  readonly y: number
  readonly stat: number
  readonly dy: number
  readonly dx: number
  readonly dother: number
  readonly parameters: readonly number[]
  readonly gradients: readonly number[]
  readonly packed: number
  readonly scratch: number
  /** Whether dy already has this layer's relu slope in it. */
  readonly masked: boolean
  /** Whether dx must get the relu slope of the layer in front, whose output is x. */
  readonly maskInput: boolean
}

/** One kernel call, or a few, with its offsets bound. */
export type Step = () => void

/** How the fused engine runs a layer. */
export interface FusedLayer {
  /** Bytes of packed matrix that forward and backward want at most, and of scratch. */
  workspace(
    shape: LayerShape,
    columns: number,
    rows: number,
    kernels: Kernels,
  ): { readonly forwardPacked: number; readonly backwardPacked: number; readonly scratch: number }
  /** Packs what forward wants packed; called once per change of the parameters by plans that keep it. */
  pack?(kernels: Kernels, shape: LayerShape, columns: number, parameters: readonly number[], packed: number): void
  forward(kernels: Kernels, shape: LayerShape, columns: number, at: ForwardAt, run: RunState): Step
  backward(kernels: Kernels, shape: LayerShape, columns: number, at: BackwardAt, run: RunState): Step
}

/** The part of TensorFlow.js that layers use, structurally, so that no type of it is needed to build. */
export interface TfTensor {
  readonly shape: readonly number[]
  dataSync(): Float32Array
  dispose(): void
}

/** TensorFlow.js as layers see it: functions by name. */
export type TfOps = Readonly<Record<string, (...args: readonly unknown[]) => TfTensor>>

/** How a layer is written in TensorFlow.js. */
export interface TfContext {
  readonly tf: TfOps
  readonly training: boolean
  /** A dropout mask of 0 and 1 / keep for `count` numbers, the same as the fused engine's. */
  readonly mask: (count: number, rate: number, layer: string) => Float32Array
  /** A product of matrices whose gradients are fast on this backend. */
  readonly matMul: (a: TfTensor, b: TfTensor) => TfTensor
}

/** A kind of layer: register it with `defineLayer`, and models may use it on every backend. */
export interface LayerDefinition {
  readonly type: string
  /** Checks the options and says what comes out. @throws TradewrightError `BAD_OPTION`, `BAD_SHAPE`. */
  shape(options: LayerSpec['options'], columns: number, name: string): LayerShape
  readonly fused: FusedLayer
  tf(context: TfContext, spec: LayerSpec, x: TfTensor, parameters: readonly TfTensor[], other?: TfTensor): TfTensor
}
