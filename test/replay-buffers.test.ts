import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compressed, disk, nStep, openReplayBuffer, prioritized, shared } from '@tradewright/replay-buffers'
import { createOptimizedTrainingSystem, isTradewrightError, memoryDataSource, type TrainingSystem } from 'tradewright'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { walk } from './market.ts'

const columns = { obs: { dtype: 'float32', shape: [4] }, action: { dtype: 'int32' } } as const
const row = (i: number) => ({ obs: [i, i, i, i], action: i, reward: i, terminated: i % 50 === 49, truncated: false })

let folder = ''
let system: TrainingSystem

async function systemOf(maxBytes?: number): Promise<TrainingSystem> {
  system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(walk(100)),
    computationalOptimization: { caching: { enabled: false }, replayBuffers: { maxBytes } },
  })
  return system
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'system-replay-'))
})
afterEach(async () => {
  await system.close()
  rmSync(folder, { recursive: true, force: true })
})

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    return isTradewrightError(error) ? error.code : `not ours: ${error}`
  }
  return 'no error'
}

describe('system.createReplayBuffer', () => {
  it('gives a buffer at once in memory, typed by its columns, and one as a promise on disk; the same samples', async () => {
    const { createReplayBuffer } = await systemOf()
    const options = { capacity: 1000, columns, sampler: prioritized(), accumulator: nStep({ n: 3 }), seed: 4 }
    const here = createReplayBuffer(options)
    const there = await createReplayBuffer({ ...options, storage: disk({ path: folder, blockBytes: 4096 }) })
    const packed = await createReplayBuffer({ ...options, storage: compressed({ blockBytes: 4096 }) })
    for (let i = 0; i < 1500; i++) for (const buffer of [here, there, packed]) buffer.add(row(i))
    const sample = here.sample(64)
    const obs: Float32Array = sample.columns.obs
    expect(obs[0]).toBe(sample.columns.action[0])
    expect(there.sample(64)).toEqual(sample)
    expect(packed.sample(64)).toEqual(sample)
  })

  it('closes its buffers with the system: rows on disk are acknowledged, and nothing can be used or made afterwards', async () => {
    const made = await systemOf()
    const memory = made.createReplayBuffer({ capacity: 100, columns })
    const options = { capacity: 1000, columns, storage: disk({ path: folder, blockBytes: 4096 }) }
    const onDisk = await made.createReplayBuffer(options)
    for (let i = 0; i < 700; i++) onDisk.add(row(i))
    await made.close()
    expect(await codeOf(() => memory.add(row(0)))).toBe('DISPOSED')
    expect(await codeOf(() => onDisk.sample(1))).toBe('DISPOSED')
    expect(await codeOf(() => made.createReplayBuffer({ capacity: 100, columns }))).toBe('DISPOSED')
    expect(await codeOf(() => made.createReplayBuffer(options))).toBe('DISPOSED')
    const again = await openReplayBuffer(options)
    expect(again.size).toBe(700)
    await again.close()
  })

  it('one budget for all: what is open counts, tree and index included; what is closed is given back', async () => {
    const { createReplayBuffer } = await systemOf(1_000_000)
    const options = { capacity: 10_000, columns, sampler: prioritized() }
    const first = createReplayBuffer(options)
    // 10,000 records of 24 bytes, two marks, a tree of 8/7 times 8 bytes, and places to stage in.
    expect(first.maxBytes).toBe(first.stats().memoryBytes)
    expect(first.maxBytes).toBeGreaterThan(10_000 * (24 + 2 + 9))
    expect(await codeOf(() => createReplayBuffer(options))).toBe('OUT_OF_MEMORY')
    const onDisk = await createReplayBuffer({ ...options, storage: disk({ path: folder, blockBytes: 4096 }) })
    expect(onDisk.maxBytes).toBe(1_000_000 - first.maxBytes)
    expect(await codeOf(() => createReplayBuffer({ capacity: 2, columns }))).toBe('OUT_OF_MEMORY')
    await first.close()
    await onDisk.close()
    createReplayBuffer(options)
  })

  it('two opened at the same time share what there is', async () => {
    const { createReplayBuffer } = await systemOf(2_000_000)
    const make = (name: string, maxBytes: number) =>
      createReplayBuffer({
        capacity: 1000,
        columns,
        storage: disk({ path: join(folder, name), maxBytes, blockBytes: 4096 }),
      })
    const [a, b] = await Promise.all([make('a', 1_500_000), make('b', 1_500_000)])
    expect([a.maxBytes, b.maxBytes]).toEqual([1_500_000, 500_000])
  })

  it('passes mistakes on as the package says them', async () => {
    const { createReplayBuffer } = await systemOf()
    expect(await codeOf(() => createReplayBuffer({ capacity: 1, columns }))).toBe('BAD_OPTION')
    expect(await codeOf(() => createReplayBuffer({ capacity: 10, columns, sample: 1 } as never))).toBe('UNKNOWN_NAME')
    expect(await codeOf(() => createReplayBuffer({ capacity: 100, columns, storage: shared({ chunkRows: 8 }) }))).toBe(
      'BAD_OPTION',
    )
    expect(
      await codeOf(() =>
        createReplayBuffer({ capacity: 1000, columns, storage: disk({ path: folder, blockBytes: 4096 }), streams: 3 }),
      ),
    ).toBe('BAD_OPTION')
  })
})
