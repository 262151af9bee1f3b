import { createRng } from '@tradewright/core'
import type { Batch, CompiledModel } from '@tradewright/gpu-training'

/** A batch of normal numbers; targets are normal, or classes where `classes` is given. */
export function randomBatch(rows: number, inputs: number, targets: number, seed: number, classes?: number): Batch {
  const rng = createRng(seed)
  return {
    rows,
    x: Float32Array.from({ length: rows * inputs }, () => rng.normal()),
    y: Float32Array.from({ length: rows * targets }, () => (classes === undefined ? rng.normal() : rng.below(classes))),
  }
}

/**
 * The largest relative difference, over the model's parameters, between the gradient along a random direction and the
 * central difference of the loss along it.
 */
export function gradientError(model: CompiledModel, batch: Batch, epsilon: number, seed: number): number {
  const rng = createRng(seed)
  let worst = 0
  for (const [name, values] of model.values) {
    const direction = values.map(() => rng.normal())
    const before = values.slice()
    const lossAt = (t: number): number => {
      for (let i = 0; i < values.length; i++) values[i] = before[i] + t * direction[i]
      model.commit()
      return model.gradients(batch, { step: 5, accumulate: false }).sum
    }
    const numeric = (lossAt(epsilon) - lossAt(-epsilon)) / (2 * epsilon)
    lossAt(0)
    const gradient = model.gradientsOf.get(name) as Float32Array
    let analytic = 0
    let size = 0
    for (let i = 0; i < gradient.length; i++) {
      analytic += gradient[i] * direction[i]
      size += gradient[i] * gradient[i]
    }
    const error = Math.abs(analytic - numeric) / Math.max(Math.sqrt(size), 1e-2)
    worst = Math.max(worst, error)
  }
  return worst
}
