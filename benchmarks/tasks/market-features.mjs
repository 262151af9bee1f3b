// Features of bars and labels, for the benchmarks of models: from a CSV file where one is given, else generated.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { createRng } from '@tradewright/core'

/** Closing prices of `timestamp,open,high,low,close,volume`, plain or gzipped. */
export function closesOf(file) {
  const bytes = readFileSync(file)
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  return Float64Array.from(text.trim().split('\n').slice(1), (line) => Number(line.split(',')[4]))
}

/** A walk whose volatility comes in waves and whose returns lean on the last ones. */
export function walk(length, seed) {
  const rng = createRng(seed)
  const close = new Float64Array(length)
  let log = Math.log(100)
  let last = 0
  let volatility = 0.01
  for (let i = 0; i < length; i++) {
    volatility = 0.98 * volatility + 0.02 * 0.01 * (0.5 + rng.uniform())
    last = 0.08 * last + volatility * rng.normal()
    log += last
    close[i] = Math.exp(log)
  }
  return close
}

/**
 * Returns over windows, their volatilities, and distances from their means, in units of volatility; the label is whether
 * the close is higher `horizon` bars on.
 */
export function features(close, { columns = 24, horizon = 4, times } = {}) {
  const windows = Array.from({ length: Math.ceil(columns / 3) }, (_, k) => Math.max(2, Math.round(1.45 ** (k + 2))))
  const most = Math.max(...windows)
  const names = []
  const made = []
  const n = close.length
  for (const window of windows) {
    const change = new Float32Array(n)
    const spread = new Float32Array(n)
    const distance = new Float32Array(n)
    let sum = 0
    let squares = 0
    for (let i = 1; i < n; i++) {
      const r = Math.log(close[i] / close[i - 1])
      sum += r
      squares += r * r
      if (i > window) {
        const old = Math.log(close[i - window] / close[i - window - 1])
        sum -= old
        squares -= old * old
      }
      const deviation = Math.sqrt(Math.max(1e-12, squares / window))
      change[i] = sum / (deviation * Math.sqrt(window))
      spread[i] = deviation
      distance[i] = i > window ? Math.log(close[i] / close[i - (window >> 1)]) / deviation : 0
    }
    names.push(`change${window}`, `spread${window}`, `distance${window}`)
    made.push(change, spread, distance)
  }
  const rows = n - most - horizon - 1
  const data = new Float32Array(rows * columns)
  const y = new Float32Array(rows)
  for (let r = 0; r < rows; r++) {
    const i = r + most + 1
    for (let j = 0; j < columns; j++) data[r * columns + j] = made[j][i]
    y[r] = close[i + horizon] > close[i] ? 1 : 0
  }
  const at = Float64Array.from({ length: rows }, (_, r) => times?.[r + most + 1] ?? (r + most + 1) * 3_600_000)
  return { X: { names: names.slice(0, columns), data, rows, columns }, y, times: at }
}
