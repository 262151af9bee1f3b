import { TradewrightError } from '@tradewright/core'
import {
  arrayConstructor,
  type ColumnArray,
  checkDtype,
  checkInteger,
  type Dtype,
  integerRange,
  type TypedArrayByDtype,
} from './dtype.ts'

/** How a float column is stored in fewer bits; it is delivered in its `dtype` again. Lossy: see each form. */
export type Pack =
  /** IEEE half precision: 11 significant bits, range ±65504 (beyond it: ±Infinity, refused). */
  | { readonly dtype: 'float16' }
  /** `round((x - offset) / scale)`, refused outside the integer range. The error is at most `scale / 2`. */
  | {
      readonly dtype: 'uint8' | 'int8' | 'int16' | 'uint16'
      readonly scale: number
      /** @default 0 */
      readonly offset?: number
    }

/** A column whose values are stored in the buffer. */
export interface ColumnSpec {
  /** Element type as added and as sampled. */
  readonly dtype: Dtype
  /** Dimensions of one value; `[]` is a number. @default [] */
  readonly shape?: readonly number[]
  /** Stored form, for float columns. @default the dtype itself */
  readonly pack?: Pack
}

/**
 * An observation that is a window into shared market data, plus the agent's own state. Only the time index and the
 * state are stored; the window is cut from `data` when sampled. Delivered as float32, `window * features + state`
 * numbers: the bars from `time - window + 1` to `time`, oldest first, then the state. Bars before the first are zeros.
 */
export interface ReferenceSpec {
  readonly dtype: 'float32'
  /** Shape [bars * features], row by row. Kept by reference, never copied and never written; may be shared memory. */
  readonly data: Float32Array
  /** Numbers a bar. */
  readonly features: number
  /** Bars a window. */
  readonly window: number
  /** Numbers of the agent's own state. @default 0 */
  readonly state?: number
}

/** The value of a {@link ReferenceSpec} column as added. */
export interface ReferenceValue {
  /** Index of the window's last bar. */
  readonly time: number
  /** The agent's own state; left out where it has none. */
  readonly state?: ArrayLike<number>
}

/** The columns of a buffer by name. `obs` is required; `reward` is float32 unless given. */
export type Columns = { readonly obs: ColumnSpec | ReferenceSpec } & Readonly<
  Record<string, ColumnSpec | ReferenceSpec>
>

/** One value of a column, as added. */
export type ColumnInput<S> = S extends ReferenceSpec
  ? ReferenceValue
  : S extends { readonly shape: readonly [number, ...number[]] }
    ? ArrayLike<number>
    : S extends { readonly shape: readonly [] }
      ? number
      : S extends { readonly shape: readonly number[] }
        ? number | ArrayLike<number>
        : number

/** Many values of a column, as added by `addBatch`: one flat array, row by row. */
export type ColumnBatchInput<S> = S extends ReferenceSpec
  ? { readonly time: ArrayLike<number>; readonly state?: ArrayLike<number> }
  : ArrayLike<number>

/** One step of an agent. `finalObs`, the observation after the last step, is required where `truncated`. */
export type Transition<C extends Columns> = { readonly [K in keyof C]: ColumnInput<C[K]> } & {
  readonly reward: C extends { readonly reward: infer S } ? ColumnInput<S> : number
  /** The episode ended in a state of no further reward. */
  readonly terminated: boolean | number
  /** The episode was cut short; the return goes on from `finalObs`. */
  readonly truncated: boolean | number
  /** Stored where either flag is set; otherwise ignored. */
  readonly finalObs?: ColumnInput<C['obs']> | undefined
}

/** Many consecutive steps: each column one flat array, row by row. `finalObs` has a row for every step. */
export type TransitionBatch<C extends Columns> = { readonly [K in keyof C]: ColumnBatchInput<C[K]> } & {
  readonly reward: ArrayLike<number>
  /** Shape [rows], 0 or 1. */
  readonly terminated: Uint8Array | readonly (boolean | number)[]
  /** Shape [rows], 0 or 1. */
  readonly truncated: Uint8Array | readonly (boolean | number)[]
  /** Read only where `truncated`. */
  readonly finalObs?: ColumnBatchInput<C['obs']> | undefined
}

type Delivered<S> = S extends { readonly dtype: infer D extends Dtype } ? TypedArrayByDtype[D] : never

/**
 * The columns of a sample. Shape of each: [batch, time (sequences only), frames (stacked columns only), ...shape].
 */
