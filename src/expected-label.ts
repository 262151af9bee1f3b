import { TradewrightError } from '@tradewright/core'

/**
 * What a model's outputs expect of the label: the number itself; of classes, the mean of what they stand for, weighted
 * by their probabilities. Of 0 and 1 that is the probability of 1; of -1, 0 and 1 the chance up less the chance down.
 *
 * @param outputs shape [rows * outputs a row], as `Model.predict` gives them.
 * @throws TradewrightError `BAD_SHAPE` for outputs that do not fit the classes.
 */
export function expectedLabels(
  outputs: Float32Array,
  rows: number,
  classes: readonly number[] | undefined,
): Float64Array {
  const width = outputs.length / rows
  const wanted = classes === undefined ? [1] : classes.length === 2 ? [1, 2] : [classes.length]
  if (!wanted.includes(width))
    throw new TradewrightError(
      'BAD_SHAPE',
      `a model of ${classes === undefined ? 'a number' : `${classes.length} classes`} must give ${wanted.join(' or ')} outputs a row, gave ${width}`,
      { outputs: width, classes },
    )
  if (classes === undefined) return Float64Array.from(outputs)
  if (width === 1) return Float64Array.from(outputs, (p) => classes[0] + p * (classes[1] - classes[0]))
  const out = new Float64Array(rows)
  for (let i = 0; i < rows; i++) {
    let sum = 0
    for (let c = 0; c < width; c++) sum += outputs[i * width + c] * classes[c]
    out[i] = sum
  }
  return out
}

/** Mean loss of a model's outputs, weighted: log loss of classes (natural logarithm), squared error of numbers. */
export function meanLoss(
  outputs: Float32Array,
  y: Float32Array,
  weight: Float32Array,
  classes: readonly number[] | undefined,
): number {
  const rows = y.length
  const width = outputs.length / rows
  let sum = 0
  let total = 0
  for (let i = 0; i < rows; i++) {
    let loss: number
    if (classes === undefined) loss = (outputs[i] - y[i]) ** 2
    else {
      const p = width === 1 ? (y[i] === 1 ? outputs[i] : 1 - outputs[i]) : outputs[i * width + y[i]]
      loss = -Math.log(Math.max(1e-15, p)) // as scikit-learn clips: a certain mistake must not cost infinitely
    }
    sum += weight[i] * loss
    total += weight[i]
  }
  return total === 0 ? Number.NaN : sum / total
}
