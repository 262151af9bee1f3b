import { defineSpace, float } from '@tradewright/core'
import { createStudy, fileStudyStore } from '../src/index.ts'

// A process that works on a study until it is done or killed. argv: file, trials, share, milliseconds a trial.
const [, , path, trials, share, ms] = process.argv
const store = fileStudyStore(path)
const study = createStudy({
  space: defineSpace({ x: float(-5, 5), y: float(-5, 5) }),
  sampler: { type: 'cma-es' },
  seed: 7,
  store,
  name: 'kill',
  generationSize: 4,
  share: share === 'yes' ? { leaseMs: 2000, pollMs: 2 } : false,
})
const { best, trials: finished } = await study.optimize(
  async (trial) => {
    if (share === 'yes') process.stdout.write(`did ${trial.number}\n`)
    if (Number(ms) > 0) await new Promise((resolve) => setTimeout(resolve, Number(ms)))
    trial.report(1, trial.params.x)
    return (trial.params.x - 1) ** 2 + (trial.params.y + 2) ** 2
  },
  { trials: Number(trials), concurrency: 2 },
)
process.stdout.write(
  `result ${JSON.stringify([best.number, best.value, finished.map((t) => [t.number, t.params, t.values])])}\n`,
)
await store[Symbol.asyncDispose]()
