import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isTradewrightError, type Task } from '@tradewright/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { poolSize, type WorkerPool, workerPool } from '../src/index.ts'
import { threadVariables } from '../src/pool-size.ts'
import { bundledEntries, scratchFolder } from './bundled-entries.ts'

const module = new URL('tasks/tasks.mjs', import.meta.url).href
const task = (name: string, data: Task['data'] = undefined, over: Partial<Task> = {}): Task => ({
  module,
  export: name,
  data,
  ...over,
})
let counter = 0
const fresh = (): string => join(scratchFolder(), `attempts-${counter++}`)
const attempts = (file: string): number => readFileSync(file, 'utf8').length

describe('pool size', () => {
  it('is no more threads than cores, native threads counted, unless it is said', () => {
    expect(poolSize({ cores: 2 })).toBe(2)
    expect(poolSize({ cores: 32 })).toBe(8)
    expect(poolSize({ cores: 8, threadsPerWorker: 4 })).toBe(2)
    expect(poolSize({ cores: 2, threadsPerWorker: 4 })).toBe(1)
    expect(poolSize({ cores: 2, maxWorkers: 7 })).toBe(7)
    for (const maxWorkers of [0, Number.NaN, 2.5, 1e9]) expect(() => poolSize({ maxWorkers })).toThrow('[BAD_OPTION]')
  })

  it('counts the threads that the environment gives native engines, where they run', () => {
    const env = { OMP_NUM_THREADS: '4', OPENBLAS_NUM_THREADS: '' }
    expect(poolSize({ cores: 8, isolation: 'process' }, env)).toBe(2)
    expect(poolSize({ cores: 8, isolation: 'process', threadsPerWorker: 2 }, env)).toBe(4)
    expect(poolSize({ cores: 8 }, env)).toBe(8) // a machine's setting for other programs
    expect(poolSize({ cores: 8, isolation: 'process' }, { OMP_NUM_THREADS: 'many' })).toBe(8)
  })

  it('tells native engines of child processes how many threads are theirs', async () => {
    expect(threadVariables({ cores: 8 }, 2, {})).toEqual({
      OMP_NUM_THREADS: '4',
      OPENBLAS_NUM_THREADS: '4',
      MKL_NUM_THREADS: '4',
    })
    expect(threadVariables({ cores: 2 }, 7, { OMP_NUM_THREADS: '3' })).toEqual({
      OPENBLAS_NUM_THREADS: '3',
      MKL_NUM_THREADS: '3',
    })
    const pool = workerPool({
      maxWorkers: 2,
      cores: 4,
      threadsPerWorker: 2,
      isolation: 'process',
      entries: await bundledEntries(),
    })
    expect(await pool.run(task('environment', { name: 'OPENBLAS_NUM_THREADS' }))).toBe('2')
    await pool[Symbol.asyncDispose]()
  })
})

