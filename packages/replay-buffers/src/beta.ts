import { TradewrightError } from '@tradewright/core'
import { checkInteger, checkNumber } from './dtype.ts'

/** An exponent of importance weights that grows with the samples drawn. */
export interface AnnealedBeta {
  readonly from: number
  readonly to: number
  readonly samples: number
}

/**
 * An exponent that goes in a straight line from `from` to `to` over `samples` samples, and stays.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Schaul et al. (2016), "Prioritized experience replay", section 3.4: 0.4 to 1 over the training.
 */
export function annealedBeta(options: {
  readonly from?: number
  readonly to?: number
  readonly samples: number
}): AnnealedBeta {
  const { from = 0.4, to = 1, samples } = options
  checkNumber('from', from, 0, 1)
  checkNumber('to', to, 0, 1)
  checkInteger('samples', samples, 1)
  return Object.freeze({ from, to, samples })
}

/** The exponent of the next sample. */
export function betaAt(beta: number | AnnealedBeta, drawn: number): number {
  if (typeof beta === 'number') return beta
  return beta.from + (beta.to - beta.from) * Math.min(1, drawn / beta.samples)
}

/** Refuses an exponent that is none. @throws TradewrightError `BAD_OPTION`. */
export function checkBeta(beta: number | AnnealedBeta): void {
  if (typeof beta === 'number') checkNumber('beta', beta, 0, 1)
  else if (typeof beta?.samples !== 'number')
    throw new TradewrightError('BAD_OPTION', 'beta must be a number from 0 to 1 or annealedBeta(...)', {})
}
