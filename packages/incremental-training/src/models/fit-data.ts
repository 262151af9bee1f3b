import { type FeatureMatrix, TradewrightError } from '@tradewright/core'

/** Most classes that are taken for classes, not for a mistake. */
const MOST_CLASSES = 10_000

/** Checks a matrix's own shape. @throws TradewrightError `BAD_SHAPE`. */
export function checkMatrix(X: FeatureMatrix, what: string = 'X'): void {
  const { rows, columns, data, names } = X
  if (
    !Number.isInteger(rows) ||
    rows < 0 ||
    !Number.isInteger(columns) ||
    columns < 1 ||
    data.length !== rows * columns
  )
    throw new TradewrightError(
      'BAD_SHAPE',
      `${what} must have rows * columns numbers, had ${data.length} for ${rows} rows of ${columns} columns`,
      { rows, columns, length: data.length },
    )
  if (names.length !== columns || new Set(names).size !== columns)
    throw new TradewrightError('BAD_SHAPE', `${what} must have one name of its own for each of ${columns} columns`, {
      names: names.length,
      columns,
    })
}

/**
 * Checks what a model is trained on.
 *
 * @returns the weights, all ones where none were given. A view or a new array: read only.
 * @throws TradewrightError `BAD_SHAPE` for lengths that differ; `BAD_DATA` for no rows, targets that are not finite,
 *   infinite features, weights that are negative, not finite or all 0.
 */
export function checkFitData(X: FeatureMatrix, y: Float32Array, sampleWeight: Float32Array | undefined): Float32Array {
  checkMatrix(X)
  const { rows, columns, data, names } = X
  if (y.length !== rows || (sampleWeight !== undefined && sampleWeight.length !== rows))
    throw new TradewrightError(
      'BAD_SHAPE',
      `targets and weights must be as many as rows, were ${y.length} and ${sampleWeight?.length ?? rows} for ${rows} rows`,
      { rows, targets: y.length, weights: sampleWeight?.length },
    )
  if (rows === 0) throw new TradewrightError('BAD_DATA', 'a model must have rows to be trained on, was given none')
  for (let i = 0; i < rows; i++)
    if (!Number.isFinite(y[i]))
      throw new TradewrightError('BAD_DATA', `targets must be finite, was ${y[i]} in row ${i}`, { row: i })
  for (let k = 0; k < data.length; k++)
    if (data[k] === Number.POSITIVE_INFINITY || data[k] === Number.NEGATIVE_INFINITY) {
      const column = names[k % columns]
      const row = Math.floor(k / columns)
      throw new TradewrightError(
        'BAD_DATA',
        `features must be finite or NaN, was ${data[k]} in row ${row} of '${column}'`,
        { row, column },
      )
    }
  if (sampleWeight === undefined) return new Float32Array(rows).fill(1)
  let total = 0
  for (let i = 0; i < rows; i++) {
    if (!(sampleWeight[i] >= 0) || sampleWeight[i] === Number.POSITIVE_INFINITY)
      throw new TradewrightError('BAD_DATA', `weights must be finite and >= 0, was ${sampleWeight[i]} in row ${i}`, {
        row: i,
      })
    total += sampleWeight[i]
  }
  if (total === 0) throw new TradewrightError('BAD_DATA', 'weights must not all be 0', { rows })
  return sampleWeight
}

/**
 * How many classes targets have: the highest and one, or as many as are `asked`.
 *
 * @throws TradewrightError `BAD_DATA` for targets that are no classes from 0, fewer than two classes present, more
 *   classes than rows, and a class beyond those asked.
 */
export function countClasses(y: Float32Array, asked?: number): number {
  let most = 0
  const present = new Set<number>()
  for (let i = 0; i < y.length; i++) {
    if (!Number.isInteger(y[i]) || y[i] < 0 || y[i] > MOST_CLASSES)
      throw new TradewrightError('BAD_DATA', `classes must be integers from 0, was ${y[i]} in row ${i}`, { row: i })
    most = Math.max(most, y[i])
    present.add(y[i])
  }
  const classes = asked ?? most + 1
  if (most >= classes)
    throw new TradewrightError('BAD_DATA', `classes must be below ${classes}, was ${most}`, { classes, most })
  if (present.size < 2)
    throw new TradewrightError('BAD_DATA', `targets must have two classes or more, had only ${[...present].join()}`, {
      classes: present.size,
    })
  if (classes > y.length)
    throw new TradewrightError('BAD_DATA', `classes must be fewer than rows, were ${classes} of ${y.length} rows`, {
      classes,
      rows: y.length,
    })
  return classes
}

/** Where each of a trained model's features lies in `X`. @throws TradewrightError `BAD_SHAPE` for one that is not there. */
export function columnsByName(X: FeatureMatrix, names: readonly string[]): Int32Array {
  checkMatrix(X)
  const at = new Map(X.names.map((name, index) => [name, index]))
  return Int32Array.from(names, (name) => {
    const index = at.get(name)
    if (index === undefined)
      throw new TradewrightError('BAD_SHAPE', `X must have the feature '${name}' that the model was trained on`, {
        name,
        names: X.names,
      })
    return index
  })
}

/** The caller's `out` or a new one. @throws TradewrightError `BAD_SHAPE` for another length. */
export function predictionOut(out: Float32Array | undefined, length: number): Float32Array {
  if (out === undefined) return new Float32Array(length)
  if (out.length !== length)
    throw new TradewrightError('BAD_SHAPE', `out must have ${length} slots, had ${out.length}`, {
      expected: length,
      length: out.length,
    })
  return out
}
