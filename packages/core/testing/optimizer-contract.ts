import {
  composeOnion,
  contentKey,
  createEvents,
  createIndicatorStore,
  createManualClock,
  createRng,
  defineOptimizer,
  defineSpace,
  type Evaluate,
  type Evaluation,
  type EvaluationRequest,
  float,
  inlineTaskPool,
  type Optimizer,
  type OptimizerHost,
  type Space,
  type SuggestRequest,
} from '@tradewright/core'
import {
  type ContractOptions,
  type ContractTest,
  ensure,
  ensureRejects,
  ensureSame,
  registerSuite,
} from './contract.ts'

const space = defineSpace({ x: float(0, 1) }) as unknown as Space

const host: OptimizerHost = {
  cache: undefined,
  tasks: inlineTaskPool(),
  indicators: createIndicatorStore(),
  profiler: undefined,
  events: createEvents(),
  config: {},
  logger: { debug() {}, info() {}, warn() {} },
  clock: createManualClock(),
}

function request(xs: readonly number[], over: Partial<EvaluationRequest> = {}): EvaluationRequest {
  return {
    trials: xs.map((x, i) => ({
      id: 100 + i,
      program: { kind: 'module', strategy: 'contract', module: 'm', export: 'e', version: '1', params: { x } },
    })),
    slices: [
      { id: 'a', symbol: 'X', data: contentKey('data'), warmupStart: 0, start: 10, end: 60, weight: 1, final: false },
      { id: 'b', symbol: 'X', data: contentKey('data'), warmupStart: 0, start: 60, end: 100, weight: 2, final: true },
    ],
    simulation: { preset: 'reference' },
    want: { state: false, returns: true, metrics: 'standard' },
    signal: new AbortController().signal,
    ...over,
  }
}

/** A small engine: a pure function of program and slice. Trials with x below 0.05 fail. */
const engine: Evaluate = async ({ trials, slices, want, signal }) => {
  signal.throwIfAborted()
  return trials.map(({ id, program }): Evaluation => {
    const x = program.kind === 'module' ? Number(program.params.x) : 0
    const cost = { bars: 90, ms: 1 }
    if (x < 0.05)
      return {
        id,
        cost,
        status: 'failed',
        error: { code: 'TRIAL_FAILED', message: '[TRIAL_FAILED] x is small', details: { x } },
      }
    return {
      id,
      cost,
      status: 'done',
      slices: slices.map(({ start, end }) => ({
        metrics: {
          sharpe: Math.sin(x * end),
          totalReturn: x - start / 1000,
          profitFactor: x > 0.9 ? Number.NaN : Number.POSITIVE_INFINITY,
        },
        ...(want.returns
          ? { returns: Float64Array.from({ length: end - start }, (_, i) => Math.cos(x * i) / 100) }
          : {}),
        ...(want.state ? { state: { version: '1', bar: end - 1, data: { x } } } : {}),
      })),
    }
  })
}

/** Without the measured time, which no two runs share. */
const content = (answer: readonly Evaluation[]): unknown => answer.map(({ cost: _, ...rest }) => rest)

const suggestion: SuggestRequest = {
  space,
  count: 4,
  firstTrial: 0,
  history: [],
  directions: ['maximize'],
  seed: 1,
  rng: (trial) => createRng(1, trial),
  signal: new AbortController().signal,
}

const core = {
  suggest: async ({ count, firstTrial, rng }: SuggestRequest) =>
    Array.from({ length: count }, (_, i) => ({ x: rng(firstTrial + i).uniform() })),
  schedule: async () => [],
  evaluate: engine,
}

const xs = [0.3, 0.7, 0.01, 0.3, 0.95]

const tests: readonly ContractTest<Optimizer>[] = [
  {
    name: 'is well described',
    run(optimizer) {
      defineOptimizer(optimizer)
    },
  },
  {
    name: 'answers one Evaluation per id, again and again',
    async run(optimizer) {
      await optimizer.setup?.(host)
      const { evaluate } = composeOnion([optimizer], core)
      for (let round = 0; round < 3; round++) {
        const answer = await evaluate(request(xs))
        ensureSame(
          answer.map((e) => e.id),
          [100, 101, 102, 103, 104],
          'every id once, in order',
        )
      }
      ensureSame(await evaluate(request([])), [], 'an empty batch has an empty answer')
    },
  },
  {
    name: 'leaves every trial bit-identical, if it says it is exact',
    async run(optimizer) {
      if (optimizer.effect !== 'exact') return
      await optimizer.setup?.(host)
      const { evaluate } = composeOnion([optimizer], core)
      for (const want of [
        { state: false, returns: true, metrics: 'standard' },
        { state: true, returns: false, metrics: 'standard' },
      ] as const) {
        const plain = content(await engine(request(xs, { want })))
        for (let round = 0; round < 3; round++)
          ensureSame(content(await evaluate(request(xs, { want }))), plain, `the answers of round ${round}`)
      }
      const other = request(xs, { simulation: { preset: 'realistic' } })
      ensureSame(content(await evaluate(other)), content(await engine(other)), 'other options')
    },
  },
  {
    name: 'leaves the request alone',
    async run(optimizer) {
      await optimizer.setup?.(host)
      const asked = request(xs)
      const { signal: _, ...before } = structuredClone({ ...asked, signal: undefined })
      await composeOnion([optimizer], core).evaluate(asked)
      const { signal: __, ...after } = asked
      ensureSame(after, before, 'the request is only read')
    },
  },
  {
    name: 'lets an abort through untouched',
    async run(optimizer) {
      await optimizer.setup?.(host)
      const reason = Object.assign(new Error('off'), { code: 'MINE' })
      const aborted = request([0.42], { signal: AbortSignal.abort(reason) })
      await ensureRejects(() => composeOnion([optimizer], core).evaluate(aborted), 'MINE', 'the reason of the signal')
    },
  },
  {
    name: 'suggests inside the space, if it suggests',
    async run(optimizer) {
      await optimizer.setup?.(host)
      const answer = await composeOnion([optimizer], core).suggest(suggestion)
      ensure(answer.length > 0 && answer.length <= 4, 'between one and as many as asked')
      for (const params of answer) space.check(params)
    },
  },
  {
    name: 'takes back what it saved, and closes twice without harm',
    async run(optimizer) {
      await optimizer.setup?.(host)
      const state = optimizer.save?.()
      if (state !== undefined) optimizer.restore?.(structuredClone(state))
      for (const [name, value] of Object.entries(optimizer.stats?.() ?? {}))
        ensure(typeof value === 'number', `stat '${name}' is a number`)
      await optimizer[Symbol.asyncDispose]?.()
      await optimizer[Symbol.asyncDispose]?.()
    },
  },
]

/** Tests an optimizer: its description, its answers, and that an `exact` one changes nothing. */
export function optimizerContract(options: ContractOptions<Optimizer>): void {
  registerSuite('optimizer contract', options, tests)
}
