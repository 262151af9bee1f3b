// The documents' promises, each through the whole system against the same system with only that optimizer removed.
// `npm run bench:promises` runs what is not in its file of results yet and prints the table.
//   BENCH_LOAD=daily|hourly|slow|fitted  one load          BENCH_ROW=stages,whole,...  some rows
//   BENCH_OUT=file  results (default benchmarks/promises-results.jsonl; remove it to measure anew)
//   BENCH_MAX_SECONDS=60  begins no piece after that       BENCH_SEEDS, BENCH_ROUNDS, BENCH_BARS
// Real bars: the S&P 500, daily (vega-datasets), and BTCUSDT, hourly, of the folder that TRADEWRIGHT_DATA names.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Load, openLoad } from './promises/loads.ts'
import { pieces } from './promises/pieces.ts'
import { search } from './promises/searches.ts'
import { type Measured, printTable } from './promises/table.ts'

const file = process.env.BENCH_OUT ?? fileURLToPath(new URL('promises-results.jsonl', import.meta.url))
const loads = process.env.BENCH_LOAD?.split(',')
const rows = process.env.BENCH_ROW?.split(',')
const mostMs = 1000 * Number(process.env.BENCH_MAX_SECONDS ?? Number.POSITIVE_INFINITY)

const known = (): readonly Measured[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Measured)
    : []

const done = new Set(known().map(({ load, row, round }) => `${load} ${row} ${round}`))
const warm = new Set<string>()
for (const { load, row, round, run } of pieces()) {
  if (loads !== undefined && !loads.includes(load)) continue
  if (rows !== undefined && !rows.includes(row)) continue
  if (done.has(`${load} ${row} ${round}`)) continue
  if (performance.now() > mostMs) {
    console.log('there is more to measure: run it again')
    break
  }
  const opened = load === 'fitted' || row === 'memory' || warm.has(load) ? undefined : openLoad(load as Load['name'])
  // Warms the engine, so that the first piece is not charged for it.
  if (opened !== undefined) await search({ ...opened, trials: Math.min(opened.trials, 512) }, 999, { stages: 'median' })
  warm.add(load)
  const numbers = await run()
  appendFileSync(file, `${JSON.stringify({ load, row, round, numbers })}\n`)
  console.log(
    `${load} ${row} ${round} ${JSON.stringify(numbers, (_, x) => (typeof x === 'number' ? Number(x.toPrecision(4)) : x))}`,
  )
}
printTable(known())
