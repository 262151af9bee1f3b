// What else runs the reference sweep: loops written for this one strategy, and a library from npm.
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bars } from '@tradewright/core'
import { pairs } from './workloads.ts'

/** Not among our dependencies: install them where `PEERS` says (grademark 0.3.0 needs chai 4 as well). */
const PEERS = { frames: 'data-forge', engine: 'grademark' }

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** A moving average with a compensated sum, as the loops would have it. */
function sma(close: Float64Array, period: number): Float64Array {
  let sum = 0
  let lost = 0
  return close.map((x, i) => {
    const y = x - (i >= period ? close[i - period] : 0) - lost
    const t = sum + y
    lost = t - sum - y
    sum = t
    return i >= period - 1 ? sum / period : NaN
  })
}

/** Million bar-combos a second of processor time of the obvious JavaScript loop over some of the pairs, with the standard sums. */
export function plainLoop(bars: Bars, step = 10): number {
  const { close, length } = bars
  const columns = new Map<number, Float64Array>()
  const some = pairs.filter((_, k) => k % step === 0)
  for (const { fast, slow } of some)
    for (const period of [fast, slow]) if (!columns.has(period)) columns.set(period, sma(close, period))
  const begun = process.cpuUsage()
  let sum = 0
  for (const { fast, slow } of some)
    sum += loop(close, columns.get(fast) as Float64Array, columns.get(slow) as Float64Array)
  const used = process.cpuUsage(begun)
  const ms = (used.user + used.system) / 1000
  if (sum === 0) throw new Error('nothing was computed')
  return (some.length * length) / ms / 1000
}

function loop(close: Float64Array, x: Float64Array, y: Float64Array): number {
  const n = close.length
  let cash = 100
  let spent = 0
  let size = 0
  let held = false
  let before = 100
  let peak = 100
  let drawdown = 0
  let s1 = 0
  let s2 = 0
  let sn = 0
  let won = 0
  let lost = 0
  for (let i = 1; i < n; i++) {
    if (i < n - 1) {
      if (!held) {
        if (x[i] > y[i] && x[i - 1] <= y[i - 1]) {
          spent = cash
          size = cash / 1.001 / close[i]
          held = true
        }
      } else if (x[i] < y[i] && x[i - 1] >= y[i - 1]) {
        cash = size * close[i] * 0.999
        if (cash > spent) won += cash - spent
        else lost += spent - cash
        held = false
      }
    }
    const equity = held ? size * close[i] : cash
    const r = equity / before - 1
    before = equity
    s1 += r
    s2 += r * r
    if (r < 0) sn += r * r
    if (equity > peak) peak = equity
    const down = equity / peak - 1
    if (down < drawdown) drawdown = down
  }
  return s1 + s2 + sn + won + lost + drawdown
}

/** The same in C, by gcc -O3 -march=native; undefined without a compiler. */
export function cLoop(): { ms: number; totalReturn: number; sharpe: number } | undefined {
  try {
    const binary = join(mkdtempSync(join(tmpdir(), 'peer-')), 'peer')
    execFileSync('gcc', ['-O3', '-march=native', '-o', binary, path('peer.c'), '-lm'])
    const data = path('../packages/backtest/test/golden/sweep-close-10000.f64')
    return JSON.parse(execFileSync(binary, [data], { encoding: 'utf8' }))
  } catch {
    return undefined
  }
}

/**
 * Million bar-combos a second of grademark (npm), over a few pairs with the averages computed outside; undefined where it
 * is not installed. `PEERS` names a folder whose node_modules has it.
 */
export function grademark(bars: Bars): number | undefined {
  try {
    const require = createRequire(join(process.env.PEERS ?? path('..'), 'package.json'))
    const { DataFrame } = require(PEERS.frames)
    const { backtest } = require(PEERS.engine)
    const rows = Array.from(bars.close, (close, i) => ({
      time: new Date(i * 3_600_000),
      open: close,
      high: close,
      low: close,
      close,
      volume: 1,
    }))
    const some = pairs.filter((_, k) => k % 1000 === 0)
    let ms = 0
    for (const { fast, slow } of some) {
      const x = sma(bars.close, fast)
      const y = sma(bars.close, slow)
      const frame = new DataFrame(
        rows.map((row, i) => ({
          ...row,
          up: i > 0 && x[i] > y[i] && x[i - 1] <= y[i - 1],
          down: i > 0 && x[i] < y[i] && x[i - 1] >= y[i - 1],
        })),
      )
        .setIndex('time')
        .renameSeries({})
      const strategy = {
        entryRule: (enter: () => void, { bar }: { bar: { up: boolean } }) => {
          if (bar.up) enter()
        },
        exitRule: (exit: () => void, { bar }: { bar: { down: boolean } }) => {
          if (bar.down) exit()
        },
        fees: () => 0.1,
      }
      const begun = performance.now()
      backtest(strategy, frame)
      ms += performance.now() - begun
    }
    return (some.length * bars.length) / ms / 1000
  } catch (error) {
    if ((error as { code?: string }).code !== 'MODULE_NOT_FOUND') console.error('grademark:', error)
    return undefined
  }
}
