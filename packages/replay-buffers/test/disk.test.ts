import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as nodeFs from 'node:fs'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRng } from '@tradewright/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Accumulator,
  compressed,
  createReplayBuffer,
  disk,
  frameStack,
  lz4Codec,
  nStep,
  openReplayBuffer,
  prioritized,
  type ReplaySampler,
  rankBased,
  sequences,
  tiered,
  uniform,
} from '../src/index.ts'
import { codeOf } from './error-code.ts'
import { golden, goldenColumns, transitions } from './golden.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const columns = { obs: { dtype: 'int32', shape: [8] }, action: { dtype: 'int32' } } as const
const row = (i: number, end = false) => ({
  obs: new Int32Array(8).fill(i),
  action: i,
  reward: i / 2,
  terminated: end,
  truncated: false,
})

/** Every drawable element as text, in an order that does not depend on the storage. */
function everything(buffer: { stats(): { drawable: number }; sample(n: number): unknown }): string[] {
  const { drawable } = buffer.stats()
  const { columns: c } = buffer.sample(drawable) as { columns: Record<string, ArrayLike<number>> }
  return Array.from({ length: drawable }, (_, k) =>
    Object.keys(c)
      .sort()
      .map((name) => {
        const size = c[name].length / drawable
        return `${name}:${Array.from({ length: size }, (_v, j) => c[name][k * size + j]).join()}`
      })
      .join(';'),
  ).sort()
}

/** A hash of every column: arrays of megabytes are compared slowly one by one. */
const digest = ({ indices, columns: c }: { indices: Int32Array; columns: object }) =>
  Object.entries({ ...c, indices }).map(([name, array]) => {
    const { buffer, byteOffset, byteLength } = array as unknown as Uint8Array
    return [
      name,
      createHash('sha1')
        .update(new Uint8Array(buffer, byteOffset, byteLength))
        .digest('hex'),
    ]
  })

const accumulators: readonly (readonly [string, Accumulator])[] = [
  ['three steps', nStep({ n: 3 })],
  ['stacks', frameStack({ frames: 3 })],
  ['sequences', sequences({ length: 4, burnIn: 3, stride: 2 })],
]

describe.each(['disk', 'compressed', 'compressed with lz4'] as const)('%s gives what memory gives', (kind) => {
  it.each(accumulators)('%s, through several rounds of the ring', async (_name, accumulator) => {
    const options = {
      capacity: 600,
      columns: goldenColumns,
      accumulator,
      streams: 2,
      sampler: uniform({ replacement: false }),
    }
    const storage =
      kind === 'disk'
        ? disk({ path: folder, blockBytes: 4096, maxBytes: 250_000 })
        : compressed({
            blockBytes: 4096,
            maxBytes: 500_000,
            ...(kind === 'compressed' ? {} : { codec: await lz4Codec() }),
          })
    const there = await openReplayBuffer({ ...options, storage })
    const here = createReplayBuffer(options)
    let n = 0
    for (const { episodes } of golden.steps)
      for (const step of transitions(episodes)) {
        there.add(step, n % 2)
        here.add(step, n % 2)
        if (n++ % 400 === 399) {
          expect(everything(there)).toEqual(everything(here))
          if (n % 800 === 0) await there.flush()
        }
      }
    expect(n).toBeGreaterThan(700)
    expect(there.stats().memoryBytes).toBeLessThanOrEqual(250_000)
    await there.close()
  })
})