export type SampledColumns<C extends Columns> = { readonly [K in keyof C]: Delivered<C[K]> } & {
  /** The n-step return under `nStep`, otherwise the reward. */
  readonly reward: C extends { readonly reward: infer S } ? Delivered<S> : Float32Array
  /** The observation `steps` steps later; zeros after a termination without `finalObs`. */
  readonly nextObs: Delivered<C['obs']>
  /** gamma^steps; 0 where the window ends in a termination. */
  readonly discount: Float32Array
  /** Rewards in the return. */
  readonly steps: Int32Array
  /** Of the window's last step. */
  readonly terminated: Uint8Array
  /** Of the window's last step. */
  readonly truncated: Uint8Array
  /** Under `lambdaReturns`. */
  readonly lambdaReturn?: Float32Array
  /** Under `sequences` and `episodes`: 1 where the row is real, 0 where it pads. */
  readonly present?: Uint8Array
  /** Under `sequences` and `episodes`: 1 where the row is to be trained on: real and after the burn-in. */
  readonly train?: Uint8Array
}

/** Names that no user column may take. */
export const RESERVED_COLUMNS: readonly string[] = Object.freeze([
  'terminated',
  'truncated',
  'finalObs',
  'nextObs',
  'discount',
  'steps',
  'lambdaReturn',
  'present',
  'train',
])

/** Whether a column is a window into shared data. */
export function isReference(spec: ColumnSpec | ReferenceSpec): spec is ReferenceSpec {
  return 'data' in spec
}

function checkPack(name: string, dtype: Dtype, pack: Pack): void {
  checkDtype(`pack of column '${name}'`, pack.dtype, true)
  if (integerRange(dtype) !== undefined)
    throw new TradewrightError('BAD_OPTION', `pack needs a float column, '${name}' was ${dtype}`, { name, dtype })
  if (pack.dtype === 'float16') return
  if (!Number.isFinite(pack.scale) || pack.scale <= 0)
    throw new TradewrightError('BAD_OPTION', `scale of column '${name}' must be positive, was ${pack.scale}`, { name })
  if (!Number.isFinite(pack.offset ?? 0))
    throw new TradewrightError('BAD_OPTION', `offset of column '${name}' must be finite, was ${pack.offset}`, { name })
}

/** Refuses a set of columns that cannot be. @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`, `BAD_SHAPE`. */
export function checkColumns(columns: Columns): void {
  if (typeof columns !== 'object' || columns === null || columns.obs === undefined)
    throw new TradewrightError('BAD_OPTION', "columns must have 'obs', had none", {})
  for (const [name, spec] of Object.entries(columns)) {
    if (RESERVED_COLUMNS.includes(name))
      throw new TradewrightError('BAD_OPTION', `column '${name}' is made by the buffer and cannot be given`, { name })
    if (name.includes('.'))
      throw new TradewrightError('BAD_OPTION', `a column's name must have no dot, was '${name}'`, { name })
    if (typeof spec !== 'object' || spec === null)
      throw new TradewrightError('BAD_OPTION', `column '${name}' must be { dtype, shape? }, was ${String(spec)}`, {
        name,
      })
    checkDtype(`dtype of column '${name}'`, spec.dtype)
    if (isReference(spec)) {
      checkInteger(`features of column '${name}'`, spec.features, 1)
      checkInteger(`window of column '${name}'`, spec.window, 1)
      checkInteger(`state of column '${name}'`, spec.state ?? 0, 0)
      if (!(spec.data instanceof Float32Array) || spec.data.length === 0 || spec.data.length % spec.features !== 0)
        throw new TradewrightError(
          'BAD_SHAPE',
          `data of column '${name}' must be a Float32Array of whole bars of ${spec.features}, had ${spec.data?.length}`,
          { name },
        )
      continue
    }
    if (spec.shape !== undefined && !Array.isArray(spec.shape))
      throw new TradewrightError(
        'BAD_OPTION',
        `shape of column '${name}' must be a list, was ${String(spec.shape)}`,
        {},
      )
    for (const size of spec.shape ?? []) checkInteger(`shape of column '${name}'`, size, 1)
    if (spec.pack !== undefined) checkPack(name, spec.dtype, spec.pack)
  }
  const reward = columns.reward
  if (reward !== undefined && (isReference(reward) || (reward.shape ?? []).length > 0))
    throw new TradewrightError('BAD_SHAPE', 'reward must be a number a step', {})
}

/** Elements of one delivered value of a column. */
export function columnSize(spec: ColumnSpec | ReferenceSpec): number {
  if (isReference(spec)) return spec.window * spec.features + (spec.state ?? 0)
  return (spec.shape ?? []).reduce((product, size) => product * size, 1)
}

/** A new array of `length` elements of a type. */
export function newColumn(dtype: Dtype, length: number): ColumnArray {
  return new (arrayConstructor(dtype))(length)
}
