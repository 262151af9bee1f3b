/**
 * What a trial costs in createEvaluate: fast path, plain form, the plain form for the last tenth of the bars, and the
 * key of a program. A regression here makes every study slower; the last line says when continuing a plain state would
 * be cheaper than running the fast path anew.
 */
import { createBars, createRng, type EngineState, Hasher, int } from '@tradewright/core'
import { createEvaluate, defineStrategy, programKey, ta } from '../src/index.ts'

const length = 10_000
const rng = createRng(1)
let price = 100
const close = Array.from({ length }, () => (price *= 1 + (rng.uniform() - 0.5) * 0.02))
const bars = createBars({
  timestamp: close.map((_, i) => i * 3_600_000),
  open: close,
  high: close,
  low: close,
  close,
  volume: close,
  timeframe: '1h',
  calendar: 'crypto',
})
const cross = defineStrategy({
  name: 'cross',
  params: { fast: int(2, 101), slow: int(2, 101) },
  signals: ({ close: source }, { fast, slow }) => ({
    entry: ta.sma(source, fast).crossesAbove(ta.sma(source, slow)),
    exit: ta.sma(source, fast).crossesBelow(ta.sma(source, slow)),
  }),
})
const list = Array.from({ length: 512 }, (_, k) => ({ fast: 2 + (k % 30), slow: 40 + Math.floor(k / 9) }))

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]

async function measure(
  engine: 'fast' | 'plain',
  start: number,
  end: number,
  resume?: readonly (EngineState | undefined)[],
) {
  const evaluate = createEvaluate({ resolve: () => bars, engine })
  const programs = cross.bind(list)
  const times: number[] = []
  let states: (EngineState | undefined)[] = []
  for (let run = engine === 'fast' ? -30 : -2; run < 7; run++) {
    const from = performance.now() // the first runs find code that nothing has compiled yet
    const evaluations = await evaluate({
      trials: programs.map((program, id) => ({
        id,
        program,
        ...(resume === undefined ? {} : { resume: [resume[id]] }),
      })),
      slices: [{ id: 's', symbol: '', data: bars.fingerprint, warmupStart: 0, start, end, weight: 1, final: true }],
      simulation: { preset: 'reference', feeBps: 10 },
      want: { state: end < length, returns: false, metrics: 'all' },
      signal: new AbortController().signal,
    })
    if (run >= 0) times.push(performance.now() - from)
    states = evaluations.map((one) => (one.status === 'done' ? one.slices[0].state : undefined))
  }
  return { ms: median(times), states }
}

const fast = await measure('fast', 0, length)
const plain = await measure('plain', 0, length)
const { states } = await measure('plain', 0, length * 0.9)
const tenth = await measure('plain', 0, length, states)
const each = (ms: number): string =>
  `${((ms / list.length) * 1000).toFixed(1)} us a trial, ${((list.length * length) / ms / 1000).toFixed(0)} M bars/s`
console.log(`fast path, 10,000 bars             ${each(fast.ms)}`)
console.log(
  `plain form, 10,000 bars            ${each(plain.ms)}, ${(plain.ms / fast.ms).toFixed(1)} times the fast path`,
)
console.log(
  `plain form, last tenth from a state ${((tenth.ms / list.length) * 1000).toFixed(1)} us a trial, ${(tenth.ms / fast.ms).toFixed(1)} times the fast path for all bars`,
)

// Small requests, as samplers make them: new points each time, the bars and most indicators as before.
for (const trials of [1, 8, 32, 256]) {
  const evaluate = createEvaluate({ resolve: () => bars })
  const times: number[] = []
  for (let run = -200; run < 200; run++) {
    const points = Array.from({ length: trials }, () => ({ fast: 2 + rng.below(40), slow: 42 + rng.below(60) }))
    const programs = cross.bind(points)
    const from = performance.now()
    await evaluate({
      trials: programs.map((program, id) => ({ id, program })),
      slices: [
        { id: 's', symbol: '', data: bars.fingerprint, warmupStart: 0, start: 0, end: length, weight: 1, final: true },
      ],
      simulation: { preset: 'reference', feeBps: 10 },
      want: { state: false, returns: false, metrics: 'all' },
      signal: new AbortController().signal,
    })
    if (run >= 0) times.push(performance.now() - from)
  }
  console.log(`requests of ${trials}: ${((median(times) / trials) * 1000).toFixed(1)} us a trial`)
}

const prefix = new Hasher().value(['a', 'prefix'])
const keyTimes: number[] = []
for (let run = 0; run < 15; run++) {
  const programs = cross.bind(
    Array.from({ length: 4950 }, (_, k) => ({ fast: 2 + (k % 99), slow: 2 + Math.floor(k / 50) })),
  )
  const from = performance.now()
  for (const program of programs) programKey(program, prefix)
  keyTimes.push(((performance.now() - from) / programs.length) * 1000)
}
console.log(`programKey with a prefix, nodes included: ${median(keyTimes).toFixed(2)} us`)
