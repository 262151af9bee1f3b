import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createManualClock, createStudy, float, type StoredGeneration, type StudyHeader } from '@tradewright/core'
import { studyStoreContract } from '@tradewright/core/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { fileStudyStore } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'study-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const fresh = (): string => join(folder, `${files++}.log`)

const header: StudyHeader = {
  name: 's',
  space: 'k',
  directions: ['minimize'],
  seed: 1,
  generationSize: 1,
  sampler: 'x',
}
const generation = (g: number): StoredGeneration => ({
  generation: g,
  finished: [{ number: g, params: { a: g }, status: 'done', values: [g / 3], reports: [] }],
  paused: [],
  nextTrial: g + 1,
})

const paths = new Map<object, string>()
studyStoreContract({
  make: () => {
    const path = fresh()
    const store = fileStudyStore(path)
    paths.set(store, path)
    return store
  },
  reopen: (closed) => fileStudyStore(paths.get(closed) ?? ''),
})

describe('the log', () => {
  it('cut at any byte keeps exactly the records that are whole', async () => {
    const path = fresh()
    const store = fileStudyStore(path)
    await store.create(header)
    const ends: number[] = []
    for (let g = 0; g < 4; g++) {
      await store.append('s', generation(g))
      ends.push(readFileSync(path).length)
    }
    await store[Symbol.asyncDispose]()
    const bytes = readFileSync(path)
    for (let length = ends[0]; length <= bytes.length; length++) {
      const cut = join(folder, 'cut.log')
      writeFileSync(cut, bytes)
      truncateSync(cut, length)
      const again = fileStudyStore(cut)
      const whole = ends.filter((end) => end <= length).length
      expect((await again.load('s'))?.generations).toEqual(Array.from({ length: whole }, (_, g) => generation(g)))
      // What is lost can be written again.
      await again.append('s', generation(whole))
      await again[Symbol.asyncDispose]()
      const third = fileStudyStore(cut)
      expect((await third.load('s'))?.generations).toHaveLength(whole + 1)
      await third[Symbol.asyncDispose]()
      rmSync(cut)
    }
  })

  it('with a flipped bit ends before the damaged record', async () => {
    const path = fresh()
    const store = fileStudyStore(path)
    await store.create(header)
    await store.append('s', generation(0))
    const end = readFileSync(path).length
    await store.append('s', generation(1))
    await store[Symbol.asyncDispose]()
    const bytes = readFileSync(path)
    bytes[end + 12] ^= 4
    writeFileSync(path, bytes)
    const again = fileStudyStore(path)
    expect((await again.load('s'))?.generations).toEqual([generation(0)])
    await again[Symbol.asyncDispose]()
  })

  it('with a flipped bit before whole records is refused and left as it is', async () => {
    const path = fresh()
    const store = fileStudyStore(path)
    await store.create(header)
    const ends: number[] = []
    for (let g = 0; g < 3; g++) {
      await store.append('s', generation(g))
      ends.push(readFileSync(path).length)
    }
    const bytes = readFileSync(path)
    // In a length, a checksum and the bytes of the second record of the three.
    for (const offset of [0, 5, 30]) {
      const damaged = Buffer.from(bytes)
      damaged[ends[0] + offset] ^= 16
      writeFileSync(path, damaged)
      await expect(fileStudyStore(path).load('s')).rejects.toThrow(`damaged at byte ${ends[0]}`)
      expect(readFileSync(path).equals(damaged)).toBe(true)
    }
  })

  it('that is cut or gone while it is open is refused', async () => {
    const path = fresh()
    const store = fileStudyStore(path)
    await store.create(header)
    const { length } = readFileSync(path)
    await store.append('s', generation(0))
    truncateSync(path, length)
    await expect(store.append('s', generation(1))).rejects.toThrow('CORRUPT')
    rmSync(path)
    await expect(store.append('s', generation(1))).rejects.toThrow('IO')
  })

  it('refuses a file that is none', async () => {
    const path = fresh()
    writeFileSync(path, 'something else entirely')
    await expect(fileStudyStore(path).list()).rejects.toThrow('CORRUPT')
  })

  it('on a full disk keeps what was stored, and goes on when there is room again', async ({ skip, onTestFinished }) => {
    const disk = join(folder, 'small')
    mkdirSync(disk)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).status !== 0)
      skip('mounting a small tmpfs needs root')
    onTestFinished(() => {
      spawnSync('umount', [disk])
    })
    const path = join(disk, 'study.log')
    const study = (): ReturnType<typeof createStudy<{ x: ReturnType<typeof float> }>> =>
      createStudy({ space: { x: float(0, 1) }, seed: 1, generationSize: 4, store: fileStudyStore(path) })
    await study().optimize(({ params }) => params.x, { trials: 8 })
    const filler = openSync(join(disk, 'filler'), 'w')
    for (const size of [4096, 1])
      try {
        for (;;) writeSync(filler, new Uint8Array(size))
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' })
      }
    // The log's last page may have room for a generation yet, not for ten of them.
    await expect(study().optimize(({ params }) => params.x, { trials: 400 })).rejects.toThrow(/\[IO\].*ENOSPC/)
    closeSync(filler)
    rmSync(join(disk, 'filler'))
    const begun = performance.now()
    const resumed = await study().optimize(({ params }) => params.x, { trials: 40 })
    expect(performance.now() - begun).toBeLessThan(5000) // no lock without an owner was left behind
    const whole = await createStudy({ space: { x: float(0, 1) }, seed: 1, generationSize: 4 }).optimize(
      ({ params }) => params.x,
      { trials: 40 },
    )
    expect(resumed.trials).toEqual(whole.trials)
  })

  it('breaks the lock of a process that is gone', async () => {
    const path = fresh()
    const store = fileStudyStore(path)
    await store.create(header)
    writeFileSync(`${path}.lock`, '999999999')
    await store.append('s', generation(0))
    expect((await store.load('s'))?.generations).toHaveLength(1)
    await store[Symbol.asyncDispose]()
  })
})

describe('leases', () => {
  it('give a trial to one process, then to another once they end, and refuse the late result', async () => {
    const path = fresh()
    const clock = createManualClock(1000)
    const a = fileStudyStore(path, { clock })
    const b = fileStudyStore(path, { clock })
    await a.create(header)
    const first = await a.claim('s', 0, 'a', 50)
    expect(first.kind).toBe('mine')
    expect(await b.claim('s', 0, 'b', 50)).toEqual({ kind: 'theirs', until: 1050 })
    expect((await b.claim('s', 1, 'b', 50)).kind).toBe('mine')
    clock.advance(60)
    const second = await b.claim('s', 0, 'b', 50)
    expect(second.kind).toBe('mine')
    if (first.kind !== 'mine' || second.kind !== 'mine') return
    expect(await a.renew('s', 0, first.token, 50)).toBe(false)
    expect(await a.publish('s', 0, first.token, 'late')).toBe(false)
    expect(await b.publish('s', 0, second.token, 'in time')).toBe(true)
    expect(await a.claim('s', 0, 'a', 50)).toEqual({ kind: 'done', outcome: 'in time' })
    await a[Symbol.asyncDispose]()
    await b[Symbol.asyncDispose]()
  })
})
