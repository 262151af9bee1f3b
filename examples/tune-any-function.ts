// The search without a backtest: any function of parameters, also conditional ones, also asynchronous.
import { choice, createStudy, float, int, oneOf } from 'tradewright'

// What `optimize` gives an objective: typed parameters, the trial's number and its own random stream.
const study = createStudy({
  space: {
    x: float(-5, 10),
    y: float(0, 15),
    rounding: choice(['none', 'tenths']),
    penalty: oneOf('kind', { off: {}, ridge: { weight: float(0.01, 1, { log: true }), power: int(1, 3) } }),
  },
  directions: 'minimize',
  sampler: { type: 'sobol' },
  seed: 1,
})

/** Branin's function: three minima of 0.3979. */
const branin = (x: number, y: number): number =>
  (y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6) ** 2 +
  10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) +
  10

const result = await study.optimize(
  async ({ params: { x, y, rounding, penalty } }) => {
    const value = rounding === 'tenths' ? branin(Math.round(x * 10) / 10, Math.round(y * 10) / 10) : branin(x, y)
    return penalty.kind === 'ridge' ? value + penalty.weight * Math.abs(x) ** penalty.power : value
  },
  { trials: 2000, concurrency: 4 },
)
const { x, y, penalty } = result.best.params
console.log('trials', result.trials.length, result.why)
console.log('best', result.best.value.toFixed(2), 'at', x.toFixed(1), y.toFixed(1), penalty.kind)

// Objectives that cannot be called (a person, another program) use ask and tell.
const asked = createStudy({ space: { dose: int(1, 20) }, directions: 'maximize', generationSize: 1, seed: 5 })
for (let i = 0; i < 20; i++) {
  const trial = await asked.ask()
  await asked.tell(trial, -((trial.params.dose - 12) ** 2))
}
console.log('asked', asked.trials.length, 'best dose', asked.best.params.dose)
