import { TradewrightError } from '@tradewright/core'
import { uniqueness } from './label-uniqueness.ts'

/** What a model is to predict, one a bar, and when it is known. */
export interface Labels {
  readonly rows: number
  /** shape [rows]: the class (0, 1, ...) or the number to predict; NaN where it is not known. */
  readonly y: Float32Array
  /**
   * shape [rows]: the bar at whose close the label is known, at least the row itself; -1 where it is not known yet (or
   * never will be, as on a bar without a price).
   */
  readonly knownAt: Int32Array
  /** What each class stands for, in their order, as [-1, 0, 1]; undefined where `y` is a number to predict. */
  readonly classes: readonly number[] | undefined
  /** shape [rows]: average uniqueness of the label, above 0 to 1; 0 where it is not known. */
  readonly weight: Float32Array
}

/** What {@link createLabels} takes. */
export interface LabelsInput {
  /** shape [rows]: class or number; NaN where there is none. Copied. */
  readonly y: ArrayLike<number>
  /** shape [rows]: bar at which each is known; -1 where it is not. Copied. */
  readonly knownAt: ArrayLike<number>
  readonly classes?: readonly number[] | undefined
  /** shape [rows], not negative. Copied. @default average uniqueness */
  readonly weight?: ArrayLike<number> | undefined
}

const bad = (
  code: 'BAD_DATA' | 'BAD_SHAPE' | 'BAD_OPTION',
  rule: string,
  details: Readonly<Record<string, unknown>>,
): TradewrightError => new TradewrightError(code, rule, details)

/**
 * Labels of one's own.
 *
 * @throws TradewrightError `BAD_SHAPE` (lengths differ), `BAD_DATA` (an infinite target, a class that is none of
 *   `classes`, a label known before its own bar or after the last one, a weight that is negative or no number),
 *   `BAD_OPTION` (`classes`).
 * @example
 * ```ts
 * import { createLabels } from '@tradewright/backtest'
 * const labels = createLabels({ y: [1, 0, NaN], knownAt: [1, 2, -1], classes: [0, 1] })
 * console.log(labels.weight.join(' ')) // 0.75 0.75 0
 * ```
 */
export function createLabels(input: LabelsInput): Labels {
  const { y, knownAt, classes, weight } = input
  const rows = y.length
  for (const [name, values] of Object.entries({ knownAt, weight }))
    if (values !== undefined && values.length !== rows)
      throw bad('BAD_SHAPE', `${name} must have one value a label (${rows}), had ${values.length}`, { name })
  if (classes !== undefined && (classes.length < 2 || !classes.every(Number.isFinite)))
    throw bad('BAD_OPTION', `classes must be two or more numbers, was ${classes.join(', ')}`, { classes })
  const targets = Float32Array.from(y)
  const known = new Int32Array(rows)
  for (let i = 0; i < rows; i++) {
    const value = y[i]
    const at = knownAt[i]
    if (value !== value || at === -1) {
      targets[i] = Number.NaN
      known[i] = -1
      continue
    }
    if (!Number.isFinite(targets[i])) throw bad('BAD_DATA', `targets must be finite, row ${i} has ${value}`, { row: i })
    if (classes !== undefined && !(Number.isInteger(value) && value >= 0 && value < classes.length))
      throw bad('BAD_DATA', `a class must be a whole number below ${classes.length}, row ${i} has ${value}`, { row: i })
    if (!(Number.isInteger(at) && at >= i && at < rows))
      throw bad('BAD_DATA', `label ${i} must be known at a bar from ${i} to ${rows - 1}, was ${at}`, { row: i, at })
    known[i] = at
  }
  return Object.freeze({ rows, y: targets, knownAt: known, classes, weight: weights(known, weight) })
}

function weights(known: Int32Array, given: ArrayLike<number> | undefined): Float32Array {
  if (given === undefined) return uniqueness(known)
  return Float32Array.from(given, (value, i) => {
    if (!(value >= 0 && Number.isFinite(value)))
      throw bad('BAD_DATA', `a sample weight must not be negative, row ${i} has ${value}`, { row: i })
    return known[i] < 0 ? 0 : value
  })
}
