// What continuing saves over a search of 50 trials, and what training symbols one by one saves in memory.
// node --conditions=@tradewright/source --import tsx benchmarks/incremental.ts [search|windows|memory] [bars.csv[.gz]]
// A regression means that trainings are made again that were made before, or that a symbol's memory outlives it.
// Read the rounds first: they do not depend on the machine.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFit, createRng, type Fit, type FitRequest, type FittedModel } from '@tradewright/core'
import * as models from '@tradewright/incremental-training'
import { workerPool } from '@tradewright/runners'
import { closesOf, features, walk } from './tasks/market-features.mjs'
import { trainSymbol } from './tasks/train-symbol.mjs'

const [, , part = 'all', file] = process.argv
const cold: Fit = createFit(async () => models)
const { signal } = new AbortController()
const bars = file ?? process.env.BENCH_BARS_FILE
const closes = bars === undefined ? walk(20_000, 1) : closesOf(bars).slice(-20_000)
const { X, y, times } = features(closes)
const cut = Math.floor(X.rows * 0.7)
const rowsOf = (from: number, to: number) => ({
  X: { ...X, rows: to - from, data: X.data.subarray(from * X.columns, to * X.columns) },
  y: y.subarray(from, to),
  times: times.subarray(from, to),
})

/** Log loss of the later rows, after an embargo of the label's horizon. */
function loss(fitted: FittedModel, from = cut + 4, to = X.rows): number {
  const model = models.gradientBoosting({ objective: 'binary' })
  model.load(fitted.model)
  const held = rowsOf(from, to)
  const p = model.predict(held.X)
  return p.reduce((sum, q, i) => sum - Math.log(held.y[i] > 0 ? q : 1 - q), 0) / p.length
}

interface Trial {
  readonly rounds: number
  readonly maxDepth: number
  readonly learningRate: number
}

const request = (trial: number, options: Trial, rows: ReturnType<typeof rowsOf>): FitRequest => ({
  trial,
  run: 'bench',
  earlier: Math.floor(trial / 8) * 8,
  series: 'bench',
  model: {
    module: 'models',
    export: 'gradientBoosting',
    options: { objective: 'binary', rowSample: 0.8, ...options },
    rounds: 'rounds',
    version: '1',
  },
  ...rows,
  signal,
})

/** Fifty trials: the rounds of a booster, its depth and its rate. */
function trials(): readonly Trial[] {
  const rng = createRng(4)
  return Array.from({ length: 50 }, () => ({
    rounds: 10 * (1 + rng.below(10)),
    maxDepth: [3, 4, 5][rng.below(3)],
    learningRate: [0.03, 0.06, 0.12, 0.24][rng.below(4)],
  }))
}

async function search(name: string, train: Fit): Promise<number> {
  const begun = performance.now()
  let rounds = 0
  let exact = 0
  let best = { trial: -1, loss: Number.POSITIVE_INFINITY }
  let ms = 0
  for (const [trial, options] of trials().entries()) {
    const before = performance.now()
    const fitted = await train(request(trial, options, rowsOf(0, cut)))
    ms += performance.now() - before
    rounds += fitted.cost.rounds
    exact += Number(fitted.exact)
    const found = loss(fitted)
    if (found < best.loss) best = { trial, loss: found }
  }
  const all = performance.now() - begun
  console.log(
    `${name}: ${ms.toFixed(0)} ms of training (${all.toFixed(0)} with scoring), ${rounds} rounds, ${exact} of 50 exact; best trial ${best.trial}, log loss ${best.loss.toFixed(6)}`,
  )
  return ms
}

async function searches(): Promise<void> {
  console.log(`search: 50 trials, ${cut} rows x ${X.columns}, ${bars === undefined ? 'generated' : 'real'} bars`)
  await search('warm-up', cold)
  const ratios = { exact: [] as number[], approximate: [] as number[] }
  for (let k = 0; k < 3; k++) {
    const plain = await search('from nothing', cold)
    for (const kind of ['exact', 'approximate'] as const) {
      const optimizer = models.incrementalTraining({ approximate: kind === 'approximate' })
      const took = await search(`continued, ${kind}`, (asked) => optimizer.fit(asked, cold))
      ratios[kind].push(1 - took / plain)
    }
  }
  for (const [kind, saved] of Object.entries(ratios))
    console.log(`saved, ${kind}: median ${(saved.sort((a, b) => a - b)[1] * 100).toFixed(1)} % of the training time`)
}

