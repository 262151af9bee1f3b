// A child process: one search in workers; says how much its memory, and that of its own children, grew at most.
// `shared`: worker threads, bars and indicator columns in memory that all of them read.
// `apart`: worker processes, which hold bars and columns of their own: the same engine with only the sharing removed.
import { readdirSync, readFileSync } from 'node:fs'
import { createEvaluate } from '@tradewright/backtest'
import { sharedOnDemand } from '@tradewright/backtest-cache'
import { type Bars, copyToShared, type Slice } from '@tradewright/core'
import { workerPool, workerRunner } from '@tradewright/runners'
import { type Load, openLoad } from './promises/loads.ts'
import { search } from './study-host.ts'

const [form, name] = process.argv.slice(2)
const load = openLoad(name as Load['name'])
if (load === undefined) throw new Error(`no bars for ${name}`)

/** Bytes resident in this process and its children. */
function resident(): number {
  let bytes = 0
  const own = String(process.pid)
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const text = readFileSync(`/proc/${pid}/status`, 'utf8')
      if (pid !== own && /^PPid:\s+(\d+)/m.exec(text)?.[1] !== own) continue
      bytes += 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0)
    } catch {
      // it ended meanwhile
    }
  }
  return bytes
}

const isolation = form === 'apart' ? ('process' as const) : ('thread' as const)
const pool = workerPool({ maxWorkers: 2 })
await pool.start(isolation)
const bars: Bars = form === 'apart' ? load.series[0] : copyToShared(load.series[0])
const indicators = sharedOnDemand({})
const resolve = (): Bars => bars
globalThis.gc?.()
const before = resident()
let most = 0
const timer = setInterval(() => {
  most = Math.max(most, resident())
}, 20)
const slice: Slice = {
  id: 'all',
  symbol: bars.symbol,
  data: bars.fingerprint,
  warmupStart: 0,
  start: 200,
  end: bars.length,
  weight: 1,
  final: true,
}
await search({
  strategy: load.strategy,
  slices: [slice],
  trials: Math.min(load.trials, 2000),
  seed: 0,
  objective: 'sharpe',
  engine: createEvaluate({ resolve, indicators }),
  optimizers: [
    workerRunner({
      resolve,
      pool,
      always: true,
      minBatchMs: 0.001,
      isolation,
      ...(form === 'shared' ? { indicators } : {}),
    }),
  ],
})
most = Math.max(most, resident())
clearInterval(timer)
await pool[Symbol.asyncDispose]()
console.log(JSON.stringify({ bytes: most - before, series: bars.length * 48, idle: before }))
