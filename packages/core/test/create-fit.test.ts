import { describe, expect, it } from 'vitest'
import { createFit, type FeatureMatrix, type FitOptions, type Model } from '../src/index.ts'

const X: FeatureMatrix = { names: ['a'], data: new Float32Array(3), rows: 3, columns: 1 }
const y = Float32Array.of(1, 2, 3)
const { signal } = new AbortController()

/** Counts its rounds, from those of `initial` on. */
function counting(options: { rounds: number }): Model {
  let made = 0
  return {
    name: 'counting',
    bytes: 8,
    continuation: 'exact',
    truncates: true,
    async fit(_X, _y, { initial, rounds = options.rounds, onProgress }: FitOptions = {}) {
      made = initial === undefined ? 0 : Number(initial)
      while (made < rounds) onProgress?.({ round: ++made, rounds, loss: undefined, validationLoss: undefined })
    },
    predict: (_X, out = new Float32Array(3)) => out.fill(made),
    save: () => made,
    load(data) {
      made = Number(data)
    },
  }
}

describe('createFit', () => {
  const train = createFit(async (module) => (module === 'm' ? { counting } : {}))
  const model = { module: 'm', export: 'counting', options: { rounds: 5 } }

  it('trains what the request names and says how long it took', async () => {
    const fitted = await train({ trial: 0, model, X, y, signal })
    expect(fitted).toMatchObject({ model: 5, exact: true, rounds: 5, continuation: 'exact', truncates: true })
    expect(fitted.cost.rounds).toBe(5)
  })

  it('goes on from a state to the rounds asked in all', async () => {
    const fitted = await train({ trial: 0, model, X, y, signal, initial: 5, rounds: 8 })
    expect(fitted).toMatchObject({ model: 8, exact: false, rounds: 8, cost: { rounds: 3 } })
  })

  it('says what the module lacks', async () => {
    await expect(train({ trial: 0, model: { ...model, module: 'other' }, X, y, signal })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: { export: 'counting' },
    })
  })
})
