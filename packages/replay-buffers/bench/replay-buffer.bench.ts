// The unit of work of an off-policy learner, with the kernels and in plain TypeScript: add a step, sample a batch, give
// its errors back. Beside it the plain form of the same run. A regression here makes every agent's training slower by as much.
//   npm run bench:replay -- replay-buffer
import { addMany, addOne, cycle, plainAdd, plainGather, uniformSample } from './measure.ts'

const print = (name: string, microseconds: number): void =>
  console.log(`${name.padEnd(52)} ${microseconds.toFixed(3).padStart(10)} us`)

print('plain JavaScript gather of 256 rows', plainGather(256))
print('plain JavaScript add of one row, no checks', plainAdd())
for (const wasm of [true, false]) {
  const label = wasm ? '' : ' (plain forms)'
  print(`add one, prioritized${label}`, addOne(wasm, true))
  print(`add one, prioritized, checkFinite: false${label}`, addOne(wasm, false))
  print(`add 256, per item${label}`, addMany(wasm))
  print(`uniform sample 256${label}`, uniformSample(wasm))
  for (const size of [32, 256])
    for (const normalizeBy of ['batch', 'buffer'] as const) {
      const figures = cycle({ normalizeBy }, size, wasm)
      for (const [name, us] of Object.entries(figures))
        print(`${name} ${size}, largest of the ${normalizeBy}${label}`, us)
    }
}
