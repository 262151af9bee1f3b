import { chmodSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { choice, defineSpace, float, int, memoryStudyStore, oneOf } from '@tradewright/core'
import { createStudy, fileStudyStore } from './src/index.ts'

const tmp = mkdtempSync('/tmp/brk-')
const t = async (name: string, f: () => unknown) => {
  const b = performance.now()
  try {
    const r = await f()
    console.log(
      'OK ',
      name,
      '→',
      typeof r === 'string' ? r : JSON.stringify(r)?.slice(0, 200),
      `${(performance.now() - b).toFixed(0)}ms`,
    )
  } catch (e: any) {
    console.log(
      'ERR',
      name,
      '→',
      e?.code,
      String(e?.message ?? e).slice(0, 300),
      e?.name,
      `${(performance.now() - b).toFixed(0)}ms`,
    )
  }
}
const f = ({ params }: any) =>
  Object.values(params).reduce<number>((s, v) => s + (typeof v === 'number' ? (v - 0.3) ** 2 : 0), 0)
await t('empty', () =>
  createStudy({ space: {}, seed: 1 })
    .optimize(() => 1, { trials: 5 })
    .then((r) => [r.trials.length, r.why]),
)
for (const type of [
  'auto',
  'tpe',
  'gp',
  'cma-es',
  'nsga2',
  'differential-evolution',
  'sobol',
  'halton',
  'perturbation',
] as const)
  await t('200 dims ' + type, async () => {
    const space = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x${i}`, float(0, 1)]))
    const r = await createStudy({ space, sampler: { type }, seed: 1 }).optimize(f as any, { trials: 100 })
    return [r.trials.length, r.best.value as number]
  })
const shape = { x: float(-1, 1), n: int(0, 9) }
const path = (n: string) => `${tmp}/${n}.log`
const mk = (p: string, o: any = {}) =>
  createStudy({ space: shape, store: fileStudyStore(p), name: 's', seed: 1, ...o } as any)
await t('first', () =>
  mk(path('a'))
    .optimize(f as any, { trials: 20 })
    .then((r) => r.trials.length),
)
await t('resume same', () =>
  mk(path('a'))
    .optimize(f as any, { trials: 30 })
    .then((r) => r.trials.length),
)
await t('resume other space', () =>
  mk(path('a'), { space: { x: float(-2, 1), n: int(0, 9) } })
    .optimize(f as any, { trials: 40 })
    .then((r) => r.trials.length),
)
await t('resume other sampler', () =>
  mk(path('a'), { sampler: { type: 'tpe' } })
    .optimize(f as any, { trials: 40 })
    .then((r) => r.trials.length),
)
await t('resume other sampler options', () =>
  mk(path('b'), { sampler: { type: 'tpe' } })
    .optimize(f as any, { trials: 40 })
    .then(() => mk(path('b'), { sampler: { type: 'tpe', candidates: 5 } }).optimize(f as any, { trials: 60 }))
    .then((r) => r.trials.length),
)
await t('resume other seed', () =>
  mk(path('a'), { seed: 2 })
    .optimize(f as any, { trials: 40 })
    .then((r) => r.trials.length),
)
await t('resume other directions', () =>
  mk(path('a'), { directions: 'maximize' })
    .optimize(f as any, { trials: 40 })
    .then((r) => r.trials.length),
)
await t('resume other generation size', () =>
  mk(path('a'), { generationSize: 3 })
    .optimize(f as any, { trials: 40 })
    .then((r) => r.trials.length),
)
await t('resume fewer trials', () =>
  mk(path('a'))
    .optimize(f as any, { trials: 5 })
    .then((r) => [r.trials.length, r.why]),
)
await t('missing folder', () =>
  mk(`${tmp}/no/such/dir.log`)
    .optimize(f as any, { trials: 5 })
    .then((r) => r.trials.length),
)
await t('folder as file', () => {
  mkdirSync(path('dir'))
  return mk(path('dir')).optimize(f as any, { trials: 5 })
})
await t('empty file', () => {
  writeFileSync(path('e'), '')
  return mk(path('e'))
    .optimize(f as any, { trials: 5 })
    .then((r) => r.trials.length)
})
await t('other file', () => {
  writeFileSync(path('o'), 'hello world this is not a study')
  return mk(path('o')).optimize(f as any, { trials: 5 })
})
await t('truncated', async () => {
  const b = readFileSync(path('a'))
  writeFileSync(path('c'), b.subarray(0, b.length - 7))
  return mk(path('c'))
    .optimize(f as any, { trials: 40 })
    .then((r) => r.trials.length)
})
await t('flipped', async () => {
  const b = Buffer.from(readFileSync(path('a')))
  b[b.length >> 1] ^= 1
  writeFileSync(path('d'), b)
  return mk(path('d'))
    .optimize(f as any, { trials: 40 })
    .then((r) => r.trials.length)
})
await t('full disk', async () => {
  symlinkSync('/dev/full', path('full'))
  return mk(path('full')).optimize(f as any, { trials: 5 })
})
await t('abort before', () =>
  createStudy({ space: shape }).optimize(f as any, { trials: 5, signal: AbortSignal.abort(new Error('mine')) }),
)
await t('abort mid generation', async () => {
  const c = new AbortController()
  const p = path('ab')
  await mk(p)
    .optimize(
      (tr: any) => {
        if (tr.number === 10) c.abort(new Error('mine'))
        return f(tr)
      },
      { trials: 40, signal: c.signal },
    )
    .catch((e: any) => console.log('   aborted:', e.message))
  const whole = await createStudy({ space: shape, name: 's', seed: 1 }).optimize(f as any, { trials: 40 })
  const r = await mk(p).optimize(f as any, { trials: 40 })
  return JSON.stringify(r.trials.map((x) => x.params)) === JSON.stringify(whole.trials.map((x) => x.params))
})
await t('objective that ignores abort and hangs', async () => {
  const c = new AbortController()
  setTimeout(() => c.abort(new Error('mine')), 50)
  return createStudy({ space: shape }).optimize(() => new Promise(() => {}), { trials: 5, signal: c.signal })
})
await t('objective returns undefined', () =>
  createStudy({ space: shape })
    .optimize(() => undefined as any, { trials: 5 })
    .then((r) => [r.trials[0].status, r.trials[0].error?.message]),
)
await t('objective returns string', () =>
  createStudy({ space: shape })
    .optimize(() => '3' as any, { trials: 5 })
    .then((r) => [r.trials[0].status, r.trials[0].error?.message]),
)
await t('objective throws string', () =>
  createStudy({ space: shape })
    .optimize(
      () => {
        throw 'oops'
      },
      { trials: 5 },
    )
    .then((r) => [r.trials[0].status, r.trials[0].error?.message]),
)
await t('objective throws undefined', () =>
  createStudy({ space: shape })
    .optimize(
      () => {
        throw undefined
      },
      { trials: 5 },
    )
    .then((r) => [r.trials[0].status, r.trials[0].error?.message]),
)
await t('wrong number of values', () =>
  createStudy({ space: shape, directions: ['minimize', 'minimize'] })
    .optimize(() => 1, { trials: 5 })
    .then((r) => [r.trials[0].status, r.trials[0].error?.message]),
)
await t('report NaN step', () =>
  createStudy({ space: shape })
    .optimize(
      (tr) => {
        tr.report(NaN, 1)
        return 1
      },
      { trials: 2 },
    )
    .then((r) => [r.trials[0].status, r.trials[0].error?.message]),
)
await t('optimize twice at once', () => {
  const s = createStudy({ space: shape })
  return Promise.all([s.optimize(f as any, { trials: 20 }), s.optimize(f as any, { trials: 20 })]).then((r) =>
    r.map((x) => x.trials.length),
  )
})
await t('two studies one file at once without share', async () => {
  const p = path('two')
  return Promise.allSettled([mk(p).optimize(f as any, { trials: 30 }), mk(p).optimize(f as any, { trials: 30 })]).then(
    (r) => r.map((x: any) => x.value?.trials.length ?? `${x.reason.code} ${x.reason.message}`.slice(0, 120)),
  )
})
await t('params mutated by objective', () =>
  createStudy({ space: shape, sampler: { type: 'tpe' } })
    .optimize(
      (tr: any) => {
        try {
          tr.params.x = 99
        } catch {}
        return 1
      },
      { trials: 20 },
    )
    .then((r) => r.trials.every((x: any) => x.params.x <= 1)),
)
await t('enqueue unknown', () => {
  const s = createStudy({ space: shape })
  s.enqueue({ x: 0, n: 1, z: 3 } as any)
  return 'accepted'
})
await t('enqueue missing', () => {
  const s = createStudy({ space: shape })
  s.enqueue({ x: 0 } as any)
  return 'accepted'
})
await t('where 1 %', () =>
  createStudy({
    space: defineSpace({ a: float(0, 1), b: float(0, 1) }, { where: ({ a, b }) => Math.abs(a - b) < 0.004 }),
    seed: 1,
  })
    .optimize(f as any, { trials: 60 })
    .then((r) => [r.trials.length, r.best.value]),
)
await t('where 0.05 %', () =>
  createStudy({
    space: defineSpace({ a: float(0, 1), b: float(0, 1) }, { where: ({ a, b }) => Math.abs(a - b) < 0.00025 }),
    seed: 1,
  })
    .optimize(f as any, { trials: 60 })
    .then((r) => [r.trials.length, r.best.value]),
)
for (const type of ['auto', 'tpe', 'gp', 'cma-es', 'nsga2'] as const)
  await t('memory 20000 ' + type, async () => {
    ;(globalThis as any).gc?.()
    const before = process.memoryUsage()
    const s = createStudy({
      space: { a: float(0, 1), b: float(0, 1), c: float(0, 1) },
      sampler: { type },
      seed: 1,
      generationSize: 256,
    })
    const r = await s.optimize(f as any, { trials: 20_000 })
    ;(globalThis as any).gc?.()
    const after = process.memoryUsage()
    return `${r.trials.length} heap +${((after.heapUsed - before.heapUsed) / 1e6).toFixed(1)} MB, arrays +${((after.arrayBuffers - before.arrayBuffers) / 1e6).toFixed(1)} MB, rss ${(after.rss / 1e6).toFixed(0)}`
  })