describe.each(['thread', 'process'] as const)('worker pool of %ss', (isolation) => {
  let pool: WorkerPool
  let entries: Awaited<ReturnType<typeof bundledEntries>>
  beforeAll(async () => {
    entries = await bundledEntries()
    pool = workerPool({ maxWorkers: 2, isolation, entries, maxHeapMb: 64, timeoutMs: 20_000 })
  })
  afterAll(() => pool[Symbol.asyncDispose]())

  it('runs tasks elsewhere, several at once, each answer to its task', async () => {
    const answers = (await Promise.all(
      Array.from({ length: 50 }, (_, n) => pool.run(task('double', { n }))),
    )) as unknown as { n: number; thread: number; main: boolean; pid: number }[]
    expect(answers.map(({ n }) => n)).toEqual(Array.from({ length: 50 }, (_, n) => n * 2))
    if (isolation === 'thread') expect(answers.every(({ main, pid }) => !main && pid === process.pid)).toBe(true)
    else expect(answers.every(({ pid }) => pid !== process.pid)).toBe(true)
    expect(pool.stats().workers).toBe(2)
    expect(pool.size).toBe(2)
  })

  it('carries errors over: code, details, message', async () => {
    const error: unknown = await pool
      .run(task('failsAlways', { file: fresh(), how: 'tradewright' }))
      .catch((e: unknown) => e)
    expect(isTradewrightError(error)).toBe(true)
    expect(error).toMatchObject({
      code: 'BAD_DATA',
      details: { row: 3 },
      message: '[BAD_DATA] rows must ascend, was 3',
    })
    await expect(pool.run(task('failsAlways', { file: fresh(), how: 'throws' }))).rejects.toMatchObject({
      code: 'TASK_FAILED',
      message: '[TASK_FAILED] TypeError: bad luck',
    })
    await expect(pool.run(task('notAFunction'))).rejects.toThrow("must export a function 'notAFunction'")
  })

  const kinds = isolation === 'thread' ? ['throws', 'exits', 'uncloneable', 'memory'] : ['throws', 'exits', 'killed']
  it.each(kinds)('a worker that %s: the task runs once more on a fresh one', async (how) => {
    const file = fresh()
    expect(await pool.run(task('failsOnce', { file, how }))).toBe('second time')
    expect(attempts(file)).toBe(2)
  })

  it.each(kinds)('a worker that %s twice: the task fails with the reason, and the pool keeps its size', async (how) => {
    const file = fresh()
    const others = Promise.all(Array.from({ length: 6 }, (_, n) => pool.run(task('double', { n }))))
    const failing = pool.run(task('failsAlways', { file, how }))
    const code = how === 'memory' ? 'OUT_OF_MEMORY' : 'TASK_FAILED'
    await expect(failing).rejects.toMatchObject({ code })
    expect(attempts(file)).toBe(2)
    expect((await others).length).toBe(6)
    const after = await Promise.all([task('slow', { ms: 30 }), task('slow', { ms: 30 })].map((t) => pool.run(t)))
    expect(after).toEqual([0, 0])
    expect(pool.stats().workers).toBe(2)
  })

  it('a worker that loops for ever is ended at the time limit, twice', async () => {
    const file = fresh()
    const { retried } = pool.stats()
    await expect(pool.run(task('failsAlways', { file, how: 'loops' }), { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    })
    expect(attempts(file)).toBe(2)
    expect(pool.stats().retried).toBe(retried + 1)
    expect(await pool.run(task('double', { n: 4 }))).toMatchObject({ n: 8 })
  })

  it('what does not fit the task runs again, then fails', async () => {
    const file = fresh()
    await expect(
      pool.run(task('failsAlways', { file, how: 'none' }), { accept: (value) => typeof value === 'number' }),
    ).rejects.toThrow('does not fit the task')
    expect(attempts(file)).toBe(2)
  })

  it('an abort answers at once with its reason, and the worker is replaced', async () => {
    const controller = new AbortController()
    const file = fresh()
    const running = pool.run(task('failsAlways', { file, how: 'loops' }, { signal: controller.signal }))
    await expect
      .poll(
        () => {
          try {
            return attempts(file)
          } catch {
            return 0
          }
        },
        { interval: 5 },
      )
      .toBe(1)
    const begun = performance.now()
    controller.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    expect(performance.now() - begun).toBeLessThan(2000) // 200 ms where the machine is not shared
    expect(attempts(file)).toBe(1)
    await expect(
      pool.run(task('double', { n: 1 }, { signal: AbortSignal.abort(new Error('before')) })),
    ).rejects.toThrow('before')
    expect(await pool.run(task('double', { n: 4 }))).toMatchObject({ n: 8 })
  })

  it('runs higher priorities first', async () => {
    const file = fresh()
    const blockers = [0, 1].map(() => pool.run(task('slow', { ms: 60 })))
    const tasks = ['c', 'a', 'b'].map((name, i) => pool.run(task('order', { file, name }), { priority: [1, 3, 2][i] }))
    await Promise.all([...blockers, ...tasks])
    expect(readFileSync(file, 'utf8')[2]).toBe('c')
  })

  if (isolation === 'thread')
    it('gives shared memory without a copy', async () => {
      const shared = [new SharedArrayBuffer(64)]
      await pool.run(task('write', undefined, { shared }))
      expect(new Int32Array(shared[0])[0]).toBe(42)
    })

  it('loads TypeScript modules', async () => {
    const typed = new URL('tasks/typed.ts', import.meta.url).href
    expect(await pool.run({ module: typed, export: 'triple', data: { n: 5 } })).toBe(15)
  })

  it('closes once, and refuses then', async () => {
    const own = workerPool({ maxWorkers: 1, isolation, entries })
    const running = own.run(task('slow', { ms: 5000 }))
    running.catch(() => undefined)
    const waiting = own.run(task('double', { n: 1 }))
    waiting.catch(() => undefined)
    await own.start()
    await own[Symbol.asyncDispose]()
    await own[Symbol.asyncDispose]()
    await expect(running).rejects.toMatchObject({ code: 'DISPOSED' })
    await expect(waiting).rejects.toMatchObject({ code: 'DISPOSED' })
    await expect(own.run(task('double', { n: 1 }))).rejects.toMatchObject({ code: 'DISPOSED' })
  })
})

describe('a child process', () => {
  it('above its memory limit is replaced, while it works or after', async () => {
    const entries = await bundledEntries()
    const pool = workerPool({ maxWorkers: 1, isolation: 'process', entries, maxBytes: 250 * 1024 ** 2 })
    try {
      const small = await pool.run(task('grow', { mb: 1 }))
      expect(await pool.run(task('grow', { mb: 1 }))).toBe(small)
      await pool.run(task('grow', { mb: 400 })).catch(() => undefined) // some answer before anybody looks
      expect(await pool.run(task('grow', { mb: 1 }))).not.toBe(small)
      await expect(pool.run(task('failsAlways', { file: fresh(), how: 'memory' }))).rejects.toMatchObject({
        code: 'OUT_OF_MEMORY',
      })
      expect(await pool.run(task('double', { n: 2 }))).toMatchObject({ n: 4 })
    } finally {
      await pool[Symbol.asyncDispose]()
    }
  })
})

describe('where workers cannot start', () => {
  it('tasks run in line, and it is said once of threads and once of processes', async () => {
    const warnings: string[] = []
    const pool = workerPool({
      entries: { thread: '/nowhere/worker.mjs', process: '/nowhere/worker.mjs' },
      onWarning: ({ message }) => warnings.push(message),
    })
    expect(await pool.start()).toBe(false)
    expect(await pool.run(task('double', { n: 2 }))).toMatchObject({ n: 4, pid: process.pid, main: true })
    expect(await pool.run(task('double', { n: 3 }, { isolation: 'process' }))).toMatchObject({ n: 6, pid: process.pid })
    expect(await pool.run({ module: 'tradewright:', export: 'ping', data: undefined })).toBe(0)
    expect(warnings).toEqual(new Array(2).fill('workers could not be started: the run goes on in line, on one core'))
    expect(pool.stats().inline).toBe(1)
    await pool[Symbol.asyncDispose]()
  })
})
