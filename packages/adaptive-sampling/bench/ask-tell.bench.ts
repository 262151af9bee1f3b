// Time of one ask and tell, in 10 dimensions, after so many trials. A regression here is overhead of every trial.
import { createRng, createStudy, type SamplerSpec } from '@tradewright/core'
import { adaptiveSamplers } from '../src/index.ts'
import { boxed, boxFunctions } from './search-functions.ts'

const { box, value } = boxFunctions[3]
const f = boxed('rosenbrock10', box, value)

async function measure(sampler: SamplerSpec, known: number, asked: number): Promise<string> {
  const study = createStudy({ space: f.space, sampler, samplers: adaptiveSamplers, seed: 1, generationSize: 8 })
  const random = createStudy({ space: f.space, seed: 2, generationSize: 8 })
  const times: number[] = []
  const history = await random.optimize(({ params }) => f.value(params), { trials: known })
  let trials = [...history.trials]
  for (let at = 0; at < asked; at += 8) {
    const began = process.cpuUsage().user
    const batch = study.sampler.sample({
      space: f.space,
      count: 8,
      firstTrial: trials.length,
      history: trials,
      directions: ['minimize'],
      seed: 1,
      rng: (trial) => createRng(1, trial * 2),
    })
    times.push((process.cpuUsage().user - began) / 8000)
    trials = [
      ...trials,
      ...batch.map((params, i) => ({
        number: trials.length + i,
        params,
        status: 'done' as const,
        values: [f.value(params)],
        reports: [],
      })),
    ]
  }
  // The first quarter warms the machine up.
  times.splice(0, times.length >> 2)
  times.sort((a, b) => a - b)
  return times[times.length >> 1].toFixed(4)
}

const cases: readonly [SamplerSpec, number, number][] = [
  [{ type: 'random' }, 1000, 4000],
  [{ type: 'cma-es' }, 1000, 2000],
  [{ type: 'tpe' }, 1000, 320],
  [{ type: 'tpe' }, 5000, 240],
  [{ type: 'gp' }, 100, 160],
  [{ type: 'gp' }, 300, 160],
]
for (const [sampler, known, asked] of cases)
  console.log(
    `${('type' in sampler ? sampler.type : sampler.name).padEnd(8)} after ${known}: ${await measure(sampler, known, asked)} ms (cpu) a trial`,
  )
