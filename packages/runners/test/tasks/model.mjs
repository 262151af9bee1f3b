// A model that learns the mean, and an optimizer that keeps models in a folder shared by all workers.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'

export function createModel({ scale }) {
  let mean = Number.NaN
  return {
    name: 'mean',
    bytes: 8,
    async fit(_X, y, { onProgress } = {}) {
      mean = (scale * y.reduce((a, b) => a + b, 0)) / y.length
      onProgress?.({ round: 3, rounds: 3, loss: 0, validationLoss: undefined })
    },
    predict: (X) => new Float32Array(X.rows).fill(mean),
    save: () => ({ mean, trainedIn: threadId }),
    load: (data) => {
      mean = data.mean
    },
  }
}
let made = 0
export function createOptimizer({ folder }) {
  made++
  return {
    name: 'model-cache',
    effect: 'exact',
    async fit(request, next) {
      const file = join(folder, `${request.y.length}.json`)
      if (existsSync(file))
        return { model: JSON.parse(readFileSync(file, 'utf8')), exact: true, cost: { ms: 0, rounds: 0 } }
      const fitted = await next(request)
      const model = { ...fitted.model, made }
      writeFileSync(file, JSON.stringify(model))
      return { ...fitted, model }
    },
  }
}
