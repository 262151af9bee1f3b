// A training that is killed while it writes: saves states without end, says on the standard output which are durable.
import { fileCheckpoints } from '../src/index.ts'

const directory = process.argv[2]
const checkpoints = fileCheckpoints({ directory, newest: 3, best: 0, compression: 'none' })
let step = (await checkpoints.load())?.info.step ?? 0
for (;;) {
  step++
  await checkpoints.save({ step, data: { step, weights: new Float32Array(1_000_000).fill(step) } })
  process.stdout.write(`${step}\n`)
}
