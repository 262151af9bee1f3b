import { createRng, type Rng } from '@tradewright/core'
import { expect, it } from 'vitest'
import { ExactWindow } from '../src/exact-window.ts'
import {
  createRollingSumStream,
  createSmaStream,
  createWmaStream,
  rollingStd,
  rollingSum,
  sma,
  wma,
} from '../src/index.ts'

/** More with TRADEWRIGHT_SOAK_CASES=4000: about two minutes and nine million values. */
const CASES = Number(process.env.TRADEWRIGHT_SOAK_CASES ?? 80)

/** A column of a random kind: how many bits the values have, how far they spread, on which side of zero they lie. */
function column(rng: Rng, length: number): Float64Array {
  const bits = 1 + rng.below(53)
  const spread = 1 + rng.below(80)
  const level = 2 ** (rng.below(60) - 30)
  const kinds: readonly ((fraction: number) => number)[] = [
    (fraction) => fraction,
    (fraction) => 1 + fraction,
    (fraction) => fraction - 0.5,
    (fraction) => (fraction - 0.5) * 2 ** -rng.below(spread),
    (fraction) => (1 + fraction) * 2 ** -rng.below(spread),
    (fraction) => (rng.below(3) === 0 ? 0 : 1 + fraction * 2 ** -rng.below(40)),
  ]
  const kind = kinds[rng.below(kinds.length)]
  return Float64Array.from({ length }, () => kind(Math.floor(rng.uniform() * 2 ** bits) / 2 ** bits) * level)
}

it(`window kernels equal the exact accumulators over ${CASES} random columns`, () => {
  for (let seed = 0; seed < CASES; seed++) {
    const rng = createRng(seed, 7)
    const length = 50 + rng.below(rng.below(10) === 0 ? 6000 : 400)
    const src = column(rng, length)
    const period = 1 + rng.below(rng.below(4) === 0 ? length : 40)
    const streams = [createSmaStream(period), createRollingSumStream(period), createWmaStream(period)]
    const window = new ExactWindow(period, true)
    const expected = [0, 1, 2, 3].map(() => new Float64Array(length))
    for (let i = 0; i < length; i++) {
      streams.forEach((stream, k) => {
        expected[k][i] = stream.next(src[i])
      })
      expected[3][i] = window.push(src[i]) ? Math.sqrt(window.variance()) : NaN
    }
    const found = [sma, rollingSum, wma, rollingStd].map((kernel) => kernel(src, period))
    expect(found, `seed ${seed}, period ${period}`).toEqual(expected)
  }
})
