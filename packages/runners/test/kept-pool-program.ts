// Sweeps without a pool of its own, one after the other and two at once; says how many threads that started.
import { subscribe } from 'node:diagnostics_channel'
import { sweep } from '@tradewright/backtest'
import { contentKey } from '@tradewright/core'
import { sweepParallel } from '../src/index.ts'
import { cross, points, walk } from './market.ts'

let threads = 0
subscribe('worker_threads', () => {
  threads++
})
const bars = walk(20_000, 2)
const list = points(600)
const swept = async (): Promise<string> =>
  contentKey((await sweepParallel(cross, list, bars, { maxWorkers: 2 })).metrics)
// The first runs in line, the second too while workers start; then they are there.
const keys = [await swept()]
const before = threads
keys.push(await swept())
await new Promise((resolve) => setTimeout(resolve, 1000))
keys.push(...(await Promise.all([swept(), swept()])))
const over = performance.now()
process.on('exit', () => {
  const same = keys.every((key) => key === contentKey(sweep(cross, list, bars).metrics))
  console.log(JSON.stringify({ before, threads, same, waited: performance.now() - over }))
})
