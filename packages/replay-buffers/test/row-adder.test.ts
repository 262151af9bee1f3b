// The generated adder, the generated writer and the plain form are one thing said three times.
import { spawnSync } from 'node:child_process'
import { isTradewrightError } from '@tradewright/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createReplayBuffer, uniform } from '../src/index.ts'

const dtypes = ['float32', 'float64', 'int8', 'int16', 'int32', 'uint8', 'uint16', 'uint32'] as const
const kinds = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
}

const column = fc.record({ dtype: fc.constantFrom(...dtypes), size: fc.constantFrom(0, 1, 3, 4, 33, 300) })
/** Numbers that some dtype holds, and those that none or few do. */
const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 100 }) },
  fc.constantFrom(-1, -129, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 0.5, -0, 1e300, 1e39),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)
const wrong = fc.constantFrom<unknown>('1', null, undefined, {}, true, [], [1, 2], 3n)

/** A value as `add` may be given it: of the exact form, a plain array, or something else. */
const value = ({ dtype, size }: { dtype: (typeof dtypes)[number]; size: number }): fc.Arbitrary<unknown> => {
  if (size === 0) return fc.oneof({ weight: 12, arbitrary: number }, wrong)
  const list = fc.array(number, { minLength: size, maxLength: size })
  const typed = list.map((values) => new kinds[dtype](values))
  return fc.oneof({ weight: 12, arbitrary: typed }, { weight: 2, arbitrary: list }, wrong)
}

const flag = fc.oneof({ weight: 9, arbitrary: fc.boolean() }, fc.constantFrom<unknown>(0, 1, 2, undefined, 'x'))

const scenario = fc.tuple(column, column, column).chain(([obs, action, reward]) => {
  const transition = fc.record({
    obs: value(obs),
    action: value(action),
    reward: value({ ...reward, size: 0 }),
    terminated: flag,
    truncated: flag,
    finalObs: fc.option(value(obs), { nil: undefined }),
  })
  return fc.record({
    columns: fc.constant({ obs, action, reward: { ...reward, size: 0 } }),
    steps: fc.array(transition, { minLength: 1, maxLength: 40 }),
    streams: fc.constantFrom(1, 2),
  })
})

it('generated and plain forms store the same bytes and refuse the same mistakes, which cost nothing', () => {
  fc.assert(
    fc.property(scenario, ({ columns: given, steps, streams }) => {
      const columns = Object.fromEntries(
        Object.entries(given).map(([name, { dtype, size }]) => [name, { dtype, shape: size === 0 ? [] : [size] }]),
      )
      const make = (codegen: boolean, wasm: boolean) =>
        createReplayBuffer({
          capacity: 12,
          columns: columns as unknown as { obs: { dtype: 'float32' } },
          streams,
          codegen,
          wasm,
        })
      const buffers = [make(true, true), make(true, false), make(false, false)]
      steps.forEach((step, i) => {
        const answers = buffers.map((buffer) => {
          const before = buffer.save()
          try {
            return buffer.add(step as never, i % streams)
          } catch (error) {
            expect(buffer.save()).toEqual(before)
            return isTradewrightError(error) ? error.code : String(error)
          }
        })
        expect(answers[1]).toEqual(answers[0])
        expect(answers[2]).toEqual(answers[0])
        expect(String(answers[0])).toMatch(/^(\d+|BAD_DATA|BAD_SHAPE|BAD_OPTION)$/)
      })
      const [a, b, c] = buffers.map((buffer) => buffer.save())
      expect(b).toEqual(a)
      expect(c).toEqual(a)
      expect(buffers[0].stats()).toMatchObject({ added: buffers[2].stats().added, size: buffers[2].size })
    }),
    { numRuns: 400 },
  )
})

it.each([
  ['int32', Number.NaN],
  ['int32', 1.5],
  ['int32', 2 ** 31],
  ['uint32', -1],
  ['uint32', Number.NaN],
  ['uint8', 256],
  ['int8', -129],
  ['float32', Number.POSITIVE_INFINITY],
  ['float64', Number.NaN],
] as const)('a scalar %s column refuses %d, generated or not', (dtype, action) => {
  for (const codegen of [true, false]) {
    const columns = { obs: { dtype: 'float32' }, action: { dtype } } as const
    const buffer = createReplayBuffer({ capacity: 10, columns, codegen, sampler: uniform() })
    const step = { obs: 1, action, reward: 0, terminated: false, truncated: false }
    expect(() => buffer.add(step)).toThrow(/\[BAD_DATA\] column 'action' must be/)
    expect(buffer.size).toBe(0)
  }
})

it('a process that forbids code from text runs the plain form, says so once, and samples the same', () => {
  const script = `
    import { createReplayBuffer, nStep, prioritized } from '@tradewright/replay-buffers'
    let allowed = true
    try { new Function('return 1')() } catch { allowed = false }
    const warnings = []
    const host = { events: { emit: (name, { message }) => warnings.push([name, message]) } }
    const options = { capacity: 500, columns: { obs: { dtype: 'float32', shape: [3] }, action: { dtype: 'int32' } },
      sampler: prioritized(), accumulator: nStep({ n: 2 }), seed: 9 }
    const buffer = createReplayBuffer(options, host)
    const rows = []
    for (let i = 0; i < 1200; i++) {
      const last = i % 40 === 39
      rows.push(buffer.add({ obs: [i, i / 2, -i], action: i, reward: i % 7, terminated: last && i % 80 === 79,
        truncated: last && i % 80 !== 79, finalObs: last ? [i, i, i] : undefined }))
      if (i % 100 === 99) { const b = buffer.sample(32); buffer.updatePriorities(b.indices, b.columns.reward); rows.push(...b.columns.obs, ...b.weights) }
    }
    let refused = ''
    try { buffer.add({ obs: [Number.NaN, 0, 0], action: 1, reward: 0, terminated: false, truncated: false }) } catch (error) { refused = error.code }
    console.log(JSON.stringify({ allowed, warnings, rows, refused, size: buffer.size }))
  `
  const run = (...flags: string[]) => {
    const args = [...flags, '--conditions=@tradewright/source', '--import', 'tsx', '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' })
    expect(stderr).toBe('')
    return JSON.parse(stdout) as { allowed: boolean; warnings: unknown[]; rows: number[]; refused: string }
  }
  const free = run()
  const forbidden = run('--disallow-code-generation-from-strings')
  expect([free.allowed, forbidden.allowed]).toEqual([true, false])
  expect(free.warnings).toEqual([])
  expect(forbidden.warnings).toEqual([
    ['warning:raised', 'code generation is forbidden here; adding runs in its plain form'],
  ])
  const { allowed: _a, warnings: _w, ...same } = free
  expect(forbidden).toMatchObject(same)
  expect(forbidden.refused).toBe('BAD_DATA')
})