/** Walk-forward: the same model over windows that grow or move. */
async function windows(): Promise<void> {
  for (const mode of ['expanding', 'rolling'] as const) {
    const width = Math.floor(X.rows * 0.4)
    const step = Math.floor(X.rows * 0.05)
    const options: Trial = { rounds: 60, maxDepth: 4, learningRate: 0.06 }
    const run = async (name: string, train: Fit): Promise<void> => {
      let ms = 0
      let sum = 0
      let folds = 0
      for (let end = width; end + step + 4 <= X.rows; end += step) {
        const asked = request(0, options, rowsOf(mode === 'rolling' ? end - width : 0, end))
        const before = performance.now()
        const fitted = await train(asked)
        ms += performance.now() - before
        sum += loss(fitted, end + 4, end + 4 + step)
        folds++
      }
      console.log(`${mode}, ${name}: ${folds} folds, ${ms.toFixed(0)} ms, mean log loss ${(sum / folds).toFixed(6)}`)
    }
    await run('from nothing', cold)
    const plain = models.incrementalTraining({ approximate: true })
    await run('continued', (asked) => plain.fit(asked, cold))
    console.log(`  ${JSON.stringify(plain.stats())}`)
    const calm = models.incrementalTraining({ approximate: { driftThreshold: 100 } })
    await run('continued without the drift test', (asked) => calm.fit(asked, cold))
  }
}

const SYMBOLS = ['ETH', 'BTC', 'SOL', 'ADA', 'XRP', 'DOT']
const SYMBOL_OPTIONS = { bars: 300_000, columns: 40, rounds: 10 }

/** What a process of its own does: `one`, `six` (one by one) or `kept` (all in this process, nothing let go). */
async function trainKind(kind: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'symbols-'))
  try {
    if (kind === 'kept') {
      const all: unknown[] = []
      for (const symbol of SYMBOLS) await trainSymbol({ symbol, options: SYMBOL_OPTIONS }, undefined, all)
      return
    }
    const symbols = kind === 'one' ? SYMBOLS.slice(0, 1) : kind === 'none' ? [] : SYMBOLS
    const module = fileURLToPath(new URL('tasks/train-symbol.mjs', import.meta.url))
    const task = { module, export: 'trainSymbol', options: SYMBOL_OPTIONS }
    const outcomes = await models.trainSymbols(symbols, task, { directory, tasks: () => workerPool({ maxWorkers: 1 }) })
    for (const outcome of outcomes) if (outcome.status !== 'trained') throw new Error(JSON.stringify(outcome))
    for await (const { symbol, state } of models.loadSymbols(symbols, { directory })) {
      const model = models.gradientBoosting({ objective: 'binary' })
      model.load(state)
      if (model.bytes === 0) throw new Error(symbol)
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Resident bytes of a process and of all below it. */
function treeBytes(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean)
    const own = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096
    return children.reduce((sum, child) => sum + treeBytes(Number(child)), own)
  } catch {
    return 0
  }
}

async function memory(): Promise<void> {
  const peaks = new Map<string, number>()
  for (const kind of ['none', 'one', 'six', 'kept']) {
    const argv = [
      '--conditions=@tradewright/source',
      '--import',
      'tsx',
      fileURLToPath(import.meta.url),
      `train-${kind}`,
    ]
    const child = spawn(process.execPath, argv, { stdio: 'inherit' })
    let peak = 0
    const timer = setInterval(() => {
      peak = Math.max(peak, treeBytes(child.pid ?? 0))
    }, 20)
    const code = await new Promise((resolve) => child.once('exit', resolve))
    clearInterval(timer)
    if (code !== 0) throw new Error(`train-${kind} ended with ${code}`)
    peaks.set(kind, peak / 1e6)
    console.log(`memory, ${kind}: peak ${(peak / 1e6).toFixed(0)} MB of the process and its children`)
  }
  const of = (kind: string): number => peaks.get(kind) ?? Number.NaN
  const net = (kind: string): number => of(kind) - of('none')
  console.log(
    `six one by one: ${(of('six') / of('one')).toFixed(2)} x one symbol's peak; kept: ${(of('kept') / of('one')).toFixed(2)} x`,
  )
  console.log(
    `beyond an idle process: ${(net('six') / net('one')).toFixed(2)} x, kept ${(net('kept') / net('one')).toFixed(2)} x`,
  )
}

if (part.startsWith('train-')) await trainKind(part.slice(6))
if (part === 'search' || part === 'all') await searches()
if (part === 'windows' || part === 'all') await windows()
if (part === 'memory' || part === 'all') await memory()
