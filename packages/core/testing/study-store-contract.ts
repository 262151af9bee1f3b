import type { StoredGeneration, StudyHeader, StudyStore } from '@tradewright/core'
import { type ContractOptions, type ContractTest, ensureRejects, ensureSame, registerSuite } from './contract.ts'

const header = (name: string): StudyHeader => ({
  name,
  space: 'abc',
  directions: ['maximize', 'minimize'],
  seed: 12,
  generationSize: 2,
  sampler: 'random',
})

const generation = (g: number): StoredGeneration => ({
  generation: g,
  finished: [
    {
      number: g * 2,
      params: { a: g, b: 'x', c: { d: true } },
      status: 'done',
      values: [Number.POSITIVE_INFINITY, -0],
      reports: [{ id: g * 2, step: 1, value: Number.NaN }],
    },
    {
      number: g * 2 + 1,
      params: { a: 0.1 },
      status: 'failed',
      values: [],
      reports: [],
      error: { code: 'TRIAL_FAILED', message: 'm', details: {} },
    },
  ],
  paused: [{ number: 99, params: { a: 1 }, reports: [] }],
  nextTrial: g * 2 + 2,
  sampler: { state: Float64Array.of(1, Number.NaN, -0), big: 10n, map: new Map([['a', 1]]) },
})

const tests: readonly ContractTest<StudyStore>[] = [
  {
    name: 'has no study that was not created',
    async run(store) {
      ensureSame(await store.load('none'), undefined, 'load gives undefined')
      ensureSame(await store.list(), [], 'list is empty')
    },
  },
  {
    name: 'gives back every generation without loss',
    async run(store) {
      await store.create(header('a'))
      for (let g = 0; g < 5; g++) await store.append('a', generation(g))
      ensureSame(
        await store.load('a'),
        { header: header('a'), generations: [0, 1, 2, 3, 4].map(generation) },
        'the stored study',
      )
    },
  },
  {
    name: 'keeps studies apart',
    async run(store) {
      await store.create(header('a'))
      await store.create(header('b'))
      await store.append('b', generation(0))
      ensureSame((await store.load('a'))?.generations, [], 'a has nothing of b')
      ensureSame([...(await store.list())].sort(), ['a', 'b'], 'both are listed')
      await store.delete('a')
      ensureSame(await store.list(), ['b'], 'a is gone')
      ensureSame((await store.load('b'))?.generations.length, 1, 'b stays')
    },
  },
  {
    name: 'refuses a study twice, and generations out of order',
    async run(store) {
      await store.create(header('a'))
      await ensureRejects(() => store.create(header('a')), 'DUPLICATE_NAME', 'a name is taken')
      await ensureRejects(() => store.append('a', generation(1)), 'STUDY_CONFLICT', 'a gap')
      await store.append('a', generation(0))
      await ensureRejects(() => store.append('a', generation(0)), 'STUDY_CONFLICT', 'the same generation twice')
      ensureSame((await store.load('a'))?.generations.length, 1, 'one was stored')
    },
  },
  {
    name: 'keeps copies',
    async run(store) {
      await store.create(header('a'))
      const given = structuredClone(generation(0)) as { nextTrial: number }
      await store.append('a', given as never)
      given.nextTrial = 77
      ensureSame((await store.load('a'))?.generations[0].nextTrial, 2, 'a later change of the caller does not count')
    },
  },
  {
    name: 'closes once, and is closed then',
    async run(store) {
      await store[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await ensureRejects(() => store.load('a'), 'DISPOSED', 'a closed store refuses')
    },
  },
]

/** Options of {@link studyStoreContract}. */
export interface StudyStoreContractOptions extends ContractOptions<StudyStore> {
  /** Opens what closed instances left, for stores that outlive their process. */
  readonly reopen?: ((closed: StudyStore) => StudyStore | Promise<StudyStore>) | undefined
}

/** Tests an implementation of core's `StudyStore`. */
export function studyStoreContract(options: StudyStoreContractOptions): void {
  const { reopen } = options
  const durable: readonly ContractTest<StudyStore>[] =
    reopen === undefined
      ? []
      : [
          {
            name: 'keeps studies across closing and opening',
            async run(store) {
              await store.create(header('a'))
              await store.append('a', generation(0))
              await store[Symbol.asyncDispose]()
              const again = await reopen(store)
              try {
                ensureSame((await again.load('a'))?.generations, [generation(0)], 'a reopened store has its studies')
                await again.append('a', generation(1))
                ensureSame((await again.load('a'))?.generations.length, 2, 'and goes on')
              } finally {
                await again[Symbol.asyncDispose]()
              }
            },
          },
        ]
  registerSuite('study store contract', options, [...tests, ...durable])
}
