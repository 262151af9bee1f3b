// A producer in a thread of its own: adds `count` rows whose observation carries their checksum.
import { parentPort, workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register()
const { attachReplayProducer } = await import('../src/shared-producer.ts')
const { handle, count, who, episode } = workerData
const producer = attachReplayProducer(handle)
const size = handle.columns.obs.shape[0]
const obs = new Int32Array(size)
const transition = { obs, action: who, reward: 0, terminated: false, truncated: false }
parentPort.postMessage('ready')
parentPort.once('message', () => {
  const start = performance.now()
  for (let i = 0; i < count; i++) {
    // Every word follows from the first two; the last is a checksum over all.
    obs[0] = who
    obs[1] = i
    let sum = who * 31 + i
    for (let j = 2; j < size - 1; j++) {
      obs[j] = Math.imul(i + j, 2654435761)
      sum = (Math.imul(sum, 31) + obs[j]) | 0
    }
    obs[size - 1] = sum
    transition.reward = i
    transition.terminated = i % episode === episode - 1
    producer.add(transition)
  }
  const ms = performance.now() - start
  producer.close()
  parentPort.postMessage(ms)
})
