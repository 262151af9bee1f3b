import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  adam,
  arrayDataset,
  createModelPool,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  exponentialAverage,
  fusedBackend,
  sequential,
  type Trainer,
} from '../src/index.ts'
import { randomBatch } from './random-batch.ts'

const { x } = randomBatch(200, 6, 1, 1)
const { y } = randomBatch(200, 1, 1, 2, 3)
const data = arrayDataset({ x, inputs: 6, y })
const make = (name: string): Trainer =>
  createTrainer({
    model: sequential(6, [dense(16, { activation: 'relu' }), dropout(0.2), dense(3)]),
    loss: crossEntropy(),
    updateRule: adam(),
    backend: fusedBackend(),
    batch: 32,
    rate: 0.01,
    seed: name.length,
    tricks: [exponentialAverage({ decay: 0.9 })],
  })
const weights = (trainer: Trainer) => [...trainer.model.values].map(([name, values]) => [name, [...values]])
const names = ['a', 'bb', 'ccc']

describe.each(['disk', 'shared'] as const)('a pool whose models go to %s', (to) => {
  it('trains each by turns to the same bits as by itself, with one in memory', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pool-'))
    const pool = createModelPool({ make, to, directory })
    for (const epochs of [2, 3, 5])
      for (const name of names) {
        await pool.use(name, (trainer) => trainer.fit(data, { epochs }))
        expect(pool.stats().resident).toBe(1)
      }
    for (const name of names) {
      const alone = make(name)
      for (const epochs of [2, 3, 5]) await alone.fit(data, { epochs })
      expect(await pool.use(name, weights)).toEqual(weights(alone))
    }
    const { away, bytesAway, moves, ms } = pool.stats()
    expect(away).toBe(2)
    // Two models away, each with parameters, two arrays of Adam, the average and the raw weights: 6 x 16 + 16 + 16 x 3 + 3.
    expect(bytesAway).toBe(2 * 5 * 4 * (6 * 16 + 16 + 16 * 3 + 3))
    // Each of nine turns and three looks but the first sends one out; all but the first of each model bring one in.
    expect(moves).toBe(11 + 9)
    expect(ms).toBeGreaterThan(0)
    const files = readdirSync(directory).flatMap((folder) => readdirSync(join(directory, folder)))
    expect(files).toHaveLength(to === 'disk' ? 2 : 0)
    pool.dispose()
    expect(readdirSync(directory)).toEqual([])
    rmSync(directory, { recursive: true })
    await expect(pool.use('a', weights)).rejects.toThrow('[DISPOSED]')
  })

  it('keeps as many as it may, the last used ones, and those in use', async () => {
    const pool = createModelPool({ make, to, resident: 2 })
    for (const name of ['a', 'bb', 'a', 'ccc']) await pool.use(name, (trainer) => trainer.step)
    expect(pool.stats()).toMatchObject({ resident: 2, away: 1, moves: 1 })
    await pool.use('a', () => {})
    expect(pool.stats().moves).toBe(1)
    await pool.use('a', async (a) => {
      await pool.use('ccc', async (c) => {
        const b = await pool.use('bb', weights)
        expect(b.length).toBe(weights(a).length)
        expect(weights(c)).toHaveLength(4)
      })
      await expect(pool.use('a', () => 1)).rejects.toThrow("the model 'a' must be free to be used, was in use")
    })
    pool.dispose()
    pool.dispose()
  })
})

it('refuses bad options, a folder that is not there', async () => {
  expect(() => createModelPool({ make, to: 'gpu' as 'disk' })).toThrow("to must be 'disk' or 'shared', was 'gpu'")
  expect(() => createModelPool({ make, to: 'disk', resident: 0 })).toThrow('resident')
  const directory = join(tmpdir(), 'not-there', 'at-all')
  expect(existsSync(directory)).toBe(false)
  const pool = createModelPool({ make, to: 'disk', directory })
  await pool.use('a', () => {})
  await expect(pool.use('bb', () => {})).rejects.toThrow('[IO] the folder must be writable')
  expect(await pool.use('a', (trainer) => trainer.step)).toBe(0)
  pool.dispose()
})
