import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { walkForwardSlices } from '../src/index.ts'

const base = { symbol: 'X', data: 'f' }
const brief = (folds: ReturnType<typeof walkForwardSlices>): readonly (readonly number[])[] =>
  folds.map(({ train, test }) => [train.start, train.end, test.start, test.end])

describe('walkForwardSlices', () => {
  it('rolls', () => {
    expect(brief(walkForwardSlices({ ...base, end: 100, train: 40, test: 20 }))).toEqual([
      [0, 40, 40, 60],
      [20, 60, 60, 80],
      [40, 80, 80, 100],
    ])
  })
  it('is anchored', () => {
    expect(brief(walkForwardSlices({ ...base, start: 10, end: 100, train: 40, test: 20, mode: 'anchored' }))).toEqual([
      [10, 50, 50, 70],
      [10, 70, 70, 90],
    ])
  })
  it('purges, steps and warms up', () => {
    const folds = walkForwardSlices({ ...base, end: 100, train: 40, test: 20, purge: 5, step: 30, warmup: 10 })
    expect(brief(folds)).toEqual([
      [0, 40, 45, 65],
      [30, 70, 75, 95],
    ])
    expect(folds.map(({ train, test }) => [train.warmupStart, test.warmupStart])).toEqual([
      [0, 35],
      [20, 65],
    ])
    expect(folds[1].test).toMatchObject({ id: 'X/test-1', fold: '1', symbol: 'X', data: 'f', weight: 1, final: true })
  })
  it('never tests on what it trained on, nor past the end', () => {
    const length = fc.integer({ min: 1, max: 50 })
    fc.assert(
      fc.property(
        length,
        length,
        length,
        fc.nat(20),
        fc.constantFrom('rolling', 'anchored'),
        (train, test, step, purge, mode) => {
          const end = 200
          for (const fold of walkForwardSlices({ ...base, end, train, test, step, purge, mode })) {
            expect(fold.train.end + purge).toBe(fold.test.start)
            expect(fold.test.end - fold.test.start).toBe(test)
            expect(fold.test.end).toBeLessThanOrEqual(end)
            expect(fold.train.end - fold.train.start).toBe(mode === 'rolling' ? train : train + fold.fold * step)
          }
        },
      ),
    )
  })
  it('refuses what cannot be', () => {
    expect(() => walkForwardSlices({ ...base, end: 59, train: 40, test: 20 })).toThrow(
      /BAD_OPTION.*40 \+ 0 \+ 20 in 59/,
    )
    expect(() => walkForwardSlices({ ...base, end: 59, train: 0, test: 20 })).toThrow(/BAD_OPTION.*train/)
    expect(() => walkForwardSlices({ ...base, end: 59, train: 1, test: 20, step: 0.5 })).toThrow(/BAD_OPTION.*step/)
  })
})
