import { TradewrightError } from '@tradewright/core'
import type { Batch, CompileOptions } from './backend.ts'

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

/** Checks a batch's shapes: O(1). */
export function checkBatch({ rows, x, y, weight }: Batch, inputs: number, most: number): void {
  if (!(Number.isInteger(rows) && rows >= 1 && rows <= most))
    throw new TradewrightError('BAD_SHAPE', `a batch must have 1 to ${most} rows, was ${rows}`, { rows, most })
  if (x.length < rows * inputs)
    throw new TradewrightError('BAD_SHAPE', `the input must have shape [${rows}, ${inputs}], was ${x.length} numbers`, {
      expected: [rows, inputs],
      length: x.length,
    })
  if (y.length === 0 || y.length % rows !== 0)
    throw new TradewrightError('BAD_SHAPE', `the target must have ${rows} rows, was ${y.length} numbers`, { rows })
  if (weight !== undefined && weight.length !== rows)
    throw new TradewrightError('BAD_SHAPE', `weight must have ${rows} numbers, was ${weight.length}`, { rows })
}
