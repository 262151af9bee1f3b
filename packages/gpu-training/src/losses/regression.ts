import { TradewrightError } from '@tradewright/core'
import type { Loss } from '../loss.ts'
import { checkAbove, differenceLoss } from './row-loss.ts'

/** Mean of (prediction - target)^2. */
export function meanSquaredError(): Loss {
  return differenceLoss(
    'meanSquaredError',
    (d) => d * d,
    (d) => 2 * d,
  )
}

/**
 * Huber: d^2 / 2 within delta, delta * (|d| - delta / 2) beyond.
 *
 * @param delta above 0. @default 1
 * @see Huber (1964), Annals of Mathematical Statistics 35.
 */
export function huber(delta: number = 1): Loss {
  checkAbove('delta', delta, 0)
  return differenceLoss(
    'huber',
    (d) => (Math.abs(d) <= delta ? 0.5 * d * d : delta * (Math.abs(d) - 0.5 * delta)),
    (d) => Math.max(-delta, Math.min(delta, d)),
  )
}

/**
 * Pinball loss, whose minimum is a quantile: with u = target - prediction, q u for u >= 0 and (q - 1) u below.
 *
 * @param q 0 to 1, both excluded.
 * @see Koenker, Bassett (1978), Econometrica 46.
 */
export function quantile(q: number): Loss {
  if (!(q > 0 && q < 1)) throw new TradewrightError('BAD_OPTION', `q must lie between 0 and 1, was ${q}`, { q })
  return differenceLoss(
    'quantile',
    (d) => (d <= 0 ? -q * d : (1 - q) * d),
    (d) => (d < 0 ? -q : d > 0 ? 1 - q : 0),
  )
}
