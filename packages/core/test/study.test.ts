import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  choice,
  createEvents,
  createStudy,
  defineSpace,
  float,
  int,
  isTradewrightError,
  memoryStudyStore,
  type Pruner,
  type Sampler,
  type StudyStore,
} from '../src/index.ts'

const space = defineSpace({ x: float(-5, 5), y: float(-5, 5) })
const bowl = ({ params }: { params: { x: number; y: number } }): number => (params.x - 1) ** 2 + (params.y + 2) ** 2

/** A sampler that learns: perturbs the best so far, so that any leak of order or timing shows. */
const climbing: Sampler = {
  name: 'climbing',
  sample({ space, count, firstTrial, history, rng }) {
    const best = history
      .filter((t) => t.status === 'done')
      .sort((a, b) => a.values[0] - b.values[0] || a.number - b.number)[0]
    return Array.from({ length: count }, (_, i) => {
      const draws = rng(firstTrial + i)
      if (best === undefined) return space.sample(draws)
      return space.fromUnit(space.toUnit(best.params).map((u) => u + 0.1 * draws.normal()))
    })
  },
}

describe('createStudy', () => {
  it('minimizes and maximizes', async () => {
    const low = await createStudy({ space, directions: 'minimize', seed: 1 }).optimize(bowl, { trials: 600 })
    expect(low.best.value).toBeLessThan(0.5)
    expect(low.trials).toHaveLength(600)
    expect(low.why).toBe('budget')
    const high = await createStudy({ space, directions: ['maximize'], seed: 1 }).optimize(bowl, { trials: 600 })
    expect(high.best.value).toBeGreaterThan(60)
  })

  it('gives the same study at any concurrency, and another for another seed', async () => {
    const run = async (seed: number, concurrency: number): Promise<readonly number[]> => {
      const study = createStudy({ space, sampler: climbing, directions: 'minimize', seed })
      const result = await study.optimize(
        async (trial) => {
          // Later trials finish first: the order of finishing must not matter.
          for (let i = 0; i < (trial.number * 7) % 5; i++) await Promise.resolve()
          return bowl(trial) + 1e-3 * trial.rng.uniform()
        },
        { trials: 43, concurrency },
      )
      return result.trials.flatMap((t) => [t.number, t.values[0], t.params.x as number])
    }
    const one = await run(5, 1)
    expect(await run(5, 2)).toEqual(one)
    expect(await run(5, 7)).toEqual(one)
    expect(await run(6, 1)).not.toEqual(one)
  })

  it('resumed equals whole, wherever it was cut', async () => {
    const whole = await createStudy({ space, sampler: climbing, seed: 3 }).optimize(bowl, { trials: 40 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 45 }), async (cut) => {
        const store = memoryStudyStore()
        let calls = 0
        const abort = new AbortController()
        const first = createStudy({ space, sampler: climbing, seed: 3, store })
        const objective = (trial: Parameters<typeof bowl>[0]): number => {
          if (calls++ === cut) abort.abort(new Error('killed'))
          return bowl(trial)
        }
        await first
          .optimize(objective, { trials: 40, signal: abort.signal })
          .catch((error: Error) => expect(error.message).toBe('killed'))
        const resumed = await createStudy({ space, sampler: climbing, seed: 3, store }).optimize(bowl, { trials: 40 })
        expect(resumed.trials).toEqual(whole.trials)
      }),
      { numRuns: 20 },
    )
  })

  it('stops in order and keeps what is finished, as a prefix', async () => {
    const stop = new AbortController()
    const store = memoryStudyStore()
    const study = createStudy({ space, sampler: climbing, seed: 3, store })
    const result = await study.optimize(
      (trial) => {
        if (trial.number === 10) stop.abort()
        return bowl(trial)
      },
      { trials: 40, stop: stop.signal },
    )
    expect(result.why).toBe('stopped')
    expect(result.trials.map((t) => t.number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    const whole = await createStudy({ space, sampler: climbing, seed: 3 }).optimize(bowl, { trials: 40 })
    expect(result.trials).toEqual(whole.trials.slice(0, 11))
    expect(
      (await createStudy({ space, sampler: climbing, seed: 3, store }).optimize(bowl, { trials: 40 })).trials,
    ).toEqual(whole.trials)
  })

  it('records a trial that throws or gives no number, and goes on', async () => {
    const answers: Record<number, unknown> = { 1: Number.NaN, 2: 'three', 3: [1, 2], 4: undefined }
    const result = await createStudy({ space, seed: 1, generationSize: 4 }).optimize(
      ({ number }) => {
        if (number === 0) throw new RangeError('no data')
        return number in answers ? (answers[number] as number) : number
      },
      { trials: 8 },
    )
    expect(result.trials.map((t) => t.status)).toEqual([
      'failed',
      'failed',
      'failed',
      'failed',
      'failed',
      'done',
      'done',
      'done',
    ])
    expect(result.trials[0].error?.message).toBe('[TRIAL_FAILED] RangeError: no data')
    expect(result.trials[1].error?.code).toBe('BAD_OBJECTIVE')
    expect(result.best.value).toBe(5)
  })

  it('says why there is no best trial', async () => {
    const result = await createStudy({ space }).optimize(
      () => {
        throw new Error('never works')
      },
      { trials: 3 },
    )
    expect(() => result.best).toThrow(/\[TRIAL_FAILED\].*3 ended.*never works/)
  })

  it('prunes with the reason of the pruner, from what earlier generations know', async () => {
    const views: number[] = []
    const pruner: Pruner = {
      name: 'odd',
      decide(reports, view) {
        views.push(view.trials.length)
        const id = reports[0].id
        return [{ id, action: id % 2 === 1 ? 'stop' : 'continue', why: `trial ${id} is odd` }]
      },
    }
    const study = createStudy({ space, pruner, seed: 1, generationSize: 4 })
    const result = await study.optimize(
      (trial) => {
        trial.report(1, 5)
        if (trial.shouldPrune()) throw trial.prune()
        trial.report(2, 4)
        return trial.number
      },
      { trials: 8, concurrency: 3 },
    )
    expect(result.trials.map((t) => t.status)).toEqual([
      'done',
      'pruned',
      'done',
      'pruned',
      'done',
      'pruned',
      'done',
      'pruned',
    ])
    expect(result.trials[3]).toMatchObject({ why: 'trial 3 is odd', reports: [{ id: 3, step: 1, value: 5 }] })
    expect(result.trials[2].reports).toHaveLength(2)
    expect(new Set(views)).toEqual(new Set([0, 4]))
  })

  it('serves objectives that cannot be called, by ask and tell', async () => {
    const whole = await createStudy({ space, sampler: climbing, seed: 9 }).optimize(bowl, { trials: 24 })
    const study = createStudy({ space, sampler: climbing, seed: 9 })
    for (let generation = 0; generation < 3; generation++) {
      const trials = []
      for (let i = 0; i < 8; i++) trials.push(await study.ask())
      await expect(study.ask()).rejects.toThrow(/\[BAD_OPTION\] tell the 8 open trials/)
      for (const trial of trials.reverse()) await study.tell(trial, bowl(trial))
    }
    expect(study.trials).toEqual(whole.trials)
    expect(study.best).toEqual(whole.best)
    await expect(study.tell(3, 1)).rejects.toThrow(/asked and not told yet/)
    const trial = await study.ask()
    await study.tell(trial, { error: new Error('lost') })
    await expect(study.tell(trial, 1)).rejects.toThrow(/asked and not told yet/)
  })

  it('is sequential with generations of one', async () => {
    const seen: number[] = []
    const spy: Sampler = {
      ...climbing,
      sample: (request) => {
        seen.push(request.history.length)
        return climbing.sample(request)
      },
    }
    await createStudy({ space, sampler: spy, generationSize: 1 }).optimize(bowl, { trials: 5 })
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  it('keeps a Pareto front for several objectives', async () => {
    const study = createStudy({ space: { x: float(0, 1) }, directions: ['minimize', 'minimize'], seed: 1 })
    const result = await study.optimize(({ params }) => [params.x, (params.x - 0.5) ** 2], { trials: 50 })
    for (const { params } of result.front) expect(params.x).toBeLessThanOrEqual(0.55)
    expect(result.front.length).toBeGreaterThan(5)
  })

  it('prefers feasible trials, then the smaller violation', async () => {
    const study = createStudy({ space: { x: int(0, 9) }, directions: 'maximize', seed: 1 })
    const result = await study.optimize(({ params }) => ({ value: params.x, violation: params.x - 4 }), { trials: 60 })
    expect(result.best.value).toBe(4)
  })

  it('refuses to resume another study under the same name', async () => {
    const store = memoryStudyStore()
    await createStudy({ space, seed: 1, store }).optimize(bowl, { trials: 4 })
    await expect(createStudy({ space, seed: 2, store }).optimize(bowl, { trials: 4 })).rejects.toThrow(
      /\[STUDY_CONFLICT\].*seed/,
    )
    await expect(
      createStudy({ space: { x: float(0, 1) }, seed: 1, store }).optimize(() => 1, { trials: 4 }),
    ).rejects.toThrow(/space/)
  })

  it('opens a study that another makes at the same moment', async () => {
    const store = memoryStudyStore()
    const ask = (seed: number): Promise<unknown> => createStudy({ space, seed, store }).ask()
    await expect(Promise.all([ask(1), ask(1)])).resolves.toHaveLength(2)
    const other = memoryStudyStore()
    const both = [1, 2].map((seed) => createStudy({ space, seed, store: other }).ask())
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await expect(both[1]).rejects.toThrow(/STUDY_CONFLICT.*seed/)
  })

  it('tells progress and events, and survives listeners that throw', async () => {
    const events = createEvents()
    const log: string[] = []
    events.on('generation:finished', () => {
      throw new Error('bad listener')
    })
    events.on('listener:failed', ({ event }) => log.push(`failed ${event}`))
    events.on('study:finished', ({ done, why }) => log.push(`${done} ${why}`))
    const progress: number[] = []
    await createStudy({ space, events, seed: 1, generationSize: 5 }).optimize(bowl, {
      trials: 10,
      onProgress: ({ done }) => progress.push(done),
    })
    expect(log).toEqual(['failed generation:finished', 'failed generation:finished', '10 budget'])
    expect(progress.at(-1)).toBe(10)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
  })

  it('loses no generation when the store refuses one', async () => {
    const inner = memoryStudyStore()
    let appends = 0
    const failing: StudyStore = {
      ...inner,
      append: async (study, generation) => {
        if (++appends === 3) throw new Error('disk full')
        return inner.append(study, generation)
      },
    }
    const study = createStudy({ space, sampler: climbing, seed: 3, store: failing })
    await expect(study.optimize(bowl, { trials: 40 })).rejects.toThrow('disk full')
    expect(study.trials).toHaveLength(16)
    const whole = await createStudy({ space, sampler: climbing, seed: 3 }).optimize(bowl, { trials: 40 })
    expect((await study.optimize(bowl, { trials: 40 })).trials).toEqual(whole.trials)
  })

  it.each([
    [{ sampler: { type: 'randon' } }, /\[UNKNOWN_NAME\] sampler.*did you mean 'random'/],
    [{ directions: [] }, /at least one direction/],
    [{ directions: 'maximise' }, /did you mean 'maximize'/],
    [{ generationSize: 0 }, /generationSize must be an integer >= 1/],
    [{ seed: -1 }, /seed must be an integer >= 0/],
    [{ sampler: climbing, directions: ['minimize', 'minimize'] }, /searches one objective/],
    [{ sampler: {} }, /an instance or/],
  ])('refuses %j', (options, message) => {
    expect(() => createStudy({ space, ...options } as never)).toThrow(message)
  })

  it('keeps what was asked, whatever an objective does to its parameters', async () => {
    const { trials } = await createStudy({ space, seed: 3 }).optimize(
      (trial) => {
        if (trial.number === 1) Object.assign(trial.params, { x: 99 })
        return bowl(trial)
      },
      { trials: 3 },
    )
    expect(trials.map((t) => t.status)).toEqual(['done', 'failed', 'done'])
    expect(trials[1].params).not.toHaveProperty('x', 99)
  })

  it('ends with the reason of its signal though an objective never does', async () => {
    const study = createStudy({ space })
    const abort = new AbortController()
    const reason = new Error('mine')
    const running = study.optimize(
      ({ number }) => {
        if (number === 3) abort.abort(reason)
        return new Promise<number>((resolve) => number < 3 && resolve(1))
      },
      { trials: 8, signal: abort.signal },
    )
    await expect(running).rejects.toBe(reason)
  })

  it('refuses bad counts, a second run at once, and an aborted signal', async () => {
    const study = createStudy({ space })
    await expect(study.optimize(bowl, { trials: -1 })).rejects.toThrow(/trials must be/)
    await expect(study.optimize(bowl, { trials: 1, concurrency: 0 })).rejects.toThrow(/concurrency/)
    const reason = new Error('mine')
    await expect(study.optimize(bowl, { trials: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const running = study.optimize(bowl, { trials: 1 })
    await expect(study.optimize(bowl, { trials: 1 })).rejects.toSatisfy(
      (e) => isTradewrightError(e) && e.code === 'SYSTEM_RUNNING',
    )
    await running
  })

  it('searches conditional and categorical spaces', async () => {
    const result = await createStudy({
      space: { kind: choice(['a', 'b']), n: int(1, 3) },
      directions: 'maximize',
    }).optimize(({ params }) => (params.kind === 'b' ? params.n : 0), { trials: 60 })
    expect(result.best.params).toEqual({ kind: 'b', n: 3 })
  })
})
