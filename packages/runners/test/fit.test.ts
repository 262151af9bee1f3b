import type { FeatureMatrix, Optimizer } from '@tradewright/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fitInWorkers, type WorkerPool, workerPool } from '../src/index.ts'
import { bundledEntries, scratchFolder } from './bundled-entries.ts'

describe('fit in workers', () => {
  const module = new URL('tasks/model.mjs', import.meta.url).href
  const X: FeatureMatrix = { names: ['a'], data: new Float32Array(4), rows: 4, columns: 1 }
  const model = { module, export: 'createModel', options: { scale: 2 } }
  let pool: WorkerPool
  beforeAll(async () => {
    pool = workerPool({ maxWorkers: 2, entries: await bundledEntries() })
  })
  afterAll(() => pool[Symbol.asyncDispose]())
  const { signal } = new AbortController()

  it('trains elsewhere, through hooks rebuilt once a worker that share what they keep', async () => {
    const folder = scratchFolder()
    const cache: Optimizer = {
      name: 'model-cache',
      effect: 'exact',
      fit: (request, next) => next(request),
      remote: { module, options: { folder } },
    }
    const fit = fitInWorkers(pool, [cache])
    const request = (n: number) => ({ trial: n, model, X, y: new Float32Array(n).fill(n), signal })
    const first = await Promise.all([4, 5, 6, 7].map((n) => fit(request(n))))
    expect(first.map((f) => (f.model as { mean: number }).mean)).toEqual([8, 10, 12, 14])
    expect(first.every((f) => f.cost.rounds === 3)).toBe(true)
    expect(first.every((f) => (f.model as { trainedIn: number }).trainedIn > 0)).toBe(true)
    expect(first.every((f) => (f.model as { made: number }).made === 1)).toBe(true)
    const second = await Promise.all([4, 5, 6, 7].map((n) => fit(request(n))))
    expect(second.map((f) => f.cost.rounds)).toEqual([0, 0, 0, 0])
    expect(second.map((f) => f.model)).toEqual(first.map((f) => f.model))
  })

  it('refuses a hook that cannot be rebuilt, and says what a module lacks', async () => {
    const hook: Optimizer = { name: 'closure', effect: 'exact', fit: (request, next) => next(request) }
    expect(() => fitInWorkers(pool, [hook])).toThrow(
      "[BAD_OPTIMIZER] optimizer 'closure' has a fit hook and needs 'remote'",
    )
    const lacking: Optimizer = {
      ...hook,
      remote: { module: new URL('tasks/tasks.mjs', import.meta.url).href, options: {} },
    }
    await expect(fitInWorkers(pool, [lacking])({ trial: 0, model, X, y: new Float32Array(4), signal })).rejects.toThrow(
      "must export a function 'createOptimizer'",
    )
    await expect(
      fitInWorkers(pool, [])({ trial: 0, model: { ...model, export: 'nothing' }, X, y: new Float32Array(4), signal }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
