// Adds rows for ever and says after every flush how many are acknowledged, until it is killed.
import { register } from 'tsx/esm/api'

register()
const { disk, openReplayBuffer } = await import('../src/index.ts')
const [path, capacity, blockBytes, episode, burst] = process.argv.slice(2)
const buffer = await openReplayBuffer({
  capacity: Number(capacity),
  columns: { obs: { dtype: 'int32', shape: [8] }, action: { dtype: 'int32' } },
  storage: disk({ path, blockBytes: Number(blockBytes), maxBytes: 200_000 }),
})
// Continue after what is there: the newest action says where that was.
let i = Number(process.argv[7] ?? 0)
buffer.cut()
for (;;) {
  const n = 1 + (((i * 2654435761) >>> 0) % Number(burst))
  for (let k = 0; k < n; k++, i++) {
    const end = i % Number(episode) === Number(episode) - 1
    const last = end && i % 2 === 0 ? { finalObs: new Array(8).fill(-i) } : {}
    buffer.add({
      obs: new Array(8).fill(i),
      action: i,
      reward: i / 2,
      terminated: end && i % 2 === 1,
      truncated: end && i % 2 === 0,
      ...last,
    })
  }
  if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
  if (i % 5 < 3) {
    await buffer.flush()
    process.stdout.write(`${i}\n`)
  }
}
