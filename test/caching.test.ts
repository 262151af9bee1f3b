import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOptimizedTrainingSystem, memoryDataSource, type TrainingResult } from 'tradewright'
import { afterAll, describe, expect, it } from 'vitest'
import { walk } from './market.ts'
import { smaCross } from './strategies.ts'

const scratch = await mkdtemp(join(tmpdir(), 'tradewright-cache-'))
afterAll(() => rm(scratch, { recursive: true, force: true }))

const bars = walk(900)

async function train(directory: string, warnings: string[] = []) {
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource(bars),
    training: { trials: 40, sampler: { type: 'random' } },
    computationalOptimization: { caching: { disk: { directory }, admission: 'all' } },
  })
  system.events.on('warning:raised', ({ message }) => warnings.push(message))
  try {
    const result = await system.trainingManager.executeOptimizedTraining({ strategy: smaCross })
    return { result, cache: system.trainingManager.getOptimizationStats().cache }
  } finally {
    await system.close()
  }
}

const plain = ({ trials, best, validation }: TrainingResult<unknown>) => ({ trials, best: best.params, validation })

describe('the disk cache', () => {
  it('answers a second system, with the same result to the last bit', async () => {
    const directory = join(scratch, 'twice')
    const first = await train(directory)
    expect(first.cache?.hits).toBe(0)
    const second = await train(directory)
    expect(plain(second.result)).toEqual(plain(first.result))
    expect(second.cache).toMatchObject({ misses: 0, hits: 44 })
    expect(second.cache?.tiers?.disk.hits).toBeGreaterThan(40)
  })

  it('that cannot be written is gone without, and the run says so', async () => {
    const file = join(scratch, 'a-file')
    await writeFile(file, 'in the way')
    const warnings: string[] = []
    const { result, cache } = await train(join(file, 'cache'), warnings)
    expect(result.stats.done).toBe(40)
    expect(cache?.tiers).toHaveProperty('memory')
    expect(cache?.tiers).not.toHaveProperty('disk')
    expect(warnings.filter((message) => message.includes('disk cache'))).toHaveLength(1)
    expect(warnings.join('\n')).toContain('the run goes on without the disk cache: [IO]')
  })

  it('with a damaged record computes it again, and says so', async () => {
    const directory = join(scratch, 'damaged')
    const first = await train(directory)
    // Turns a bit in one metric of one trial, wherever the file holds it.
    const [name] = await readdir(join(directory, 'records'))
    const file = join(directory, 'records', name)
    const bytes = await readFile(file)
    const value = Buffer.alloc(8)
    value.writeDoubleLE(first.result.trials[3].values[0])
    let turned = 0
    for (let at = bytes.indexOf(value); at >= 0; at = bytes.indexOf(value, at + 1)) {
      bytes[at] ^= 1
      turned++
    }
    expect(turned).toBeGreaterThan(0)
    await writeFile(file, bytes)
    const warnings: string[] = []
    const second = await train(directory, warnings)
    expect(plain(second.result)).toEqual(plain(first.result))
    expect(second.cache?.misses).toBeGreaterThan(0)
    expect(second.cache?.corrupt).toBeGreaterThan(0)
    expect(warnings.length).toBeGreaterThan(0)
  })

  it('is made with its folders', async () => {
    const directory = join(scratch, 'deep', 'er')
    await mkdir(join(scratch, 'deep'))
    await train(directory)
    expect(await readdir(directory)).toContain('records')
  })
})
