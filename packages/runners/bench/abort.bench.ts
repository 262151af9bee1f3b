// How long an abort takes to answer, wherever the work is: the worst of several aborts at different moments. The aim is
// 200 ms. What cannot be cut is one trial in this thread: it runs to its end. A regression makes Ctrl-C feel stuck.
import { createEvaluate, sweep } from '@tradewright/backtest'
import { composeOnion, type Evaluate, type EvaluationRequest } from '@tradewright/core'
import { sweepParallel, workerPool, workerRunner } from '../src/index.ts'
import { cross, points, requestOf, walk } from '../test/market.ts'

async function latency(run: (signal: AbortSignal) => Promise<unknown>, afterMs: readonly number[]): Promise<string> {
  const times: number[] = []
  for (const ms of afterMs) {
    const controller = new AbortController()
    let asked = 0
    // From another thread's point of view: the timer itself waits for this thread, so the moment is its due time.
    const due = performance.now() + ms
    const timer = setTimeout(() => {
      asked = due
      controller.abort(new Error('enough'))
    }, ms)
    const answer = await run(controller.signal).then(
      () => 'ended',
      () => 'aborted',
    )
    clearTimeout(timer)
    if (answer === 'aborted') times.push(performance.now() - asked)
  }
  const worst = Math.max(...times)
  return `${times.length} aborts, ${[...times].sort((a, b) => a - b)[times.length >> 1]?.toFixed(0)} ms in the median, ${worst.toFixed(0)} ms at worst`
}

const moments = [5, 20, 50, 90, 140, 200, 300, 450]
const short = walk(10_000, 1)
const long = walk(1_000_000, 2)
const pool = workerPool({ maxWorkers: 2 })
await pool.start()
for (const [bars, trials] of [
  [short, 20_000],
  [long, 400],
] as const)
  for (const engine of ['fast', 'plain'] as const) {
    const asked = requestOf(bars, trials)
    const request = (signal: AbortSignal): EvaluationRequest => ({ ...asked, signal })
    const inline = createEvaluate({ resolve: () => bars, engine })
    const remote = (): Evaluate =>
      composeOnion([workerRunner({ resolve: () => bars, pool, engine, always: true })], {
        suggest: async () => [],
        schedule: async () => [],
        evaluate: inline,
      }).evaluate
    const what = `${trials} trials of ${bars.length} bars, ${engine}`
    console.log(`${what}, in this thread: ${await latency((signal) => inline(request(signal)), moments)}`)
    console.log(`${what}, two workers: ${await latency((signal) => remote()(request(signal)), moments)}`)
  }
const list = points(3000)
sweep(cross, list.slice(0, 10), long)
console.log(
  `sweepParallel, 3000 pairs of 1,000,000 bars: ${await latency((signal) => sweepParallel(cross, list, long, { pool, signal }), moments)}`,
)
await pool[Symbol.asyncDispose]()
