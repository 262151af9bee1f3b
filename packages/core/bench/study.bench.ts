// What the study loop and content keys cost beside an evaluation: a regression here is paid by every trial.
// node --conditions=@tradewright/source --import tsx packages/core/bench/study.bench.ts
import { contentKey, createRng, createStudy, defineSpace, float, Hasher, int, type Params } from '@tradewright/core'

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}

async function time(label: string, unit: string, count: number, run: () => unknown): Promise<number> {
  await run()
  const times: number[] = []
  for (let i = 0; i < 7; i++) {
    const begun = performance.now()
    await run()
    times.push(((performance.now() - begun) * 1000) / count)
  }
  const value = median(times)
  console.log(`${label.padEnd(58)} ${value.toFixed(3).padStart(9)} µs ${unit}`)
  return value
}

const ten = defineSpace(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`x${i}`, float(0, 1)])))
const two = defineSpace({ fast: int(5, 50), slow: int(20, 200) }, { where: ({ fast, slow }) => fast < slow })
const trials = 20_000

await time('random, 10 floats: ask + tell through optimize', 'a trial', trials, () =>
  createStudy({ space: ten, seed: 1 }).optimize(() => 1, { trials }),
)
await time('sobol, 10 floats: ask + tell through optimize', 'a trial', trials, () =>
  createStudy({ space: ten, seed: 1, sampler: { type: 'sobol' } }).optimize(() => 1, { trials }),
)
await time('random, 2 ints with where: ask + tell through optimize', 'a trial', trials, () =>
  createStudy({ space: two, seed: 1 }).optimize(() => 1, { trials }),
)
const rng = createRng(1)
await time('space.sample, 2 ints with where', 'a draw', trials, () => {
  for (let i = 0; i < trials; i++) two.sample(rng)
})
const points = Array.from({ length: trials }, () => two.sample(rng) as unknown as Params)
await time('space.contains, 2 ints with where', 'a check', trials, () => {
  for (const p of points) two.contains(p)
})
const prefix = new Hasher().value(['engine 1', 'fingerprint', { fee: 10 }])
const keyed = await time('key of a trial: forked prefix + 6 words', 'a key', trials, () => {
  for (let i = 0; i < trials; i++)
    prefix
      .fork()
      .word(i)
      .word(i + 1)
      .word(3)
      .word(4)
      .word(5)
      .word(6)
      .digest()
})
const plain = await time('the same without the shared prefix', 'a key', trials, () => {
  for (let i = 0; i < trials; i++) contentKey(['engine 1', 'fingerprint', { fee: 10 }, i, i + 1, 3, 4, 5, 6])
})
console.log(`ratio plain / forked: ${(plain / keyed).toFixed(1)}`)
const column = new Float64Array(1_000_000).map((_, i) => i * 1.1)
await time('fingerprint of one column of 1,000,000 bars', 'a column', 1, () => contentKey(column))
