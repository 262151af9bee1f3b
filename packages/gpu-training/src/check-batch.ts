import { TradewrightError } from '@tradewright/core'
import type { Batch, CompileOptions } from './backend.ts'
import type { ResolvedModel } from './model-spec.ts'

const STORAGE = ['float32', 'bfloat16', 'float16']

/** Checks what every backend's compile takes. */
export function checkCompileOptions({
  batch,
  seed = 0,
  slots = 0,
  precision = {},
  checkpoint = 'all',
}: CompileOptions): void {
  for (const [name, value, least] of [
    ['batch', batch, 1],
    ['seed', seed, 0],
    ['slots', slots, 0],
    ['checkpoint', typeof checkpoint === 'number' ? checkpoint : 1, 1],
  ] as const)
    if (!(Number.isSafeInteger(value) && value >= least))
      throw new TradewrightError('BAD_OPTION', `${name} must be an integer >= ${least}, was ${value}`, {
        [name]: value,
      })
  if (typeof checkpoint === 'string' && checkpoint !== 'all' && checkpoint !== 'recursive')
    throw new TradewrightError('BAD_OPTION', `checkpoint must be 'all', 'recursive' or a number, was '${checkpoint}'`)
  for (const [name, type = 'float32'] of Object.entries(precision))
    if (!STORAGE.includes(type))
      throw new TradewrightError('BAD_OPTION', `precision.${name} must be one of ${STORAGE.join(', ')}, was '${type}'`)
}

/** Checks the number of a batch's first row. */
export function checkFirst(first: number): void {
  if (!(Number.isInteger(first) && first >= 0 && first % 8 === 0))
    throw new TradewrightError('BAD_OPTION', `first must be a multiple of 8, was ${first}`, { first })
}

/** An array's dtype as users say it. */
export function dtypeOf(values: unknown): string {
  if (values instanceof Float32Array) return 'float32'
  const name = (Object.prototype.toString.call(values) as string).slice(8, -1)
  return /^(Float|Int|Uint)\d+/.test(name) ? name.replace('Array', '').toLowerCase() : name
}

/** Refuses anything but a Float32Array, saying what it is for, and both dtypes and shapes. */
export function checkFloats(what: string, values: unknown, shape: string): void {
  if (values instanceof Float32Array) return
  const length = (values as { readonly length?: number } | undefined)?.length ?? 0
  throw new TradewrightError(
    'BAD_SHAPE',
    `${what} must be float32 ${shape}, was ${dtypeOf(values)} of ${length} numbers; convert it with Float32Array.from`,
    { expected: 'float32', dtype: dtypeOf(values), shape, length },
  )
}

/** Checks a batch's dtypes and shapes: O(1). */
export function checkBatch(
  { rows, x, y, weight }: Batch,
  { inputs, outputs, layers }: ResolvedModel,
  most: number,
): void {
  // Texts are made only for an error: in every step they would be garbage.
  if (!(x instanceof Float32Array)) checkFloats(`the input of layer '${layers[0].name}'`, x, `[${rows}, ${inputs}]`)
  if (!(y instanceof Float32Array))
    checkFloats(
      `the target of layer '${layers[layers.length - 1].name}'`,
      y,
      `[${rows}, targets for ${outputs} outputs]`,
    )
  if (weight !== undefined && !(weight instanceof Float32Array)) checkFloats('the weight of rows', weight, `[${rows}]`)
  if (!(Number.isInteger(rows) && rows >= 1 && rows <= most))
    throw new TradewrightError('BAD_SHAPE', `a batch must have 1 to ${most} rows, was ${rows}`, { rows, most })
  if (x.length < rows * inputs)
    throw new TradewrightError(
      'BAD_SHAPE',
      `the input of layer '${layers[0].name}' must have shape [${rows}, ${inputs}], was ${x.length} numbers`,
      {
        expected: [rows, inputs],
        length: x.length,
      },
    )
  if (y.length === 0 || y.length % rows !== 0)
    throw new TradewrightError('BAD_SHAPE', `the target must have ${rows} rows, was ${y.length} numbers`, { rows })
  if (weight !== undefined && weight.length !== rows)
    throw new TradewrightError('BAD_SHAPE', `weight must have ${rows} numbers, was ${weight.length}`, { rows })
}

/** Checks what predictions are made from. */
export function checkPrediction(
  { inputs, outputs }: { readonly inputs: number; readonly outputs: number },
  x: Float32Array,
  rows: number,
  out: Float32Array,
): void {
  if (!(x instanceof Float32Array)) checkFloats('the input of predict', x, `[rows, ${inputs}]`)
  if (!(Number.isInteger(rows) && x.length === rows * inputs && out.length === rows * outputs))
    throw new TradewrightError(
      'BAD_SHAPE',
      `predict takes [${rows}, ${inputs}] into [${rows}, ${outputs}], was ${x.length} and ${out.length} numbers`,
      { rows, inputs, outputs },
    )
}
