import type { Profiler } from '@tradewright/core'
import {
  type ContractOptions,
  type ContractTest,
  ensure,
  ensureRejects,
  ensureSame,
  registerSuite,
} from './contract.ts'

const span = (profiler: Profiler, name: string): { calls: number; totalMs: number; selfMs: number } => {
  const found = profiler.report().spans.find((s) => s.name === name)
  ensure(found !== undefined, `span '${name}' is reported`)
  return found
}

const tests: readonly ContractTest<Profiler>[] = [
  {
    name: 'passes results, promises and errors through',
    async run(profiler) {
      ensureSame(
        profiler.span('sync', () => 5),
        5,
        'a result',
      )
      ensureSame(await profiler.span('async', async () => 6), 6, 'a promise')
      await ensureRejects(
        () =>
          profiler.span('throws', () => {
            throw Object.assign(new Error('x'), { code: 'IO' })
          }),
        'IO',
        'an error',
      )
      await ensureRejects(
        () => profiler.span('rejects', () => Promise.reject(Object.assign(new Error('x'), { code: 'IO' }))),
        'IO',
        'a rejection',
      )
      for (const name of ['sync', 'async', 'throws', 'rejects'])
        ensureSame(span(profiler, name).calls, 1, `one call of ${name}`)
    },
  },
  {
    name: 'sums the calls of a name, and never counts less than nothing',
    run(profiler) {
      for (let i = 0; i < 3; i++) profiler.span('work', () => undefined)
      const { calls, totalMs, selfMs } = span(profiler, 'work')
      ensureSame(calls, 3, 'three calls')
      ensure(
        totalMs >= 0 && selfMs >= 0 && selfMs <= totalMs + 1e-9,
        'times are not negative, and self is part of total',
      )
    },
  },
  {
    name: 'takes snapshots of memory',
    run(profiler) {
      const snapshot = profiler.snapshot('before')
      ensureSame(snapshot.label, 'before', 'the label')
      ensure(snapshot.heapUsed > 0, 'some memory is used')
      ensureSame(
        profiler.report().snapshots.map((s) => s.label),
        ['before'],
        'it is in the report',
      )
    },
  },
]

/** Tests an implementation of core's `Profiler`. */
export function profilerContract(options: ContractOptions<Profiler>): void {
  registerSuite('profiler contract', options, tests)
}
