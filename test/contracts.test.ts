// What the system brings itself keeps the contracts that it asks of plugins.

import { createManualClock } from '@tradewright/core'
import { optimizerContract, profilerContract } from '@tradewright/core/testing'
import { expect, it } from 'vitest'
import { createTimingProfiler, timingProfiler } from '../src/timing-profiler.ts'

profilerContract({ make: () => createTimingProfiler() })
optimizerContract({ make: () => timingProfiler(createTimingProfiler()) })

it('takes the time of inner spans from their parent, also across awaits, and never from a stranger', async () => {
  const clock = createManualClock()
  const profiler = createTimingProfiler({ clock })
  const inner = () =>
    profiler.span('inner', async () => {
      await Promise.resolve()
      clock.advance(30)
    })
  await profiler.span('outer', async () => {
    clock.advance(5)
    await inner()
    clock.advance(7)
  })
  await inner()
  expect(profiler.report().spans).toEqual([
    { name: 'inner', calls: 2, totalMs: 60, selfMs: 60 },
    { name: 'outer', calls: 1, totalMs: 42, selfMs: 12 },
  ])
})
