// Adds rows for ever and says after every flush how many are acknowledged, until it is killed.
import { register } from 'tsx/esm/api'

register()
const { disk, openReplayBuffer, prioritized, uniform } = await import('../src/index.ts')
const [path, capacity, blockBytes, episode, burst, from, sampler] = process.argv.slice(2)
const buffer = await openReplayBuffer({
  capacity: Number(capacity),
  columns: { obs: { dtype: 'int32', shape: [8] }, action: { dtype: 'int32' } },
  sampler: sampler === 'prioritized' ? prioritized() : uniform(),
  storage: disk({ path, blockBytes: Number(blockBytes), maxBytes: 400_000, packing: sampler === 'packed' }),
})
// Continue after what is there: the newest action says where that was.
let i = Number(from ?? 0)
let waiting = []
buffer.cut()
for (;;) {
  const n = 1 + (((i * 2654435761) >>> 0) % Number(burst))
  for (let k = 0; k < n; k++, i++) {
    const end = i % Number(episode) === Number(episode) - 1
    const last = end && i % 2 === 0 ? { finalObs: new Array(8).fill(-i) } : {}
    const slot = buffer.add({
      obs: new Array(8).fill(i),
      action: i,
      reward: i / 2,
      terminated: end && i % 2 === 1,
      truncated: end && i % 2 === 0,
      ...last,
    })
    waiting.push({ slot, priority: 1 + (i % 97) })
  }
  // The newest row can be drawn, and so have a priority, when the next has come.
  const newest = waiting.pop()
  if (sampler === 'prioritized')
    buffer.setPriorities(
      Int32Array.from(waiting, (w) => w.slot),
      waiting.map((w) => w.priority),
    )
  waiting = [newest]
  if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
  if (i % 5 < 3) {
    await buffer.flush()
    process.stdout.write(`${i}\n`)
  }
}
