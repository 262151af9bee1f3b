import { TradewrightError } from '@tradewright/core'
import type { RandomStream } from './random-stream.ts'
import type { BoundBatch, ReplayView } from './replay-view.ts'

/** How many of the drawn elements a budget pays for, at least one. @throws TradewrightError `BAD_OPTION`. */
export function countWithin(
  view: ReplayView,
  drawn: BoundBatch,
  { max, budget, by }: { readonly max: number; readonly budget: number; readonly by: string },
): number {
  let used = 0
  for (let count = 0; count < max; count++) {
    const slot = drawn.indices[count]
    const cost = by === 'mass' ? view.sampler.probability(slot) : view.read(by, slot)
    if (!(cost > 0) || !Number.isFinite(cost))
      throw new TradewrightError('BAD_OPTION', `a cost must be positive, was ${cost}`, { by, slot })
    used += cost
    if (used > budget && count > 0) return count
  }
  return max
}

/** Puts drawn elements in random order: samplers draw in the order of their strata, and a part of that is none. */
export function shuffleDrawn(random: RandomStream, count: number, { indices, weights }: BoundBatch): void {
  const uniforms = new Float64Array(count)
  random.fill(uniforms, count)
  for (let k = count - 1; k > 0; k--) {
    const j = Math.floor(uniforms[k] * (k + 1))
    const index = indices[k]
    const weight = weights[k]
    indices[k] = indices[j]
    weights[k] = weights[j]
    indices[j] = index
    weights[j] = weight
  }
}
