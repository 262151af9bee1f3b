import * as nodeFs from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isTradewrightError } from '@tradewright/core'
import { expect, it } from 'vitest'
import { createReplayBuffer, disk, openReplayBuffer, type SavedReplay } from '../src/index.ts'

const columns = { obs: { dtype: 'float32', shape: [2] }, action: { dtype: 'int32' } } as const

function filled(rows = 50) {
  const buffer = createReplayBuffer({ capacity: 100, columns })
  for (let i = 0; i < rows; i++)
    buffer.add({ obs: [i + 1, i + 1], action: i, reward: i, terminated: false, truncated: false })
  return buffer
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return isTradewrightError(error) ? error.code : `not ours: ${error}`
  }
  return 'no error'
}

it('a batch whose arrays were exchanged is filled all the same; one whose arrays were moved away is refused', () => {
  const buffer = filled()
  const out = buffer.createBatch(4) as { columns: { obs: Float32Array } } & ReturnType<typeof buffer.createBatch>
  buffer.sample(4, { out })
  out.columns.obs = new Float32Array(8)
  buffer.sample(4, { out })
  expect(out.columns.obs.every((x) => x > 0)).toBe(true)
  structuredClone(out.columns.obs, { transfer: [out.columns.obs.buffer as ArrayBuffer] })
  expect(codeOf(() => buffer.sample(4, { out }))).toBe('BAD_SHAPE')
  expect(buffer.sample(4).columns.obs.every((x) => x > 0)).toBe(true)
})

it.each([
  ['no records', (saved: SavedReplay) => ({ ...saved, records: [] })],
  [
    'half of the records',
    (saved: SavedReplay) => ({ ...saved, records: saved.records.map((r) => r.subarray(0, 160)) }),
  ],
  ['records that are no bytes', (saved: SavedReplay) => ({ ...saved, records: [1, 2] })],
  ['no index', (saved: SavedReplay) => ({ ...saved, index: undefined })],
  ['no random numbers', (saved: SavedReplay) => ({ ...saved, random: undefined })],
  ['no counters', (saved: SavedReplay) => ({ ...saved, counters: undefined })],
] as const)('%s in what is restored: BAD_DATA, and the buffer stays as it was', (_name, damage) => {
  const buffer = filled(7)
  const before = buffer.save()
  const damaged = damage(filled().save()) as unknown as SavedReplay
  expect(codeOf(() => buffer.restore(damaged))).toBe('BAD_DATA')
  expect(buffer.save()).toEqual(before)
})

it('a flush after room was made waits for writes that had failed before, and succeeds', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'replay-full-'))
  let full = false
  const fs = {
    ...nodeFs,
    write: (...args: unknown[]) => {
      const done = args.at(-1) as (error: Error) => void
      // The refusal is told later, as a thread pool does.
      if (full) setImmediate(() => done(Object.assign(new Error('no space left'), { code: 'ENOSPC' })))
      else (nodeFs.write as (...args: unknown[]) => void)(...args)
    },
  }
  const storage = disk({ path: folder, blockBytes: 4096, maxBytes: 400_000, fs: fs as never })
  const buffer = await openReplayBuffer({ capacity: 4000, columns, storage })
  full = true
  for (let i = 0; i < 1000; i++) buffer.add({ obs: [i, i], action: i, reward: i, terminated: false, truncated: false })
  full = false
  await buffer.flush()
  expect(buffer.size).toBe(1000)
  await buffer.close()
  rmSync(folder, { recursive: true })
})
