import { describe, expect, it } from 'vitest'
import {
  composeOnion,
  createRng,
  defineOptimizer,
  defineSpace,
  type Evaluate,
  type EvaluationRequest,
  float,
  type Optimizer,
  orderOptimizers,
  type SuggestRequest,
} from '../src/index.ts'

const request = (ids: readonly number[]): EvaluationRequest => ({
  trials: ids.map((id) => ({
    id,
    program: { kind: 'module', strategy: 's', module: 'm', export: 'e', version: '1', params: {} },
  })),
  slices: [{ id: 'a', symbol: 'X', data: 'f', warmupStart: 0, start: 0, end: 10, weight: 1, final: true }],
  simulation: {},
  want: { state: false, returns: false, metrics: 'standard' },
  signal: new AbortController().signal,
})

const engine: Evaluate = async ({ trials, slices }) =>
  trials.map(({ id }) => ({
    id,
    cost: { bars: 10, ms: 1 },
    status: 'done',
    slices: slices.map(() => ({ metrics: { sharpe: id } })),
  }))

const core = { suggest: async () => [], schedule: async () => [], evaluate: engine }

const named = (name: string, log: string[], enforce?: 'pre' | 'post'): Optimizer =>
  defineOptimizer({
    name,
    effect: 'exact',
    enforce,
    evaluate: (r, next) => {
      log.push(name)
      return next(r)
    },
  })

describe('composeOnion', () => {
  it('runs outermost first: pre, outer, unmarked, middle, post, inner', async () => {
    const log: string[] = []
    const ordered = orderOptimizers(
      [named('c', log), named('e', log, 'post'), named('a', log, 'pre'), named('c2', log)],
      {
        outer: [named('b', log)],
        middle: [named('d', log)],
        inner: [named('f', log)],
      },
    )
    await composeOnion(ordered, core).evaluate(request([1]))
    expect(log).toEqual(['a', 'b', 'c', 'c2', 'd', 'e', 'f'])
  })

  it('gives answers back in the order of the request', async () => {
    const shuffler = defineOptimizer({
      name: 'shuffler',
      effect: 'exact',
      evaluate: async (r, next) => [...(await next(r))].reverse(),
    })
    const answer = await composeOnion([shuffler], core).evaluate(request([3, 1, 2]))
    expect(answer.map((e) => e.id)).toEqual([3, 1, 2])
  })

  it.each([
    [
      'missing',
      (e: readonly never[]) => e.slice(1),
      /optimizer 'thief' must answer one Evaluation per trial id: id 1 is missing/,
    ],
    ['twice', (e: readonly never[]) => [...e, e[0]], /id 1 came twice/],
    ['foreign', (e: readonly { id: number }[]) => [...e, { ...e[0], id: 77 }], /id 77 was not asked for/],
    ['no list', () => 5, /the answer was number/],
    ['slices', (e: readonly object[]) => e.map((x) => ({ ...x, slices: [] })), /id 1 has 0 slice results for 1 slices/],
  ])('names the optimizer whose answer is wrong: %s', async (_name, spoil, message) => {
    const thief = defineOptimizer({
      name: 'thief',
      effect: 'exact',
      evaluate: async (r, next) => spoil((await next(r)) as never) as never,
    })
    const honest = named('honest', [])
    await expect(composeOnion([honest, thief], core).evaluate(request([1, 2]))).rejects.toThrow(message)
  })

  it('refuses suggestions outside the space, by name of the suggester', async () => {
    const space = defineSpace({ x: float(0, 1) })
    const ask: SuggestRequest = {
      space: space as never,
      count: 1,
      firstTrial: 0,
      history: [],
      directions: ['minimize'],
      seed: 0,
      rng: (t) => createRng(0, t),
      signal: new AbortController().signal,
    }
    const bad = defineOptimizer({ name: 'outlier', effect: 'search', suggest: async () => [{ x: 2 }] })
    await expect(composeOnion([bad], core).suggest(ask)).rejects.toThrow(
      /optimizer 'outlier'.*'x' must be a number from 0 to 1/,
    )
    const greedy = defineOptimizer({ name: 'greedy', effect: 'search', suggest: async () => [{ x: 0 }, { x: 1 }] })
    await expect(composeOnion([greedy], core).suggest(ask)).rejects.toThrow(/at most 1/)
  })

  it('refuses two of one name, and says what a system has not', async () => {
    expect(() => orderOptimizers([named('a', []), named('a', [])], { outer: [], middle: [], inner: [] })).toThrow(
      /\[DUPLICATE_NAME\].*'a'/,
    )
    await expect(composeOnion([], core).fit({} as never)).rejects.toThrow(/\[NOT_AVAILABLE\]/)
  })
})

describe('defineOptimizer', () => {
  it.each([
    [{ name: 'Not Kebab', effect: 'exact', evaluate: engine }, /kebab-case/],
    [{ name: 'a', effect: 'maybe', evaluate: engine }, /effect 'exact' or 'search'/],
    [{ name: 'a', effect: 'exact', enforce: 'first', evaluate: engine }, /enforce 'pre' or 'post'/],
    [{ name: 'a', effect: 'exact', evaluate: 5 }, /hook 'evaluate'.*must be a function/],
    [{ name: 'a', effect: 'exact' }, /at least one hook/],
  ])('refuses %j', (optimizer, message) => {
    expect(() => defineOptimizer(optimizer as never)).toThrow(message)
  })
})