it('reopened after close: rows, priorities, random numbers and samples go on as if nothing had been', async () => {
  const make = () =>
    openReplayBuffer({
      capacity: 2000,
      columns,
      sampler: prioritized(),
      accumulator: nStep({ n: 2 }),
      storage: disk({ path: folder, blockBytes: 4096, maxBytes: 180_000 }),
    })
  const memory = createReplayBuffer({ capacity: 2000, columns, sampler: prioritized(), accumulator: nStep({ n: 2 }) })
  let buffer = await make()
  let i = 0
  for (const rows of [300, 1777, 2000, 5, 901]) {
    for (let k = 0; k < rows; k++, i++) for (const b of [buffer, memory]) b.add(row(i, i % 19 === 18))
    const [a, b] = [buffer.sample(50), memory.sample(50)]
    expect(a).toEqual(b)
    for (const [x, batch] of [
      [buffer, a],
      [memory, b],
    ] as const)
      x.updatePriorities(batch.indices, batch.columns.reward)
    await buffer.close()
    buffer = await make()
    expect(buffer.sample(200)).toEqual(memory.sample(200))
    expect(buffer.size).toBe(memory.size)
  }
  await buffer.close()
})

it('memory never passes the budget while ten times as much is added and sampled; nothing small is read alone', async () => {
  const maxBytes = 400_000
  const buffer = await openReplayBuffer({
    capacity: 80_000,
    columns,
    storage: disk({ path: folder, maxBytes, blockBytes: 16_384 }),
  })
  const out = buffer.createBatch(64)
  for (let i = 0; i < 100_000; i++) {
    buffer.add(row(i, i % 50 === 49))
    if (i % 1000 === 999) {
      buffer.sample(64, { out })
      for (let k = 0; k < 64; k++) {
        const a = out.columns.action[k]
        expect([...out.columns.obs.subarray(k * 8, k * 8 + 8)]).toEqual(new Array(8).fill(a))
        expect(a).toBeGreaterThan(i - 80_000)
      }
      expect(buffer.stats().storage.storageBytes).toBeLessThanOrEqual(maxBytes)
      if (i % 5000 === 4999) await buffer.prefetch(64)
    }
  }
  const { storage } = buffer.stats()
  expect(storage.storagePeakBytes).toBeLessThanOrEqual(maxBytes)
  expect(storage.bytesRead / (storage.blockReads + storage.partialReads)).toBeGreaterThanOrEqual(4096)
  expect(storage.bytesWritten / (100_000 * 45)).toBeLessThan(1.15)
  await buffer.close()
})

it('prefetch: the next sample reads nothing more, and is drawn anew when its rows are gone or its size differs', async () => {
  const buffer = await openReplayBuffer({
    capacity: 20_000,
    columns,
    storage: disk({ path: folder, maxBytes: 200_000, blockBytes: 4096 }),
  })
  for (let i = 0; i < 20_000; i++) buffer.add(row(i))
  await buffer.flush()
  for (let r = 0; r < 20; r++) {
    await buffer.prefetch(32)
    const before = buffer.stats().storage.bytesRead
    const { columns: c } = buffer.sample(32)
    expect(buffer.stats().storage.bytesRead).toBe(before)
    for (let k = 0; k < 32; k++) expect([c.obs[k * 8 + 7], c.nextObs[k * 8]]).toEqual([c.action[k], c.action[k] + 1])
  }
  await buffer.prefetch(32)
  expect(buffer.sample(16).columns.action.length).toBe(16)
  // Several at once, and a sample in between: each sample is whole.
  const both = Promise.all([buffer.prefetch(32), buffer.prefetch(32)])
  const between = buffer.sample(32).columns
  await both
  for (const s of [between, buffer.sample(32).columns])
    for (let k = 0; k < 32; k++) expect(s.nextObs[k * 8 + 3]).toBe(s.action[k] + 1)
  await buffer.prefetch(32)
  for (let i = 20_000; i < 40_000; i++) buffer.add(row(i))
  const { columns: c } = buffer.sample(32)
  expect(Math.min(...c.action)).toBeGreaterThanOrEqual(20_000)
  await buffer.close()
})

