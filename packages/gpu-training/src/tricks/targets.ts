import { createRng, type Rng, TradewrightError } from '@tradewright/core'
import type { Batch } from '../backend.ts'
import { checkRange } from '../check-range.ts'
import type { Trick } from '../trick.ts'

const CLASSIFICATION = ['crossEntropy', 'focal']

/** A batch's classes as distributions over `outputs` classes; a batch that has them already stays. */
function soften({ rows, y }: Batch, outputs: number): Float32Array {
  if (y.length === rows * outputs) return y.slice()
  const soft = new Float32Array(rows * outputs)
  for (let i = 0; i < rows; i++) {
    if (!(y[i] >= 0 && y[i] < outputs && Math.floor(y[i]) === y[i]))
      throw new TradewrightError(
        'BAD_DATA',
        `the target must be a class from 0 to ${outputs - 1}, was ${y[i]} in row ${i}`,
      )
    soft[i * outputs + y[i]] = 1
  }
  return soft
}

/** Spreads a share of every target evenly over the classes. @see Szegedy et al. (2016), CVPR, section 7. */
export function labelSmoothing(share: number): Trick {
  checkRange('share', share, 0, 0.999)
  return {
    name: 'labelSmoothing',
    order: 5,
    check({ loss }) {
      if (!CLASSIFICATION.includes(loss.name))
        throw new TradewrightError(
          'BAD_OPTION',
          `trick 'labelSmoothing' must be with ${CLASSIFICATION.join(' or ')}, was with loss '${loss.name}'`,
        )
    },
    batch(batch, { model: { outputs } }) {
      const y = soften(batch, outputs)
      for (let i = 0; i < y.length; i++) y[i] = y[i] * (1 - share) + share / outputs
      return { ...batch, y }
    },
  }
}

/** A gamma variate of scale 1. @see Marsaglia, Tsang (2000), ACM TOMS 26; below 1 by their note on boosting. */
function gamma(shape: number, rng: Rng): number {
  if (shape < 1) return gamma(shape + 1, rng) * (1 - rng.uniform()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = rng.normal()
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - rng.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

/**
 * Trains on mixtures of two rows: x and y are lambda of one and 1 - lambda of another of the same batch, lambda drawn
 * from Beta(alpha, alpha) once a batch. Classes become distributions.
 *
 * @param alpha above 0. @default 0.2
 * @see Zhang, Cisse, Dauphin, Lopez-Paz (2018), "mixup", ICLR.
 */
export function mixup(alpha: number = 0.2): Trick {
  checkRange('alpha', alpha, Number.MIN_VALUE, 1000)
  return {
    name: 'mixup',
    check({ loss }) {
      if (!loss.additive)
        throw new TradewrightError(
          'BAD_OPTION',
          `trick 'mixup' and loss '${loss.name}' cannot be together: rows in order would be mixed`,
        )
    },
    batch(batch, { model: { inputs, outputs }, loss, seed, step }, part) {
      const rng = createRng(seed, 1_000_000_007 + step * 64 + part)
      const a = gamma(alpha, rng)
      const lambda = a / (a + gamma(alpha, rng))
      const from = CLASSIFICATION.includes(loss.name) ? soften(batch, outputs) : batch.y
      const { rows } = batch
      const targets = from.length / rows
      const x = new Float32Array(rows * inputs)
      const y = new Float32Array(rows * targets)
      // A rotation pairs every row with another, whatever the number of rows.
      const shift = rows === 1 ? 0 : 1 + rng.below(rows - 1)
      const mix = (source: Float32Array, width: number, out: Float32Array): void => {
        for (let i = 0; i < rows; i++) {
          const other = ((i + shift) % rows) * width
          for (let j = 0; j < width; j++)
            out[i * width + j] = lambda * source[i * width + j] + (1 - lambda) * source[other + j]
        }
      }
      mix(batch.x, inputs, x)
      mix(from, targets, y)
      return { ...batch, x, y }
    },
  }
}
