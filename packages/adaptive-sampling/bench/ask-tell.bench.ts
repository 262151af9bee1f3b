// Time of one ask and tell, in 10 dimensions, after so many trials, beside Debian's Optuna 3.1 where it is installed.
// A regression here is overhead of every trial.
import { spawnSync } from 'node:child_process'
import { createRng, createStudy, type SamplerSpec } from '@tradewright/core'
import { adaptiveSamplers } from '../src/index.ts'
import { boxed, boxFunctions } from './search-functions.ts'

const { box, value } = boxFunctions[3]
const f = boxed('rosenbrock10', box, value)

/** Milliseconds of cpu a trial, the median over generations. */
async function measure(sampler: SamplerSpec, known: number, asked: number, size: number): Promise<number> {
  const study = createStudy({ space: f.space, sampler, samplers: adaptiveSamplers, seed: 1, generationSize: size })
  const random = createStudy({ space: f.space, seed: 2, generationSize: 8 })
  const times: number[] = []
  const history = await random.optimize(({ params }) => f.value(params), { trials: known })
  let trials = [...history.trials]
  for (let at = 0; at < asked; at += size) {
    const began = process.cpuUsage().user
    const batch = study.sampler.sample({
      space: f.space,
      count: size,
      firstTrial: trials.length,
      history: trials,
      directions: ['minimize'],
      seed: 1,
      rng: (trial) => createRng(1, trial * 2),
    })
    times.push((process.cpuUsage().user - began) / 1000 / size)
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
  return times[times.length >> 1]
}

const optuna = `
import sys, time, warnings
warnings.filterwarnings('ignore')
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
from optuna.distributions import FloatDistribution as F
name, known, asked = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
make = {'random': lambda: optuna.samplers.RandomSampler(seed=1), 'cma-es': lambda: optuna.samplers.CmaEsSampler(seed=1),
        'tpe': lambda: optuna.samplers.TPESampler(seed=1, multivariate=True)}[name]
space = {'x%d' % i: F(-5, 10) for i in range(10)}
value = lambda p: sum(100 * (p['x%d' % (i + 1)] - p['x%d' % i] ** 2) ** 2 + (1 - p['x%d' % i]) ** 2 for i in range(9))
study = optuna.create_study(sampler=make())
import random
r = random.Random(2)
for _ in range(known):
    p = {k: r.uniform(-5, 10) for k in space}
    study.add_trial(optuna.trial.create_trial(params=p, distributions=space, value=value(p)))
times = []
for _ in range(asked):
    began = time.process_time()
    trial = study.ask(space)
    study.tell(trial, value(trial.params))
    times.append(time.process_time() - began)
times = sorted(times[len(times) // 4:])
print(times[len(times) // 2] * 1000)
`
/** The same by Optuna, one trial after the other; undefined where it is not installed. */
function peer(name: string, known: number, asked: number): number | undefined {
  const { status, stdout } = spawnSync('/usr/bin/python3', ['-c', optuna, name, String(known), String(asked)])
  return status === 0 ? Number(String(stdout)) : undefined
}

const cases: readonly [SamplerSpec & { readonly type: string }, number, number, number, number][] = [
  [{ type: 'random' }, 1000, 4000, 8, 0.005],
  [{ type: 'cma-es' }, 1000, 2000, 8, 0.05],
  [{ type: 'tpe' }, 1000, 320, 8, 1.5],
  [{ type: 'tpe' }, 5000, 240, 8, 6],
  [{ type: 'gp' }, 100, 32, 8, 10],
  [{ type: 'gp' }, 100, 32, 4, 10],
  [{ type: 'gp' }, 100, 32, 1, 10],
  [{ type: 'gp' }, 300, 64, 8, 40],
  [{ type: 'gp' }, 300, 64, 4, 40],
  [{ type: 'auto' }, 100, 64, 4, Number.NaN],
]
for (const [sampler, known, asked, size, target] of cases) {
  const ours = await measure(sampler, known, asked, size)
  const theirs = sampler.type === 'gp' || sampler.type === 'auto' ? undefined : peer(sampler.type, known, 40)
  console.log(
    `${sampler.type.padEnd(7)} after ${String(known).padEnd(4)} in generations of ${size}: ${ours.toFixed(4).padStart(8)} ms (cpu) a trial, target ${target}${theirs === undefined ? '' : `; Optuna 3.1 ${theirs.toFixed(2)} ms, ${(theirs / ours).toFixed(0)} times`}`,
  )
}