it('tiered: the newest rows are sampled without reading', async () => {
  const buffer = await openReplayBuffer({
    capacity: 20_000,
    columns,
    storage: tiered({ path: folder, maxBytes: 300_000, hotBytes: 150_000, blockBytes: 4096 }),
  })
  for (let i = 0; i < 20_000; i++) buffer.add(row(i))
  await buffer.flush()
  for (let r = 0; r < 50; r++) buffer.sample(32)
  const memory = createReplayBuffer({ capacity: 20_000, columns })
  for (let i = 0; i < 20_000; i++) memory.add(row(i))
  const before = buffer.stats().storage.blockReads
  // 36 blocks of 85 rows are hot: of those the newest 30 for certain.
  const newest = Int32Array.from({ length: 2500 }, (_, k) => 19_990 - k)
  buffer.updatePriorities(newest, new Float64Array(2500))
  expect(buffer.stats().storage.blockReads).toBe(before)
  expect(buffer.stats().storage.residentBlocks).toBeGreaterThan(36)
  await buffer.close()
})

/** Runs the child until `kills` acknowledgements, kills it, and returns the last that was read. */
function runAndKill(args: readonly (string | number)[], acknowledgements: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--conditions=@tradewright/source', new URL('./disk-child.mjs', import.meta.url).pathname, ...args.map(String)],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let last = -1
    let count = 0
    let errors = ''
    let rest = ''
    child.stderr.on('data', (data) => {
      errors += data
    })
    child.stdout.on('data', (data) => {
      rest += data
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        last = Number(line)
        if (++count === acknowledgements) child.kill('SIGKILL')
      }
    })
    child.on('close', (_code, signal) => (signal === 'SIGKILL' ? resolve(last) : reject(new Error(errors))))
  })
}

describe('kill -9', () => {
  it.each(['plain', 'packed'] as const)(
    '%s: every acknowledged row is there again, and nothing that was never added',
    async (kind) => {
      const capacity = 3000
      const rng = createRng(77)
      let acknowledged = 0
      for (let round = 0; round < 5; round++) {
        acknowledged = await runAndKill([folder, capacity, 4096, 37, 400, acknowledged, kind], 2 + rng.below(40))
        const buffer = await openReplayBuffer({
          capacity,
          columns,
          sampler: uniform({ replacement: false }),
          storage: disk({ path: folder, blockBytes: 4096, maxBytes: 400_000, packing: kind === 'packed' }),
        })
        const { drawable } = buffer.stats()
        const { columns: c } = buffer.sample(drawable)
        const actions = [...c.action].sort((a, b) => a - b)
        const newest = actions.at(-1) ?? 0
        for (let k = 0; k < drawable; k++) {
          const i = c.action[k]
          expect([...c.obs.subarray(k * 8, k * 8 + 8)]).toEqual(new Array(8).fill(i))
          expect(c.reward[k]).toBe(Math.fround(i / 2))
          const next = i % 37 !== 36 ? i + 1 : i % 2 === 0 ? -i : 0
          expect([c.nextObs[k * 8], c.terminated[k]]).toEqual([next, i % 37 === 36 && i % 2 === 1 ? 1 : 0])
        }
        // The newest acknowledged row itself may wait for its successor. Rows that came after it may be there too.
        expect(newest).toBeGreaterThanOrEqual(acknowledged - 2)
        const first = actions[0]
        const missing = new Set(Array.from({ length: acknowledged - 1 - first }, (_, k) => first + k))
        for (const a of actions) missing.delete(a)
        // Each run begins with a cut: the row before it keeps only its observation.
        expect(missing.size).toBeLessThanOrEqual(round)
        // Rows leave when newer ones need their place: those of the ring, less one observation an episode and the blocks under way.
        expect(actions.length).toBeGreaterThanOrEqual(
          Math.min(acknowledged - 1 - round, capacity - Math.ceil(capacity / 37) - 8 * 90),
        )
        acknowledged = newest + 1
        await buffer.close()
      }
    },
  )
})

