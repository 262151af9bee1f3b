import { createManualClock, TradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import {
  createReplayBuffer,
  findBatchSize,
  prioritized,
  resourceBatchSize,
  scheduledBatchSize,
  uniform,
} from '../src/index.ts'

describe('schedules', () => {
  it('linear and geometric, rounded to multiples', () => {
    const linear = scheduledBatchSize({ from: 10, to: 50, steps: 4, kind: 'linear' })
    expect([-1, 0, 1, 2, 4, 9].map((s) => linear.next(s))).toEqual([10, 10, 20, 30, 50, 50])
    const geometric = scheduledBatchSize({ from: 32, to: 512, steps: 4, multipleOf: 32 })
    expect([0, 1, 2, 3, 4].map((s) => geometric.next(s))).toEqual([32, 64, 128, 256, 512])
  })

  it('by resource use: grows while within the limits, halves beyond them', () => {
    const sizer = resourceBatchSize({ min: 16, max: 64, targetMs: 10, maxBytes: 4000, increase: 16 })
    const sizes: number[] = []
    for (let step = 0; step < 12; step++) {
      const size = sizer.next(step)
      sizes.push(size)
      // 0.2 ms and 70 bytes an element: 50 fit the time, 57 the bytes.
      sizer.observe({ size, ms: size * 0.2, bytes: size * 70 })
      sizer.observe({ size: size + 1, ms: 1e9 })
    }
    expect(sizes).toEqual([16, 32, 48, 64, 32, 48, 64, 32, 48, 64, 32, 48])
  })
})

describe('findBatchSize', () => {
  it('the smallest size with nearly the best throughput, and the largest that fits', async () => {
    const clock = createManualClock()
    const runs: number[] = []
    const found = await findBatchSize({
      clock,
      max: 5000,
      run: (size) => {
        runs.push(size)
        if (size > 1500) throw new TradewrightError('OUT_OF_MEMORY', 'too large', {})
        // A fixed cost of 8 ms, and beyond 256 elements no more parallelism.
        clock.advance(8 + (size <= 256 ? 0 : (size - 256) * (8 / 256)))
      },
    })
    expect(found.size).toBe(256)
    expect(found.largest).toBeGreaterThan(1400)
    expect(found.largest).toBeLessThanOrEqual(1500)
    expect(found.tried.find((t) => t.size === 256)?.perSecond).toBe(32_000)
    expect(Math.max(...runs)).toBe(2048)
  })

  it('nothing fits, another error, an abort', async () => {
    await expect(
      findBatchSize({
        run: () => {
          throw new RangeError('Array buffer allocation failed')
        },
      }),
    ).rejects.toThrow(/\[OUT_OF_MEMORY\]/)
    await expect(
      findBatchSize({
        run: () => {
          throw new TypeError('a bug')
        },
      }),
    ).rejects.toThrow('a bug')
    await expect(findBatchSize({ run: () => {}, signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
  })
})

describe('sampleWithin', () => {
  const make = (sampler = uniform()) => {
    const buffer = createReplayBuffer({
      capacity: 500,
      columns: { obs: { dtype: 'float32', shape: [1] }, cost: { dtype: 'int32' } } as const,
      sampler,
      seed: 3,
    })
    for (let i = 0; i < 501; i++)
      buffer.add({ obs: [i], cost: 1 + (i % 10), reward: 0, terminated: false, truncated: false })
    return buffer
  }

  it('by complexity: the costs stay within the budget, and one more would not', () => {
    const buffer = make()
    const out = buffer.createBatch(200)
    let filled = 0
    let sum = 0
    for (let r = 0; r < 2000; r++) {
      const { count } = buffer.sampleWithin({ max: 200, budget: 100, by: 'cost', out })
      const costs = out.columns.cost.subarray(0, count)
      const used = costs.reduce((a, b) => a + b, 0)
      expect(used).toBeLessThanOrEqual(100)
      expect(used).toBeGreaterThan(100 - 10)
      filled += count
      sum += used
    }
    // Cheap elements are not preferred: the mean cost is that of the buffer, 5.5 (the overshooting one is left out).
    expect(sum / filled).toBeGreaterThan(5.1)
    expect(sum / filled).toBeLessThan(5.6)
  })

  it('by priority mass: concentrated priorities make small batches, even ones large batches', () => {
    const even = make(prioritized({ alpha: 1, eps: 0 }))
    expect(even.sampleWithin({ max: 400, budget: 0.1, by: 'mass' }).count).toBe(49)
    const steep = make(prioritized({ alpha: 1, eps: 0 }))
    const slots = Int32Array.from({ length: 500 }, (_, i) => i)
    steep.updatePriorities(
      slots,
      Float64Array.from(slots, (i) => (i % 50 === 7 ? 1000 : 1)),
    )
    const { count, batch } = steep.sampleWithin({ max: 400, budget: 0.5, by: 'mass' })
    expect(count).toBeLessThan(12)
    // The part of a stratified draw must not be its first strata: the rows come from all of the buffer.
    const seen = new Set<number>()
    for (let r = 0; r < 50; r++) {
      const { count: n } = steep.sampleWithin({ max: 400, budget: 0.5, by: 'mass', out: batch })
      for (const i of batch.indices.subarray(0, n)) seen.add(Math.floor(i / 50))
    }
    expect(seen.size).toBe(10)
  })

  it('a budget below the first element gives that one; a cost that is not positive is refused', () => {
    const buffer = make()
    expect(buffer.sampleWithin({ max: 10, budget: 0.5, by: 'cost' }).count).toBe(1)
    expect(() => buffer.sampleWithin({ max: 10, budget: 5, by: 'reward' as 'cost' })).toThrow(
      /\[BAD_OPTION\] a cost must be positive/,
    )
  })
})
