// A training that is killed: online logistic regression or boosted trees with checkpoints. Prints each round, and at the
// end a key of the model. Arguments: folder, model, rounds.
import { contentKey, createRng, type FeatureMatrix, type Model } from '@tradewright/core'
import * as models from '../src/index.ts'

const [, , directory, kind, rounds] = process.argv
const rng = createRng(11)
const rows = kind === 'trees' ? 20_000 : 600 // trees give way after so many cells: the file needs turns to be written
const data = Float32Array.from({ length: rows * 6 }, () => rng.normal())
const X: FeatureMatrix = { names: ['a', 'b', 'c', 'd', 'e', 'f'], data, rows, columns: 6 }
const y = Float32Array.from({ length: rows }, (_, i) => (data[6 * i] * data[6 * i + 1] + rng.normal() > 0 ? 1 : 0))
const factories = models as unknown as Readonly<Record<string, (options: object) => Model>>
const model =
  kind === 'trees'
    ? factories.gradientBoosting({ rounds: Number(rounds), objective: 'binary', maxDepth: 3, rowSample: 0.7, seed: 5 })
    : models.logisticRegression({ solver: 'online', rounds: Number(rounds), l1: 0.001 })
const checkpoints = models.fileCheckpoints({ directory, newest: 2 })
const { resumedAt } = await models.fitResumable(model, X, y, {
  checkpoints,
  everyRounds: 5,
  onProgress: ({ round }) => void process.stdout.write(`${round}\n`),
})
process.stdout.write(`resumed ${resumedAt} model ${contentKey(model.save())}\n`)