describe('priorities on disk', () => {
  const options = (sampler: ReplaySampler, path = folder) => ({
    capacity: 3000,
    columns,
    sampler,
    storage: disk({ path, blockBytes: 4096, maxBytes: 400_000 }),
  })

  it('after kill -9 every acknowledged row has the priority it had; rows that came later count as new', async () => {
    const rng = createRng(5)
    let acknowledged = 0
    let checked = 0
    for (let round = 0; round < 4; round++) {
      acknowledged = await runAndKill([folder, 3000, 4096, 37, 400, acknowledged, 'prioritized'], 3 + rng.below(30))
      const buffer = await openReplayBuffer({ ...options(prioritized()), accumulator: nStep() })
      const { sampler, drawable } = buffer.stats()
      const total = sampler.priorityTotal
      const seen = new Map<number, number>()
      for (let r = 0; r < (10 * drawable) / 500; r++) {
        const { indices, columns: c } = buffer.sample(500)
        indices.forEach((slot, k) => {
          seen.set(c.action[k], buffer.probability(slot) * total)
        })
      }
      for (const [i, priority] of seen) {
        // The newest row of each burst had no priority of its own yet.
        if (i > acknowledged - 2) continue
        expect(priority / (1 + (i % 97))).toBeCloseTo(1, 9)
        checked++
      }
      acknowledged = Math.max(acknowledged, ...seen.keys()) + 1
      await buffer.close()
    }
    expect(checked).toBeGreaterThan(1000)
  })

  it.each([
    ['prioritized', () => prioritized({ maxPriority: 'buffer', normalizeBy: 'buffer' })],
    ['rank-based', () => rankBased()],
  ] as const)(
    '%s: files as a kill would leave them give the same distribution as the buffer that goes on',
    async (_name, sampler) => {
      const buffer = await openReplayBuffer(options(sampler()))
      const rng = createRng(8)
      for (let i = 0, round = 0; round < 12; round++) {
        for (let k = 0; k < 900; k++, i++) buffer.add(row(i, i % 41 === 40))
        const { indices } = buffer.sample(700)
        buffer.updatePriorities(
          indices,
          Float64Array.from(indices, () => 3 * rng.normal()),
        )
        await buffer.flush()
        const copy = `${folder}-copy`
        nodeFs.cpSync(folder, copy, { recursive: true })
        const again = await openReplayBuffer(options(sampler(), copy))
        for (let slot = 0; slot < 3000; slot += 7) {
          const p = buffer.probability(slot)
          if (p === 0) expect(again.probability(slot)).toBe(0)
          else expect(again.probability(slot) / p).toBeCloseTo(1, 12)
        }
        expect(again.sample(300)).toEqual(buffer.sample(300))
        await again.close()
        rmSync(copy, { recursive: true })
      }
      const bytes = statSync(join(folder, 'priorities')).size
      expect(bytes).toBeLessThan(2 * 3000 * 12 + 65_536 + 3000 * 13)
      await buffer.close()
    },
  )

  it('a torn journal gives what was whole; another sampler gets none, and is told', async () => {
    const buffer = await openReplayBuffer(options(prioritized()))
    for (let i = 0; i < 1000; i++) buffer.add(row(i))
    const slots = Int32Array.from({ length: 999 }, (_, i) => i)
    const priorities = Float64Array.from(slots, (i) => 1 + i)
    buffer.setPriorities(slots, priorities)
    await buffer.flush()
    buffer.setPriorities(slots.subarray(0, 10), new Float64Array(10).fill(5000))
    await buffer.close()
    const file = join(folder, 'priorities')
    const bytes = nodeFs.readFileSync(file)
    nodeFs.writeFileSync(file, bytes.subarray(0, bytes.length - 20))
    const again = await openReplayBuffer(options(prioritized()))
    const total = again.stats().sampler.priorityTotal
    for (const slot of [0, 5, 500, 998]) expect((again.probability(slot) * total) / (1 + slot)).toBeCloseTo(1, 9)
    await again.close()
    const told: string[] = []
    const events = { emit: (_name: string, payload: unknown) => told.push((payload as { message: string }).message) }
    const other = await openReplayBuffer(options(rankBased()), { events: events as never })
    expect(told).toEqual([`${folder} has no priorities of this sampler; all elements count as new`])
    expect(other.size).toBe(1000)
    await other.close()
  })
})

