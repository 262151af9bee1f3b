import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isTradewrightError } from '@tradewright/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createRateLimiter,
  createReplayBuffer,
  createReplayTables,
  nStep,
  prioritized,
  rankBased,
  restoreReplay,
  saveReplay,
  uniform,
} from '../src/index.ts'

const columns = { obs: { dtype: 'float32', shape: [2] } } as const
const row = (i: number) => ({ obs: [i, -i], reward: i, terminated: i % 11 === 10, truncated: false })

describe('tables', () => {
  const make = () =>
    createReplayTables({
      capacity: 100,
      columns,
      seed: 6,
      tables: {
        learn: {
          sampler: prioritized({ alpha: 1 }),
          accumulator: nStep({ n: 3 }),
          limiter: createRateLimiter({ samplesPerInsert: 4, minSize: 10 }),
        },
        check: { sampler: uniform({ replacement: false }) },
        hard: { sampler: rankBased() },
      },
    })

  it('each is what a buffer of its own would be; rows are stored once', () => {
    const tables = make()
    const alone = createReplayBuffer({ capacity: 100, columns, sampler: uniform({ replacement: false }) })
    const threeSteps = createReplayBuffer({
      capacity: 100,
      columns,
      sampler: uniform({ replacement: false }),
      accumulator: nStep({ n: 3 }),
    })
    for (let i = 0; i < 333; i++) {
      for (const b of [tables, alone, threeSteps]) b.add(row(i))
      if (i % 50 === 49) tables.table('hard').sample(5)
    }
    expect(tables.table('check').stats().drawable).toBe(alone.stats().drawable)
    expect(tables.table('learn').stats().drawable).toBe(threeSteps.stats().drawable)
    const count = alone.stats().drawable
    const sorted = (a: Float32Array) => [...a].sort((x, y) => x - y)
    expect(sorted(tables.table('check').sample(count).columns.obs)).toEqual(sorted(alone.sample(count).columns.obs))
    const { indices, columns: c } = tables.table('learn').sample(64)
    expect(Math.max(...c.steps)).toBe(3)
    tables.table('learn').updatePriorities(indices, new Float64Array(64).fill(50))
    expect(tables.table('learn').probability(indices[0])).toBeGreaterThan(tables.table('check').probability(indices[0]))
    expect(() => tables.table('lern')).toThrow(/did you mean 'learn'/)
  })

  it('saved and restored tables go on alike, each with its own random numbers', () => {
    const [a, b] = [make(), make()]
    for (let i = 0; i < 120; i++) a.add(row(i))
    for (const name of ['learn', 'check', 'hard']) {
      const { indices } = a.table(name).sample(20)
      a.table(name).updatePriorities(
        indices,
        Float64Array.from(indices, (s) => s / 7),
      )
    }
    b.restore(structuredClone(a.save()))
    for (let i = 120; i < 200; i++) {
      for (const t of [a, b]) t.add(row(i))
      for (const name of ['learn', 'check', 'hard']) expect(b.table(name).sample(8)).toEqual(a.table(name).sample(8))
    }
  })
})

