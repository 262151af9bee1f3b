// The engine's speed, its plain forms' and its peers' in one run. Only ratios within one run count: see docs/performance.md.
// node --conditions=@tradewright/source --import tsx benchmarks/sweep.ts
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { backtest, type SweepOptions, sweep } from '@tradewright/backtest'
import { sweepParallel, workerPool } from '@tradewright/runners'
import { buildSync } from 'esbuild'
import { bundledWorker } from './bundled-worker.ts'
import { cLoop, grademark, plainLoop } from './peers.ts'
import {
  donchianBreakout,
  emaCross,
  randomBars,
  randomGraphs,
  rareSignals,
  referenceBars,
  rsiThreshold,
  smaCross,
  smaCrossStops,
  type Workload,
} from './workloads.ts'

const REFERENCE = { preset: 'reference', feeBps: 10, initialCash: 100 } as const
const RUNS = Number(process.env.RUNS ?? 15)

const bars = referenceBars()

interface Timing {
  /** Milliseconds on the clock. */
  readonly median: number
  /** Milliseconds of processor time, all threads of the process: what remains comparable on a busy machine. */
  readonly cpu: number
  readonly leastCpu: number
}

/** A few runs, after some to warm up: compilers work beside the first ones. */
function time(run: () => unknown, runs = RUNS): Timing {
  for (let k = 0; k < Math.min(runs, 10); k++) run()
  const clock: number[] = []
  const cpu: number[] = []
  for (let k = 0; k < runs; k++) {
    const usage = process.cpuUsage()
    const begun = performance.now()
    run()
    clock.push(performance.now() - begun)
    const used = process.cpuUsage(usage)
    cpu.push((used.user + used.system) / 1000)
  }
  const sorted = (values: number[]): number[] => values.sort((a, b) => a - b)
  return { median: sorted(clock)[runs >> 1], cpu: sorted(cpu)[runs >> 1], leastCpu: cpu[0] }
}

function report(name: string, combos: number, { median, cpu, leastCpu }: Timing): void {
  const speed = combos / cpu / 1000
  const loop = plainLoop(bars)
  const cells = [
    name.padEnd(46),
    `${median.toFixed(1).padStart(8)} ms`,
    `cpu ${cpu.toFixed(1).padStart(7)} ms, least ${leastCpu.toFixed(1).padStart(7)}`,
    `${speed.toFixed(0).padStart(5)} M/s, best ${(combos / leastCpu / 1000).toFixed(0).padStart(5)}`,
    `${(speed / loop).toFixed(1).padStart(5)} x the plain loop (${loop.toFixed(0)} M/s)`,
  ]
  console.log(cells.join('  '))
}

function runSweep({ name, strategy, list }: Workload, options: SweepOptions = {}, runs = RUNS): void {
  const engine = options.engine === undefined ? '' : `, ${options.engine} form`
  const one = () => sweep(strategy, list, bars, { ...REFERENCE, ...options })
  report(name + engine, list.length * bars.length, time(one, runs))
}

/** The same in workers, by the clock: processor time of all threads says nothing about them. */
async function runParallel({ name, strategy, list }: Workload, maxWorkers: number): Promise<void> {
  const pool = workerPool({ maxWorkers, entries: bundledWorker() })
  const times: number[] = []
  for (let k = -10; k < Math.max(RUNS, 30); k++) {
    const begun = performance.now()
    await sweepParallel(strategy, list, bars, { ...REFERENCE, pool })
    if (k >= 0) times.push(performance.now() - begun)
  }
  await pool[Symbol.asyncDispose]()
  const loop = cLoop()
  const speed = (ms: number): number => (list.length * bars.length) / ms / 1000
  const median = speed(times.sort((a, b) => a - b)[times.length >> 1])
  const ratio =
    loop === undefined
      ? ''
      : `, ${((median * loop.ms) / 49_500).toFixed(2)} x the C loop (${(49_500 / loop.ms).toFixed(0)} M/s)`
  console.log(
    `${name}, sweepParallel with ${maxWorkers} workers: ${median.toFixed(0)} M/s in the median, best ${speed(times[0]).toFixed(0)}${ratio}`,
  )
}

/** Bundles a child's script, as an application would be, and runs it. */
function child(script: string, runs: number): Record<string, number>[] {
  const outfile = join(mkdtempSync(join(tmpdir(), 'bench-')), 'child.mjs')
  const source = fileURLToPath(new URL(script, import.meta.url))
  const define = { 'import.meta.url': JSON.stringify(new URL(script, import.meta.url).href) }
  buildSync({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@tradewright/source'],
    external: ['apache-arrow'],
    define,
  })
  return Array.from({ length: runs }, () => JSON.parse(execFileSync('node', [outfile], { encoding: 'utf8' })))
}

console.log(
  `node ${process.version}; million bar-combos a second on one core, everything included from the strategy's functions to the metrics`,
)
const { metrics } = sweep(smaCross.strategy, smaCross.list, bars, REFERENCE)
const sum = (column: Float64Array): number => column.reduce((a, b) => a + b)
console.log(
  `checksums: total return ${sum(metrics.totalReturn).toFixed(10)} (-2212.9607815263), Sharpe ${sum(metrics.sharpe).toFixed(10)} (-2905.2837032120)`,
)

runSweep(smaCross)
await runParallel(smaCross, 2)
runSweep(smaCrossStops)
runSweep(emaCross)
runSweep(rsiThreshold)
runSweep(donchianBreakout)
runSweep(randomGraphs)
runSweep({ ...smaCross, name: 'SMA cross, long and short' }, { direction: 'both' })
runSweep({ ...smaCross, name: 'SMA cross, next open, slippage' }, { fill: 'nextOpen', slippageBps: 5 })
runSweep(smaCross, { engine: 'kernels' }, 3)
runSweep({ ...smaCross, list: smaCross.list.filter((_, k) => k % 20 === 0) }, { engine: 'plain' }, 3)

const million = randomBars(1_000_000)
const [params] = rareSignals.list
report(
  'one run of 1,000,000 bars, sweep of one',
  1e6,
  time(() => sweep(rareSignals.strategy, [params], million, REFERENCE)),
)
report(
  'one run of 1,000,000 bars, backtest',
  1e6,
  time(() => backtest(rareSignals.strategy, params, million, REFERENCE), 5),
)

const c = cLoop()
if (c !== undefined)
  console.log(
    `plain C, gcc -O3 -march=native: ${c.ms.toFixed(1)} ms, ${(49_500 / c.ms).toFixed(0)} M/s, checksum ${c.totalReturn}`,
  )
const library = grademark(bars)
console.log(library === undefined ? 'grademark: not installed' : `grademark (npm): ${library.toFixed(2)} M/s`)

const starts = child('first-result.ts', 5)
const best = (key: string): string => Math.min(...starts.map((start) => start[key])).toFixed(0)
console.log(
  `new process: import ${best('import')} ms, to the first backtest ${best('backtest')} ms, to the first sweep ${best('sweep')} ms`,
)
console.log(`peak resident set of the sweep: ${child('peak-memory.ts', 1)[0].megabytes.toFixed(0)} MB`)