it('a folder belongs to one open buffer at a time; a dead process leaves it free', async () => {
  const open = () => openReplayBuffer({ capacity: 100, columns, storage: disk({ path: folder, blockBytes: 4096 }) })
  const buffer = await open()
  await expect(open()).rejects.toThrow(/\[BAD_OPTION\] a folder must belong to one open buffer/)
  buffer.add(row(1))
  await buffer.close()
  // A lock of a process that is gone, one of another process that got our number, and a torn one.
  for (const lock of [
    JSON.stringify({ pid: 2 ** 22 + 1, began: 'x', path: join(folder, 'lock') }),
    JSON.stringify({ pid: process.pid, began: 'before', path: join(folder, 'lock') }),
    '{"pid"',
  ]) {
    nodeFs.writeFileSync(join(folder, 'lock'), lock)
    const again = await open()
    expect(again.size).toBe(1)
    await again.close()
  }
  expect(readdirSync(folder)).not.toContain('lock')
})

it('packed on disk: the same samples as in memory, a fraction of the bytes; old segments go', async () => {
  const frame = { obs: { dtype: 'uint8', shape: [42, 42] } } as const
  const options = { capacity: 2000, columns: frame, accumulator: frameStack({ frames: 4 }), seed: 6 }
  const storage = (packing: boolean, name: string) =>
    disk({ path: join(folder, name), packing, blockBytes: 32_768, maxBytes: 2_000_000 })
  const here = createReplayBuffer(options)
  const packed = await openReplayBuffer({ ...options, storage: storage(true, 'packed') })
  const plain = await openReplayBuffer({ ...options, storage: storage(false, 'plain') })
  const obs = new Uint8Array(42 * 42)
  for (let i = 0; i < 21_000; i++) {
    obs.fill(0)
    for (let y = 0; y < 42; y++) obs[y * 42] = 142
    obs[((i * 3) % 40) * 42 + ((i * 2) % 40)] = 236
    for (const buffer of [here, packed, plain])
      buffer.add({ obs, reward: i, terminated: i % 300 === 299, truncated: false })
    if (i % 3000 !== 2999) continue
    await packed.flush()
    await plain.flush()
    const expected = digest(here.sample(64))
    expect(digest(packed.sample(64))).toEqual(expected)
    expect(digest(plain.sample(64))).toEqual(expected)
  }
  const bytes = (name: string) =>
    readdirSync(join(folder, name)).reduce((sum, file) => sum + statSync(join(folder, name, file)).size, 0)
  const { storage: stats } = packed.stats()
  expect(stats.compressionRatio).toBeGreaterThan(12)
  expect(stats.storagePeakBytes).toBeLessThanOrEqual(2_000_000)
  // Live blocks, one segment that is written and one that is not empty yet; a head that holds the open block.
  expect(bytes('packed')).toBeLessThan(bytes('plain') / 2)
  await packed.close()
  await plain.close()
  const again = await openReplayBuffer({ ...options, storage: storage(true, 'packed') })
  expect(digest(again.sample(64))).toEqual(digest(here.sample(64)))
  await again.close()
  expect(await codeOf(() => openReplayBuffer({ ...options, storage: storage(false, 'packed') }))).toBe('BAD_SHAPE')
})

it('packed on disk: a damaged record is CORRUPT', async () => {
  const open = () =>
    openReplayBuffer({
      capacity: 4000,
      columns,
      sampler: uniform({ replacement: false }),
      storage: disk({ path: folder, maxBytes: 300_000, blockBytes: 4096, packing: true }),
    })
  const buffer = await open()
  for (let i = 0; i < 4000; i++) buffer.add(row(i))
  await buffer.close()
  const name = join(folder, readdirSync(folder).find((file) => file.startsWith('packed')) ?? '')
  const bytes = nodeFs.readFileSync(name)
  const damaged = bytes.slice()
  damaged[bytes.length >> 1] ^= 255
  nodeFs.writeFileSync(name, damaged)
  expect(
    await codeOf(async () => {
      const again = await open()
      for (let r = 0; r < 60; r++) again.sample(500)
    }),
  ).toBe('CORRUPT')
})

