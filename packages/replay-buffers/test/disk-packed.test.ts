import * as nodeFs from 'node:fs'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRng } from '@tradewright/core'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  compressed,
  createReplayBuffer,
  disk,
  emphasizeRecent,
  lz4Codec,
  openReplayBuffer,
  type ReplaySampler,
  recency,
  uniform,
} from '../src/index.ts'
import { codeOf } from './error-code.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-packed-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const columns = { obs: { dtype: 'uint8', shape: [40] }, action: { dtype: 'int32' } } as const
const rng = createRng(5)
/** A row that does not shrink, and says which it is. */
const row = (i: number) => ({
  obs: Uint8Array.from({ length: 40 }, () => Math.floor(rng.uniform() * 256)),
  action: i,
  reward: i,
  terminated: false,
  truncated: false,
})

const open = (packing: Parameters<typeof disk>[0]['packing'] = true) =>
  openReplayBuffer({
    capacity: 4000,
    streams: 2,
    columns,
    sampler: uniform({ replacement: false }),
    storage: disk({ path: folder, packing, blockBytes: 4096, maxBytes: 1_000_000 }),
  })

/** The actions that can be drawn, and a number that depends on every byte of their observations. */
function content(buffer: Awaited<ReturnType<typeof open>>): Map<number, number> {
  const { drawable } = buffer.stats()
  const { columns: c } = buffer.sample(drawable)
  const found = new Map<number, number>()
  for (let k = 0; k < drawable; k++)
    found.set(
      c.action[k],
      c.obs.subarray(k * 40, k * 40 + 40).reduce((sum, x) => (sum * 31 + x) | 0, 7),
    )
  return new Map([...found].sort(([a], [b]) => a - b))
}

const packedFiles = (): string[] =>
  readdirSync(folder)
    .filter((name) => /^packed/.test(name))
    .sort()

/** Fills one stream once and the other for `rounds` rounds, flushing often. */
async function fill(buffer: Awaited<ReturnType<typeof open>>, rounds: number): Promise<void> {
  for (let i = 0; i < 1990; i++) buffer.add(row(i), 1)
  await buffer.flush()
  for (let i = 0; i < 2000 * rounds; i++) {
    buffer.add(row(1_000_000 + i))
    if (i % 500 === 499) await buffer.flush()
  }
  await buffer.flush()
}

it('what is still current in an old segment is copied on, so that the segment can go', async () => {
  const buffer = await open()
  const memory = createReplayBuffer({ capacity: 4000, streams: 2, columns, sampler: uniform({ replacement: false }) })
  // One stream is twenty times as slow: its rows stay current in segments of which all else is out of date.
  for (let i = 0; i < 50_000; i++) {
    const one = row(i)
    for (const b of [buffer, memory]) b.add(one, i % 20 === 0 ? 1 : 0)
    if (i % 500 === 499) await buffer.flush()
  }
  await buffer.flush()
  const bytes = packedFiles().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  const { packedBytes } = buffer.stats().storage
  // Uncopied, the segments that hold a current record would be 40 rounds of the fast stream.
  expect(bytes).toBeLessThan(2 * packedBytes + 5 * 16 * 4096)
  expect(content(buffer)).toEqual(content(memory))
  await buffer.close()
  const again = await open()
  expect(content(again)).toEqual(content(memory))
  await again.close()
})

interface Found {
  readonly file: string
  readonly at: number
  readonly block: number
  readonly sequence: number
  readonly bytes: number
}

/** The records of the segment files, as their heads say. */
function records(): Found[] {
  const found: Found[] = []
  for (const file of packedFiles()) {
    const bytes = nodeFs.readFileSync(join(folder, file))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at + 64 <= bytes.length; ) {
      expect(view.getUint32(at, true)).toBe(0x4b505254)
      const head = Math.ceil((64 + view.getUint32(at + 36, true)) / 8) * 8 + 8
      const length = Math.ceil((head + view.getUint32(at + 40, true)) / 8) * 8
      const block = view.getUint32(at + 4, true)
      found.push({ file, at, block, sequence: view.getFloat64(at + 8, true), bytes: length })
      at += length
    }
  }
  return found
}

