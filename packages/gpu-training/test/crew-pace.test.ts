import { expect, it } from 'vitest'
import { CrewPace } from '../src/crew-pace.ts'

/** Makes so many calls of one unit of work on a clock that the calls drive; says how many were shared. */
function run(pace: CrewPace, clock: { now: number }, calls: number, cost: { shared: number; alone: number }): number {
  let shared = 0
  for (let i = 0; i < calls; i++) {
    const share = pace.begin()
    if (share) shared++
    clock.now += share ? cost.shared : cost.alone
    pace.end(1)
  }
  return shared
}

it('shares while that is faster, but for trials of what one thread takes', () => {
  const clock = { now: 0 }
  const pace = new CrewPace(() => clock.now)
  expect(run(pace, clock, 150, { shared: 0.6, alone: 1 })).toBe(150)
  const shared = run(pace, clock, 100_000, { shared: 0.6, alone: 1 })
  expect(shared / 100_000).toBeGreaterThan(0.98)
})

it('where sharing is slower, makes nearly all calls alone, and comes back when that ends', () => {
  const clock = { now: 0 }
  const pace = new CrewPace(() => clock.now)
  run(pace, clock, 1000, { shared: 0.6, alone: 1 })
  const disturbed = run(pace, clock, 100_000, { shared: 1.4, alone: 1 })
  expect(disturbed / 100_000).toBeLessThan(0.06)
  run(pace, clock, 17_000, { shared: 0.6, alone: 1 })
  expect(run(pace, clock, 10_000, { shared: 0.6, alone: 1 }) / 10_000).toBeGreaterThan(0.95)
})

it('reads the clock for one call of eight', () => {
  let reads = 0
  const pace = new CrewPace(() => reads++)
  run(pace, { now: 0 }, 8000, { shared: 1, alone: 1 })
  expect(Math.abs(reads / 2 / 8000 - 1 / 8)).toBeLessThan(0.01)
})