it('rows that come while a flush is under way: what it acknowledges is on the disk, and nothing older is given up', async () => {
  const open = (path: string) =>
    openReplayBuffer({
      capacity: 3000,
      columns,
      sampler: uniform({ replacement: false }),
      storage: disk({ path, blockBytes: 4096, maxBytes: 400_000 }),
    })
  const buffer = await open(folder)
  let i = 0
  for (; i < 3500; i++) buffer.add(row(i))
  for (let round = 0; round < 8; round++) {
    const acknowledged = i
    let flushed = false
    const flushing = buffer.flush().then(() => {
      flushed = true
    })
    while (!flushed) {
      for (let k = 0; k < 300; k++) buffer.add(row(i++))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await flushing
    // What a kill would leave: the files as they are now.
    const copy = `${folder}-copy`
    nodeFs.cpSync(folder, copy, { recursive: true })
    const again = await open(copy)
    const { drawable } = again.stats()
    const actions = [...again.sample(drawable).columns.action].sort((a, b) => a - b)
    const newest = actions.at(-1) ?? 0
    expect(newest).toBeGreaterThanOrEqual(acknowledged - 2)
    expect(actions).toEqual(Array.from({ length: drawable }, (_, k) => newest - drawable + 1 + k))
    // Blocks that were being overwritten when the files were copied may be gone.
    expect(drawable).toBeGreaterThan(3000 - 8 * 90)
    await again.close()
    rmSync(copy, { recursive: true })
  }
  await buffer.close()
})

describe('what goes wrong on a disk is one clear error', () => {
  const open = (fs?: unknown) =>
    openReplayBuffer({
      capacity: 4000,
      columns,
      storage: disk({ path: folder, maxBytes: 150_000, blockBytes: 4096, fs }),
    })

  it('a full disk: IO, nothing is lost, and it goes on when there is room', async () => {
    let full = false
    const noSpace = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const fs = {
      ...nodeFs,
      write: (...args: Parameters<typeof nodeFs.write>) =>
        full ? (args.at(-1) as (e: Error) => void)(noSpace) : nodeFs.write(...args),
      writeSync: (...args: unknown[]) => {
        if (full) throw noSpace
        return (nodeFs.writeSync as (...a: unknown[]) => number)(...args)
      },
    }
    const buffer = await open(fs)
    for (let i = 0; i < 500; i++) buffer.add(row(i))
    await buffer.flush()
    full = true
    let added = 500
    const code = await codeOf(async () => {
      for (; added < 4000; added++) buffer.add(row(added))
    })
    expect(code).toBe('IO')
    expect(await codeOf(() => buffer.flush())).toBe('IO')
    expect(buffer.size).toBe(added)
    full = false
    await buffer.flush()
    for (; added < 4000; added++) buffer.add(row(added))
    await buffer.close()
    const again = await open()
    const seen = new Set<number>()
    for (let r = 0; r < 150; r++) for (const a of again.sample(400).columns.action) seen.add(a)
    expect([again.size, seen.size]).toEqual([4000, 3999])
    await again.close()
  })

  it('a damaged block: CORRUPT with the file, and only where it is read', async () => {
    const buffer = await open()
    for (let i = 0; i < 4000; i++) buffer.add(row(i))
    await buffer.close()
    const name = readdirSync(folder).find((f) => f.startsWith('segment')) ?? ''
    const file = nodeFs.openSync(join(folder, name), 'r+')
    nodeFs.writeSync(file, Uint8Array.of(1, 2, 3), 0, 3, 20 * 4096 + 3000)
    nodeFs.closeSync(file)
    const again = await open()
    await expect(async () => {
      for (let r = 0; r < 100; r++) again.sample(64)
    }).rejects.toThrow(/\[CORRUPT\] block 20 of .*segment-0000.blocks must have intact records/)
    expect(again.size).toBe(4000)
  })

  it('a damaged head of a block in the middle, a damaged manifest, another buffer, too small a budget', async () => {
    const buffer = await open()
    for (let i = 0; i < 4000; i++) buffer.add(row(i))
    await buffer.close()
    const head = nodeFs.readFileSync(join(folder, 'head'))
    nodeFs.writeFileSync(join(folder, 'head'), head.subarray(0, head.length - 1))
    expect(await codeOf(() => open())).toBe('CORRUPT')
    nodeFs.writeFileSync(join(folder, 'head'), head)
    expect(
      await codeOf(() =>
        openReplayBuffer({ capacity: 5000, columns, storage: disk({ path: folder, blockBytes: 4096 }) }),
      ),
    ).toBe('BAD_SHAPE')
    expect(
      await codeOf(() =>
        openReplayBuffer({
          capacity: 4000,
          columns,
          storage: disk({ path: folder, blockBytes: 65_536, maxBytes: 70_000 }),
        }),
      ),
    ).toBe('BAD_OPTION')
    const file = nodeFs.openSync(join(folder, 'segment-0000.blocks'), 'r+')
    nodeFs.writeSync(file, Uint8Array.of(99), 0, 1, 20 * 4096 + 70)
    nodeFs.closeSync(file)
    expect(await codeOf(() => open())).toBe('CORRUPT')
  })
})

it('compressed: frames shrink many times, float features hardly; the sizes are measured', async () => {
  const frame = { obs: { dtype: 'uint8', shape: [84, 84] } } as const
  const frames = await openReplayBuffer({ capacity: 600, columns: frame, storage: compressed({ maxBytes: 2_000_000 }) })
  for (let i = 0; i < 600; i++) {
    // A ball and a paddle on an empty field, as in the games that frames come from.
    const obs = new Uint8Array(84 * 84)
    for (let y = 0; y < 84; y++) obs[y * 84] = obs[y * 84 + 83] = 142
    for (let d = 0; d < 4; d++) obs[((i * 3 + d) % 80) * 84 + ((i * 2) % 80)] = 236
    frames.add({ obs, reward: 0, terminated: false, truncated: false })
  }
  await frames.flush()
  await new Promise((resolve) => setImmediate(resolve))
  expect(frames.stats().storage.compressionRatio).toBeGreaterThan(12)
  const rng = createRng(1)
  const features = await openReplayBuffer({
    capacity: 5000,
    columns: { obs: { dtype: 'float32', shape: [16] } } as const,
    storage: compressed({ maxBytes: 2_000_000 }),
  })
  for (let i = 0; i < 5000; i++)
    features.add({
      obs: Float32Array.from({ length: 16 }, () => rng.normal()),
      reward: rng.normal(),
      terminated: false,
      truncated: false,
    })
  await features.flush()
  await new Promise((resolve) => setImmediate(resolve))
  const { compressionRatio } = features.stats().storage
  expect(compressionRatio).toBeGreaterThan(1)
  expect(compressionRatio).toBeLessThan(1.5)
})

it('a folder takes at most 1.1 times the size of its records', async () => {
  const buffer = await openReplayBuffer({
    capacity: 30_000,
    columns: { obs: { dtype: 'float32', shape: [16] } } as const,
    storage: disk({ path: folder, maxBytes: 2_000_000 }),
  })
  for (let i = 0; i < 30_000; i++)
    buffer.add({ obs: new Float32Array(16).fill(i), reward: i, terminated: false, truncated: false })
  await buffer.flush()
  const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  expect(bytes / (30_000 * buffer.stats().recordBytes)).toBeLessThan(1.1)
  await buffer.close()
})