it.each([
  ['its head is damaged', (bytes: Uint8Array) => bytes.fill(255, 16, 30)],
  ['nothing of it was written', (bytes: Uint8Array) => bytes.fill(0)],
  ['its length is wrong', (bytes: Uint8Array) => bytes.fill(255, 36, 44)],
] as const)('a torn record in the middle of a segment costs itself alone: %s', async (_name, tear) => {
  const buffer = await open()
  await fill(buffer, 1.4)
  const expected = content(buffer)
  await buffer.close()
  const all = records()
  const newest = (r: Found): boolean => all.every((o) => o.block !== r.block || o.sequence <= r.sequence)
  // A record that a newer one has replaced, with current ones behind it in the same file.
  const torn = all.find((r) => !newest(r) && all.some((o) => o.file === r.file && o.at > r.at && newest(o)))
  expect(torn).toBeDefined()
  if (torn === undefined) return
  const file = join(folder, torn.file)
  const bytes = nodeFs.readFileSync(file)
  tear(bytes.subarray(torn.at, torn.at + torn.bytes))
  nodeFs.writeFileSync(file, bytes)
  const again = await open()
  expect(content(again)).toEqual(expected)
  // And it goes on: nothing is written over what is current.
  for (let i = 0; i < 3000; i++) again.add(row(5_000_000 + i))
  const more = content(again)
  await again.close()
  const last = await open()
  expect(content(last)).toEqual(more)
  await last.close()
})

it('lz4 on disk: the same rows, reopened too; another codec is refused', async () => {
  const codec = await lz4Codec()
  const packing = { codec, delta: true }
  const buffer = await open(packing)
  const memory = createReplayBuffer({
    capacity: 4000,
    streams: 2,
    columns,
    sampler: uniform({ replacement: false }),
  })
  for (let i = 0; i < 9000; i++) {
    // Half of each row shrinks.
    const one = row(i)
    one.obs.fill(i & 255, 0, 20)
    for (const b of [buffer, memory]) b.add(one, i & 1)
    if (i % 1000 === 999) await buffer.flush()
  }
  expect(content(buffer)).toEqual(content(memory))
  expect(buffer.stats().storage.compressionRatio).toBeGreaterThan(1.2)
  await buffer.close()
  expect(await codeOf(() => open(true))).toBe('BAD_SHAPE')
  const again = await open(packing)
  expect(content(again)).toEqual(content(memory))
  await again.close()
})

it('compressed: its own budget holds packed blocks too; what does not fit is refused and nothing is lost', async () => {
  const maxBytes = 1_000_000
  const buffer = await openReplayBuffer({
    capacity: 40_000,
    columns,
    sampler: uniform({ replacement: false }),
    storage: compressed({ maxBytes, blockBytes: 4096 }),
  })
  let added = 0
  const code = await codeOf(async () => {
    for (; added < 40_000; added++) {
      buffer.add(row(added))
      if (added % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  })
  expect(code).toBe('OUT_OF_MEMORY')
  expect(added).toBeGreaterThan(8000)
  const { memoryBytes, storage } = buffer.stats()
  expect(storage.packedBytes).toBeLessThanOrEqual(maxBytes / 2)
  expect(memoryBytes + storage.packedBytes).toBeLessThanOrEqual(maxBytes)
  const actions = buffer.sample(500).columns.action
  expect(Math.max(...actions)).toBeLessThan(added)
  expect(new Set(actions).size).toBe(500)
  await codeOf(() => buffer.close())
})

it.each([
  ['uniform', () => uniform()],
  ['uniform without replacement', () => uniform({ replacement: false })],
  ['recency', () => recency({ halfLife: 500 })],
  ['emphasizing recent', () => emphasizeRecent({ minRows: 100 })],
] as [string, () => ReplaySampler][])(
  '%s: after a kill the draws go on where the last flush left them',
  async (_name, sampler) => {
    const make = (path: string) =>
      openReplayBuffer({
        capacity: 3000,
        columns,
        sampler: sampler(),
        storage: disk({ path, blockBytes: 4096, maxBytes: 600_000 }),
      })
    const buffer = await make(folder)
    for (let i = 0; i < 7000; i++) buffer.add(row(i))
    const update = { index: 3, of: 10 }
    for (let r = 0; r < 7; r++) buffer.sample(100, { update })
    await buffer.flush()
    const copy = `${folder}-copy`
    nodeFs.cpSync(folder, copy, { recursive: true })
    const again = await make(copy)
    expect(again.stats()).toMatchObject({ added: 7000, sampled: 700 })
    for (let r = 0; r < 1000; r++) {
      const [a, b] = [again.sample(1000, { update }), buffer.sample(1000, { update })]
      if (!Buffer.from(a.indices.buffer).equals(Buffer.from(b.indices.buffer))) expect(a.indices).toEqual(b.indices)
    }
    await again.close()
    await buffer.close()
    rmSync(copy, { recursive: true })
  },
)
