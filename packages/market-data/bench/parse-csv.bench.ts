// Reads 71,769 five-minute bars (or 500,000 made ones without the data folder) into typed arrays, per run: ours from
// bytes, against split + Number and Papa Parse, each with the conversion to columns that a backtest needs. A regression
// means that per-row allocation came back.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createRng } from '@tradewright/core'
import Papa from 'papaparse'
import { parseCsv, resample } from '../src/index.ts'

function made(rows: number): Uint8Array {
  const rng = createRng(1)
  let text = 'timestamp,open,high,low,close,volume\n'
  for (let i = 0; i < rows; i++) {
    const p = 100 + rng.uniform() * 10
    text += `${1704067200000 + i * 300000},${p.toFixed(2)},${(p + 1).toFixed(2)},${(p - 1).toFixed(2)},${p.toFixed(2)},${(rng.uniform() * 100).toFixed(5)}\n`
  }
  return new TextEncoder().encode(text)
}

const folder = process.env.TRADEWRIGHT_DATA ?? resolve(import.meta.dirname, '../../../../shared/data')
const path = `${folder}/crypto/genetrader__BTCUSDT__5m.csv.gz`
const bytes: Uint8Array = existsSync(path) ? gunzipSync(readFileSync(path)) : made(500_000)

const runs: Record<string, () => number> = {
  'parseCsv (ours, with every check)': () => parseCsv(bytes).close.length,
  'split + Number': () => {
    const lines = new TextDecoder().decode(bytes).trimEnd().split('\n')
    const columns = Array.from({ length: 6 }, () => new Float64Array(lines.length - 1))
    for (let i = 1; i < lines.length; i++) {
      const fields = lines[i].split(',')
      for (let c = 0; c < 6; c++) columns[c][i - 1] = Number(fields[c])
    }
    return columns[4].length
  },
  'papaparse + Number': () => {
    const { data } = Papa.parse<string[]>(new TextDecoder().decode(bytes), { skipEmptyLines: true })
    const columns = Array.from({ length: 6 }, () => new Float64Array(data.length - 1))
    for (let i = 1; i < data.length; i++) for (let c = 0; c < 6; c++) columns[c][i - 1] = Number(data[i][c])
    return columns[4].length
  },
}

const bars = parseCsv(bytes)
runs['resample to 1h (ours)'] = () => resample(bars, '1h').length

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]
const times = new Map(Object.keys(runs).map((name) => [name, [] as number[]]))
for (let round = 0; round < 15; round++)
  for (const [name, run] of Object.entries(runs)) {
    const start = performance.now()
    run()
    if (round >= 3) times.get(name)?.push(performance.now() - start)
  }
const ours = median(times.get('parseCsv (ours, with every check)') ?? [])
console.log(`${bars.length} rows, ${(bytes.length / 1e6).toFixed(1)} MB`)
for (const [name, values] of times) {
  const ms = median(values)
  console.log(
    `${name}: ${ms.toFixed(2)} ms, ${(bars.length / ms / 1000).toFixed(1)} M rows/s, ${(ms / ours).toFixed(2)} x ours`,
  )
}