describe('rate limiter', () => {
  it('holds the proportion whatever the order of the calls', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 20, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 3 }))),
        (spi, minSize, calls) => {
          const errorBuffer = 4 * Math.max(1, spi)
          const limiter = createRateLimiter({ samplesPerInsert: spi, minSize, errorBuffer })
          let inserts = 0
          let samples = 0
          for (const [insert, n] of calls) {
            if (insert && limiter.canInsert(n)) {
              limiter.inserted(n)
              inserts += n
            } else if (!insert && limiter.canSample(n)) {
              limiter.sampled(n)
              samples += n
            }
            const d = inserts * spi - samples
            expect(d).toBeLessThanOrEqual(Math.max(minSize * spi + errorBuffer, minSize * spi) + 1e-9)
            if (samples > 0) expect(d).toBeGreaterThanOrEqual(minSize * spi - errorBuffer - 1e-9)
            if (inserts < minSize) expect(samples).toBe(0)
          }
        },
      ),
    )
  })

  it('who waits goes on as soon as the other side allows it; an abort ends the wait', async () => {
    const limiter = createRateLimiter({ samplesPerInsert: 2, minSize: 3, errorBuffer: 4 })
    const buffer = createReplayBuffer({ capacity: 50, columns, limiter })
    const order: string[] = []
    const waiting = limiter.sampleReady(4).then(() => order.push('sample'))
    for (let i = 0; i < 3; i++) buffer.add(row(i))
    await waiting
    expect(order).toEqual(['sample'])
    buffer.sample(4)
    expect([limiter.canSample(1), limiter.canInsert(1), limiter.canInsert(5)]).toEqual([false, true, false])
    const insert = limiter.insertReady(4)
    await insert
    const stop = new AbortController()
    const never = limiter.sampleReady(4, stop.signal)
    stop.abort(new Error('enough'))
    await expect(never).rejects.toThrow('enough')
    await expect(limiter.sampleReady(9)).rejects.toThrow(/\[BAD_OPTION\]/)
    expect(limiter.save()).toEqual({ inserts: 3, samples: 4 })
  })
})

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'replay-file-'))
  const path = join(folder, 'deep', 'buffer.replay')
  const make = (capacity = 20_000) =>
    createReplayBuffer({
      capacity,
      columns: { obs: { dtype: 'float32', shape: [16] } } as const,
      sampler: prioritized(),
      seed: 9,
    })
  const fill = (buffer: ReturnType<typeof make>, rows: number) => {
    for (let i = 0; i < rows; i++)
      buffer.add({ obs: new Float32Array(16).fill(i), reward: i, terminated: i % 99 === 98, truncated: false })
  }

  it('a saved buffer goes on from its file; the file takes 1.1 times the size at most', async () => {
    const original = make()
    fill(original, 33_333)
    const { indices } = original.sample(500)
    original.updatePriorities(indices, Float64Array.from(indices, Math.sin))
    await saveReplay(original, path)
    const { memoryBytes, sampler } = original.stats()
    expect(statSync(path).size / (memoryBytes + sampler.samplerBytes)).toBeLessThan(1.1)
    const restored = make()
    await restoreReplay(restored, path)
    for (let r = 0; r < 20; r++) {
      expect(restored.sample(100)).toEqual(original.sample(100))
      for (const b of [original, restored]) fill(b, 7)
    }
  })

  it('saving takes at most 10 % more memory at its peak', async () => {
    const buffer = make(300_000)
    fill(buffer, 300_000)
    const held = buffer.stats().memoryBytes + buffer.stats().sampler.samplerBytes
    await saveReplay(make(100), path)
    const before = process.memoryUsage().arrayBuffers
    let peak = 0
    const { state, pieces } = buffer.saveParts()
    for (const _piece of pieces()) peak = Math.max(peak, process.memoryUsage().arrayBuffers)
    await saveReplay(buffer, path)
    peak = Math.max(peak, process.memoryUsage().arrayBuffers)
    expect(state.slots).toBe(300_000)
    expect((peak - before) / held).toBeLessThan(0.1)
  })

  it('damage is CORRUPT and changes nothing; a missing file is NOT_FOUND', async () => {
    const buffer = make()
    fill(buffer, 3000)
    await saveReplay(buffer, path)
    const bytes = readFileSync(path)
    const before = buffer.save()
    for (const damage of [
      bytes.subarray(0, bytes.length - 5),
      bytes.subarray(0, 1000),
      new Uint8Array(0),
      bytes.map((b, i) => (i === 5000 ? b ^ 1 : b)),
    ]) {
      writeFileSync(path, damage)
      const error = await restoreReplay(buffer, path).catch((e: unknown) => e)
      expect(isTradewrightError(error) && error.code).toBe('CORRUPT')
    }
    expect(buffer.save()).toEqual(before)
    await expect(restoreReplay(buffer, join(folder, 'none'))).rejects.toThrow(/\[NOT_FOUND\]/)
    rmSync(folder, { recursive: true })
  })
})
