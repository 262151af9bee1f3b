import { type Data, TradewrightError } from '@tradewright/core'
import { checkInteger, checkNumber } from '../dtype.ts'
import type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost } from '../sampler.ts'

/** Options of {@link emphasizeRecent}. */
export interface EmphasizeRecentOptions {
  /** How fast the range shrinks; 1 is uniform. From 0.9 to 1. @default 0.996 */
  readonly eta?: number
  /** The range never shrinks below as many newest rows. An integer from 1. @default 5000 */
  readonly minRows?: number
}

class BoundEmphasizeRecent implements BoundSampler {
  readonly #host: SamplerHost
  readonly #eta: number
  readonly #minRows: number
  readonly #pair = new Float64Array(2)

  constructor(host: SamplerHost, eta: number, minRows: number) {
    this.#host = host
    this.#eta = eta
    this.#minRows = minRows
  }

  enable(): void {}
  disable(): void {}

  /** c_k of the paper: newest rows of all streams together that update `index` of `of` draws from. */
  #range(request: DrawRequest): number {
    const { index } = this.#host
    let rows = 0
    for (let lane = 0; lane < index.lanes; lane++) rows += index.added(lane) - index.oldest(lane)
    if (request.update === undefined) return rows
    const { index: k, of } = request.update
    if (!(of >= 1) || !(k >= 0 && k <= of))
      throw new TradewrightError('BAD_OPTION', `update must be 0 to ${of} of ${of}, was ${k}`, { index: k, of })
    return Math.min(rows, Math.max(rows * this.#eta ** ((k * 1000) / of), this.#minRows))
  }

  draw(request: DrawRequest, indices: Int32Array, weights: Float32Array): void {
    const { count } = request
    const { index, drawable, random } = this.#host
    let range = this.#range(request) / index.lanes
    weights.fill(1, 0, count)
    let tries = 0
    for (let k = 0; k < count; ) {
      // Nothing to draw among the newest rows, as when an episode has just begun: look further back.
      if (++tries > 1000 + 100 * count) {
        range *= 2
        tries = 0
      }
      random.fill(this.#pair, 2)
      const lane = Math.floor(this.#pair[0] * index.lanes)
      const rows = Math.min(Math.ceil(range), index.added(lane) - index.oldest(lane))
      if (rows === 0) continue
      const slot = index.slotAt(lane, index.added(lane) - 1 - Math.floor(this.#pair[1] * rows))
      if (drawable[slot] === 1) indices[k++] = slot
    }
  }

  /** That of a draw over the whole buffer. */
  probability(): number {
    return 1 / this.#host.count
  }

  save(): Data {
    return null
  }

  restore(): void {}
}

/**
 * Emphasizing recent experience: update k of K draws evenly from the newest max(N eta^(1000 k / K), minRows) rows.
 * `sample` is told by `update: { index: k, of: K }`; without it the whole buffer is drawn from.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Wang and Ross (2019), "Boosting soft actor-critic: emphasizing recent experience without forgetting the past",
 *   equation 1.
 */
export function emphasizeRecent(options: EmphasizeRecentOptions = {}): ReplaySampler {
  const { eta = 0.996, minRows = 5000 } = options
  checkNumber('eta', eta, 0.9, 1)
  checkInteger('minRows', minRows, 1)
  return Object.freeze({
    name: 'emphasize-recent',
    bind: (host: SamplerHost) => new BoundEmphasizeRecent(host, eta, minRows),
  })
}
