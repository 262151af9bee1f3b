import {
  createRng,
  defineSpace,
  type FinishedTrial,
  float,
  type PausedTrial,
  type Pruner,
  type Report,
  type Space,
  type StudyView,
} from '@tradewright/core'
import { type ContractOptions, type ContractTest, ensure, ensureSame, registerSuite } from './contract.ts'

const space = defineSpace({ x: float(0, 1) }) as unknown as Space

const curve = (id: number, steps: number): Report[] =>
  Array.from({ length: steps }, (_, step) => ({
    id,
    step,
    value: (id % 7) / 7 + 1 / (step + 1) + 0.01 * createRng(1, id).normal(),
  }))

function view(finished: number, paused: readonly PausedTrial[] = []): StudyView {
  const trials = Array.from({ length: finished }, (_, number): FinishedTrial => {
    const reports = curve(number, 10)
    return { number, params: { x: number / 100 }, status: 'done', values: [reports[9].value], reports }
  })
  return { space, directions: ['minimize'], seed: 1, generation: 3, generationSize: 8, remaining: 50, trials, paused }
}

const tests: readonly ContractTest<Pruner>[] = [
  {
    name: 'gives one decision a trial, with its reason in one line',
    run(pruner) {
      const decisions = pruner.decide([...curve(30, 4), ...curve(31, 4), ...curve(34, 2)], view(30))
      ensureSame(decisions.map((d) => d.id).sort(), [30, 31, 34], 'one decision a trial')
      for (const { action, why } of decisions) {
        ensure(['continue', 'stop', 'pause'].includes(action), `a known action, was '${action}'`)
        ensure(why.length > 0 && !why.includes('\n'), 'a reason in one line')
      }
    },
  },
  {
    name: 'is a pure function',
    run(pruner) {
      const reports = [...curve(30, 5), ...curve(32, 5)]
      const v = view(30)
      const before = structuredClone({ reports, trials: v.trials })
      const first = pruner.decide(reports, v)
      ensureSame(pruner.decide(reports, v), first, 'the same question gets the same answer')
      ensureSame({ reports, trials: v.trials }, before, 'its arguments are only read')
    },
  },
  {
    name: 'says nothing of nothing',
    run(pruner) {
      ensureSame(pruner.decide([], view(10)), [], 'no reports, no decisions')
    },
  },
  {
    name: 'survives NaN, infinite values, an empty history and directions that maximize',
    run(pruner) {
      const odd: Report[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].flatMap((value, i) => [
        { id: 40 + i, step: 0, value: 1 },
        { id: 40 + i, step: 1, value },
      ])
      for (const v of [view(0), view(20), { ...view(20), directions: ['maximize'] as const }])
        ensureSame(pruner.decide(odd, v).length, 3, 'three trials, three decisions')
    },
  },
]

/** Tests an implementation of core's `Pruner`. */
export function prunerContract(options: ContractOptions<Pruner>): void {
  registerSuite('pruner contract', options, tests)
}
