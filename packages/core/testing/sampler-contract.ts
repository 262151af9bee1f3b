import {
  bool,
  choice,
  createRng,
  type Direction,
  defineSpace,
  type FinishedTrial,
  float,
  int,
  oneOf,
  type Params,
  type SampleRequest,
  type Sampler,
  type Space,
} from '@tradewright/core'
import { type ContractOptions, type ContractTest, ensure, ensureSame, registerSuite } from './contract.ts'

const spaces: Readonly<Record<string, Space>> = {
  continuous: defineSpace({ x: float(-5, 5), y: float(1e-4, 1, { log: true }) }) as unknown as Space,
  discrete: defineSpace({
    n: int(1, 100),
    k: int(2, 64, { log: true }),
    pick: choice(['a', 'b', 'c']),
    on: bool(),
  }) as unknown as Space,
  constrained: defineSpace(
    { fast: int(1, 50), slow: int(1, 50) },
    { where: ({ fast, slow }) => fast < slow },
  ) as unknown as Space,
  conditional: defineSpace({
    lr: float(0.001, 1, { log: true }),
    exit: oneOf('kind', { atr: { mult: float(1, 5) }, time: { bars: int(5, 100), hard: bool() } }),
  }) as unknown as Space,
  single: defineSpace({ only: int(3, 3) }) as unknown as Space,
}

const score = (space: Space, params: Params): number => space.toUnit(params).reduce((sum, u) => sum + (u - 0.3) ** 2, 0)

function request(
  space: Space,
  history: readonly FinishedTrial[],
  count: number,
  seed: number,
  objectives: number,
): SampleRequest {
  return {
    space,
    count,
    firstTrial: history.length,
    history,
    directions: Array.from({ length: objectives }, (): Direction => 'minimize'),
    seed,
    rng: (trial) => createRng(seed, trial * 2),
    budget: 200,
  }
}

/** Runs a sampler for some generations of 8; `poison` gives some trials bad ends. */
function play(
  sampler: Sampler,
  space: Space,
  seed: number,
  options: { poison?: boolean; generations?: number; objectives?: number } = {},
): FinishedTrial[] {
  const { poison = false, generations = 5, objectives = 1 } = options
  const history: FinishedTrial[] = []
  for (let g = 0; g < generations; g++)
    for (const params of sampler.sample(request(space, history.slice(), 8, seed, objectives))) {
      const number = history.length
      const base = { number, params, reports: [] }
      const value = score(space, params)
      if (poison && number % 5 === 1) history.push({ ...base, status: 'failed', values: [] })
      else if (poison && number % 5 === 2) history.push({ ...base, status: 'done', values: [Number.POSITIVE_INFINITY] })
      else if (poison && number % 5 === 3)
        history.push({ ...base, status: 'pruned', values: [], reports: [{ id: number, step: 1, value }] })
      else history.push({ ...base, status: 'done', values: Array.from({ length: objectives }, (_, i) => value + i) })
    }
  return history
}

/** Options of {@link samplerContract}. */
export interface SamplerContractOptions extends ContractOptions<Sampler> {
  /** Names of the suite's spaces that the sampler cannot serve: conditional, constrained, ... */
  readonly without?: readonly ('continuous' | 'discrete' | 'constrained' | 'conditional')[] | undefined
}

/** Tests an implementation of core's `Sampler`. */
export function samplerContract(options: SamplerContractOptions): void {
  const { without = [], make } = options
  const served = Object.entries(spaces).filter(([name]) => !without.some((other) => other === name))
  const tests: ContractTest<Sampler>[] = served.map(([name, space]) => ({
    name: `stays inside the ${name} space`,
    run(sampler) {
      const trials = play(sampler, space, 1)
      ensure(trials.length > 0, 'a sampler suggests something')
      for (const { params } of trials) space.check(params)
    },
  }))
  const [, first] = served[0]
  tests.push(
    {
      name: 'the same history and seed give the same parameters',
      async run(sampler) {
        for (const [name, space] of served)
          ensureSame(play(await make(), space, 7), play(await make(), space, 7), `a sampler is deterministic (${name})`)
        ensure(sampler.name.length > 0, 'a sampler has a name')
      },
    },
    {
      name: 'another seed gives other parameters',
      async run() {
        const a = play(await make(), first, 1).map((t) => t.params)
        const b = play(await make(), first, 2).map((t) => t.params)
        ensure(JSON.stringify(a) !== JSON.stringify(b), 'seeds matter')
      },
    },
    {
      name: 'failed, infinite and pruned trials harm nothing',
      async run() {
        for (const [, space] of served)
          for (const { params } of play(await make(), space, 3, { poison: true, generations: 8 })) space.check(params)
      },
    },
    {
      name: 'gives at most as many as asked, and leaves the history alone',
      run(sampler) {
        const history = play(sampler, first, 4, { generations: 2 })
        const before = structuredClone(history)
        const answer = sampler.sample(request(first, history, 3, 4, 1))
        ensure(answer.length <= 3, 'at most count')
        ensureSame(history, before, 'the history is only read')
      },
    },
    {
      name: 'continues exactly from saved state',
      async run(sampler) {
        const history = play(sampler, first, 5, { generations: 3 })
        const state = sampler.save?.()
        const ask = request(first, history, 8, 5, 1)
        const other = await make()
        if (state !== undefined) other.restore?.(structuredClone(state))
        ensureSame(other.sample(ask), sampler.sample(ask), 'a restored sampler continues like the original')
      },
    },
  )
  registerSuite('sampler contract', options, tests)
}
