import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as zlib from 'node:zlib'
import { createManualClock, type Data } from '@tradewright/core'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { type FileCheckpointsOptions, fileCheckpoints, weightsOf } from '../src/index.ts'

const folders: string[] = []
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'checkpoints-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true })
})

const open = (options: Partial<FileCheckpointsOptions> & { directory: string }) =>
  fileCheckpoints({ clock: createManualClock(1000), compression: 'deflate', reserveBytes: 0, ...options })

describe('fileCheckpoints', () => {
  it.each(['none', 'deflate', 'zstd'] as const)('gives back what it was given, with %s', async (compression) => {
    const directory = folder()
    const data: Data = {
      values: { 'dense/kernel': Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i)), b: Float32Array.of(1, 2) },
      moments: new Map<Data, Data>([['m', new Float64Array(700).fill(0.1)]]),
      ints: new BigInt64Array(300).fill(-5n),
      shared: new SharedArrayBuffer(8),
      $array: 'a name of ours',
      deep: [{ $plain: [new Uint8Array(5000).fill(7), undefined, null, Number.NaN, -0, 1n] }],
      set: new Set<Data>(['x']),
      at: new Date(5),
    }
    await using checkpoints = open({ directory, compression })
    const info = await checkpoints.save({ step: 7, score: 0.25, data })
    expect(info).toMatchObject({ id: '00000001', step: 7, score: 0.25, at: 1000 })
    expect(info.bytes).toBe(readFileSync(join(directory, 'state.00000001.checkpoint')).length)
    const loaded = await open({ directory }).load()
    expect(loaded?.data).toEqual(data)
    expect(loaded?.info).toEqual(info)
    const zstd = 'createZstdCompress' in zlib
    expect(checkpoints.stats().compression).toBe(compression === 'zstd' && !zstd ? 'deflate' : compression)
  })

  it('takes its copy before save returns', async () => {
    await using checkpoints = open({ directory: folder() })
    const weights = new Float32Array(100_000).fill(1)
    const state = { weights, step: 1 }
    const saving = checkpoints.save({ step: 1, data: state })
    weights.fill(2)
    state.step = 9
    await saving
    expect((await checkpoints.load())?.data).toEqual({ weights: new Float32Array(100_000).fill(1), step: 1 })
  })

  it('keeps copies apart while several are on their way', async () => {
    await using checkpoints = open({ directory: folder(), newest: 9 })
    const weights = new Float32Array(50_000)
    const saves = [1, 2, 3, 4].map((step) => checkpoints.save({ step, data: weights.fill(step) }))
    const infos = await Promise.all(saves)
    for (const { id, step } of infos)
      expect(new Set((await checkpoints.load(id))?.data as Float32Array)).toEqual(new Set([step]))
    const after = await checkpoints.save({ step: 5, data: weights.fill(5) }) // in a buffer used again
    expect(new Set((await checkpoints.load(after.id))?.data as Float32Array)).toEqual(new Set([5]))
  })

  it.each(['minimize', 'maximize'] as const)('rotates: the newest and the best, %s', async (direction) => {
    const directory = folder()
    const checkpoints = open({ directory, newest: 2, best: 2, direction })
    const scores = [5, 1, Number.NaN, 4, 0, 3, undefined, 2, 2.5]
    for (const [step, score] of scores.entries()) await checkpoints.save({ step, score, data: step })
    const kept = direction === 'minimize' ? [1, 4, 7, 8] : [0, 3, 7, 8]
    expect((await checkpoints.list()).map(({ step }) => step)).toEqual(kept)
    expect(readdirSync(directory)).toHaveLength(4)
    expect(checkpoints.stats()).toMatchObject({ saved: 9, removed: 5, failed: 0, damaged: 0 })
    const again = open({ directory, newest: 2, best: 2, direction }) // rotation goes on after a restart
    await again.save({ step: 9, score: 9, data: 9 })
    expect((await again.list()).map(({ step }) => step)).toEqual(direction === 'minimize' ? [1, 4, 8, 9] : [0, 8, 9])
    await checkpoints[Symbol.asyncDispose]()
    await expect(checkpoints.save({ step: 1, data: 1 })).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  it('passes over whatever is damaged, with one warning each', async () => {
    const directory = folder()
    const writer = open({ directory, newest: 9 })
    const weights = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i * i))
    for (const step of [1, 2, 3, 4, 5]) await writer.save({ step, data: { step, weights } })
    const path = (n: number) => join(directory, `state.0000000${n}.checkpoint`)
    writeFileSync(path(5), 'not a checkpoint at all')
    truncateSync(path(4), readFileSync(path(4)).length - 10)
    const bytes = readFileSync(path(3))
    bytes[bytes.length >> 1] ^= 1
    writeFileSync(path(3), bytes)
    writeFileSync(path(2), '')
    const warnings: string[] = []
    const reader = open({ directory, logger: { warn: (text) => warnings.push(text) } })
    expect((await reader.load())?.info.step).toBe(1)
    expect((await reader.load())?.info.step).toBe(1)
    expect(await reader.load('00000004')).toBeUndefined()
    expect(await reader.load('00000077')).toBeUndefined()
    expect(warnings).toHaveLength(4)
    expect(warnings.join('\n')).toMatch(/00000003.checkpoint is passed over: \[CORRUPT\].*checksum of its contents/)
    expect(reader.stats().damaged).toBe(4)
    expect((await reader.save({ step: 6, data: 6 })).id).toBe('00000006') // numbers are not used twice
  })

  it('finds any single flipped byte', async () => {
    const directory = folder()
    const writer = open({ directory, name: 'flip' })
    await writer.save({ step: 1, data: { a: Float32Array.from({ length: 400 }, (_, i) => i), b: 'text' } })
    const path = join(directory, 'flip.00000001.checkpoint')
    const whole = readFileSync(path)
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const bytes = Buffer.from(whole)
        bytes[at] ^= mask
        writeFileSync(path, bytes)
        expect(await open({ directory, name: 'flip' }).load()).toBeUndefined()
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        writeFileSync(path, whole.subarray(0, length))
        expect(await open({ directory, name: 'flip' }).load()).toBeUndefined()
      }),
    )
  })

  it('keeps trainings of one folder apart by name', async () => {
    const directory = folder()
    await using a = open({ directory, name: 'eth' })
    await using b = open({ directory, name: 'btc' })
    await a.save({ step: 1, data: 'a' })
    await b.save({ step: 2, data: 'b' })
    expect((await a.load())?.data).toBe('a')
    expect((await b.list()).map(({ step }) => step)).toEqual([2])
  })

  it('leaves out the state of the optimizer where only weights are wanted', async () => {
    await using checkpoints = open({ directory: folder(), contents: 'weights' })
    const data = { version: 1, values: { w: new Float32Array(400).fill(3) }, updates: { m: new Float32Array(400) } }
    await checkpoints.save({ step: 1, data })
    expect((await checkpoints.load())?.data).toEqual({ version: 1, values: { w: new Float32Array(400).fill(3) } })
    expect(weightsOf(5)).toBe(5)
  })

  it('refuses bad options and states that are no data', async () => {
    const directory = folder()
    expect(() => open({ directory: '' })).toThrow('[BAD_OPTION] directory must be a path')
    expect(() => open({ directory, newest: 0 })).toThrow('newest must be an integer >= 1, was 0')
    expect(() => open({ directory, best: 1.5 })).toThrow('best must be an integer >= 0, was 1.5')
    expect(() => open({ directory, name: '../x' })).toThrow("was '../x'")
    expect(() => open({ directory, compression: 'zstt' as 'zstd' })).toThrow("did you mean 'zstd'?")
    expect(() => open({ directory, newset: 3 } as never)).toThrow("did you mean 'newest'?")
    expect(() => open({ directory: join(import.meta.filename, 'x') })).toThrow('[IO]')
    const checkpoints = open({ directory })
    await expect(checkpoints.save({ step: -1, data: 1 })).rejects.toMatchObject({ code: 'BAD_OPTION' })
    await expect(checkpoints.save({ step: 1, data: (() => 1) as never })).rejects.toMatchObject({ code: 'BAD_OPTION' })
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    await expect(checkpoints.save({ step: 1, data: cycle as never })).rejects.toThrow('must have no cycles')
    expect(await checkpoints.load()).toBeUndefined()
  })

  it('says once that the disk is full, and keeps the last good one', async ({ skip }) => {
    const directory = folder()
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]).status === 0
    if (!mounted) skip('mounting a small tmpfs needs root')
    try {
      const checkpoints = open({ directory, compression: 'none' })
      const good = new Float32Array(100_000).fill(1)
      await checkpoints.save({ step: 1, data: good })
      const failing = checkpoints.save({ step: 2, data: new Float32Array(200_000).fill(2) })
      await expect(failing).rejects.toMatchObject({ code: 'IO', details: { code: 'ENOSPC' } })
      await expect(failing).rejects.toThrow(/the disk is full; the last good one is kept/)
      await expect(checkpoints.flush()).rejects.toMatchObject({ code: 'IO' })
      await checkpoints.flush() // told once
      expect(readdirSync(directory)).toEqual(['state.00000001.checkpoint'])
      expect((await checkpoints.load())?.data).toEqual(good)
      await checkpoints.save({ step: 3, data: good }) // and goes on where there is room
      expect((await checkpoints.load())?.info.step).toBe(3)
      await checkpoints[Symbol.asyncDispose]()
    } finally {
      spawnSync('umount', [directory])
    }
  })

  it('survives kill -9 in mid-write: what was said to be durable is there, whole', async () => {
    const directory = folder()
    const script = fileURLToPath(new URL('checkpoint-writer.ts', import.meta.url))
    let least = 0
    for (const writes of [2, 5]) {
      const child = spawn(
        process.execPath,
        ['--conditions=@tradewright/source', '--import', 'tsx', script, directory],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      let text = ''
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
          text += chunk
          if (text.split('\n').length > writes) child.kill('SIGKILL')
        })
        child.once('close', resolve)
      })
      least = Number(text.trim().split('\n').at(-1))
      const checkpoints = open({ directory })
      const newest = await checkpoints.load()
      expect(newest?.info.step).toBeGreaterThanOrEqual(least)
      const state = newest?.data as { readonly weights: Float32Array } | undefined
      expect(new Set(state?.weights)).toEqual(new Set([newest?.info.step]))
      expect(checkpoints.stats().damaged).toBe(0)
      expect(readdirSync(directory).filter((file) => file.endsWith('.tmp'))).toEqual([]) // swept when opened
    }
    expect(least).toBeGreaterThanOrEqual(7) // the second run went on from the first
  })
})
