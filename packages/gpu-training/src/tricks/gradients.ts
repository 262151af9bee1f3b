import { TradewrightError } from '@tradewright/core'
import { checkCount, checkRange } from '../check-range.ts'
import { viewRows } from '../slice-batch.ts'
import type { Trick } from '../trick.ts'

/**
 * One update from several batches: the same as one batch of all their rows, in the memory of one.
 *
 * Gradients are those of the weighted sum of the losses, divided by the sum of all weights, so batches of different
 * sizes are put together exactly. A loss that is no mean of rows (sharpe) is refused.
 *
 * @param steps batches an update, >= 1.
 */
export function gradientAccumulation(steps: number): Trick {
  checkCount('steps', steps, 1)
  return {
    name: 'gradientAccumulation',
    accumulate: steps,
    check({ loss }) {
      if (!loss.additive && steps > 1)
        throw new TradewrightError(
          'BAD_OPTION',
          `trick 'gradientAccumulation' and loss '${loss.name}' cannot be together: the loss is a property of the whole batch`,
          { loss: loss.name },
        )
    },
  }
}

/** Keeps every number of the gradients within +-limit. */
export function clipValue(limit: number): Trick {
  checkRange('limit', limit, Number.MIN_VALUE, Number.POSITIVE_INFINITY)
  return {
    name: 'clipValue',
    order: 10,
    gradients({ model }) {
      for (const gradient of model.gradientsOf.values())
        for (let i = 0; i < gradient.length; i++) {
          if (gradient[i] > limit) gradient[i] = limit
          else if (gradient[i] < -limit) gradient[i] = -limit
        }
      return undefined
    },
  }
}

/** Shortens the gradients, all together, to a norm of at most `most`. @see Pascanu, Mikolov, Bengio (2013), ICML, algorithm 1. */
export function clipNorm(most: number): Trick {
  checkRange('most', most, Number.MIN_VALUE, Number.POSITIVE_INFINITY)
  let clipped = 0
  let last = 0
  return {
    name: 'clipNorm',
    order: 20,
    gradients({ model }) {
      let squares = 0
      for (const gradient of model.gradientsOf.values()) squares += model.ops.sumSquares(gradient)
      last = Math.sqrt(squares)
      if (!(last > most)) return undefined
      clipped++
      for (const gradient of model.gradientsOf.values()) model.ops.scale(gradient, most / last)
      return undefined
    },
    stats: () => ({ clipped, lastNorm: last }),
  }
}

/** Options of {@link dynamicLossScaling}. */
export interface LossScalingOptions {
  /** @default 65536 */
  readonly initial?: number | undefined
  /** By which the scale falls at an overflow and grows after `interval` steps without. @default 2 */
  readonly factor?: number | undefined
  /** @default 2000 */
  readonly interval?: number | undefined
}

/**
 * Multiplies the loss before backward and divides the gradients after it, and skips an update whose gradients are not
 * finite. In this engine gradients are float32, so nothing is gained by it but the skipping: it is for backends and
 * layers that compute in 16 bits.
 *
 * @see Micikevicius et al. (2018), "Mixed precision training", ICLR, section 3.2.
 */
export function dynamicLossScaling({ initial = 65536, factor = 2, interval = 2000 }: LossScalingOptions = {}): Trick {
  checkRange('initial', initial, 1, 2 ** 40)
  checkRange('factor', factor, 1, 1024)
  checkCount('interval', interval, 1)
  let scale = initial
  let good = 0
  let skipped = 0
  return {
    name: 'dynamicLossScaling',
    order: -20,
    lossScale: () => scale,
    gradients({ model }) {
      let squares = 0
      for (const gradient of model.gradientsOf.values()) squares += model.ops.sumSquares(gradient)
      if (!Number.isFinite(squares)) {
        scale = Math.max(1, scale / factor)
        good = 0
        skipped++
        return 'skip'
      }
      for (const gradient of model.gradientsOf.values()) model.ops.scale(gradient, 1 / scale)
      if (++good === interval) {
        good = 0
        scale *= factor
      }
      return undefined
    },
    save: () => ({ scale, good, skipped }),
    restore(data) {
      const found = data as { readonly scale: number; readonly good: number; readonly skipped: number }
      scale = found.scale
      good = found.good
      skipped = found.skipped
    },
    stats: () => ({ scale, skipped }),
  }
}

/** Stops at the first gradient that is not finite, with the name of the op that it came from. */
export function anomalyDetection(): Trick {
  let check: (() => string | undefined) | undefined
  return {
    name: 'anomalyDetection',
    order: -30,
    conflicts: { dynamicLossScaling: 'an overflow is an anomaly to the one, and expected by the other' },
    batch(batch, run) {
      check = () => {
        const { model, step } = run
        for (let from = 0; from < batch.rows; from += model.batch) {
          const op = model.diagnose(viewRows(batch, from, Math.min(model.batch, batch.rows - from)), step)
          if (op !== undefined) return op
        }
        return undefined
      }
      return batch
    },
    gradients({ model, step, epoch }) {
      for (const [name, gradient] of model.gradientsOf) {
        if (Number.isFinite(model.ops.sumSquares(gradient))) continue
        const op = check?.() ?? `gradient of ${name}`
        throw new TradewrightError(
          'TRIAL_FAILED',
          `gradients must be finite, that of '${name}' was not at step ${step + 1} (epoch ${epoch}); first not finite: ${op}`,
          { step: step + 1, epoch, parameter: name, op },
        )
      }
      return undefined
    },
  }
}

/**
 * Computes the outputs between checkpoints again in backward instead of keeping them. Gradients stay the same to the
 * last bit.
 *
 * @param checkpoint every n-th layer's output is kept, or 'recursive' halving. @default 'recursive'
 */
export function gradientCheckpointing(checkpoint: number | 'recursive' = 'recursive'): Trick {
  return { name: 'gradientCheckpointing', compile: (options) => ({ ...options, checkpoint }) }
}
