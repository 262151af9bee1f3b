// Training of 100 rounds at depth 6 on 200,000 rows x 50 features with one and two threads, and prediction of 1 and of
// 10,000 rows, against libxgboost's `hist` through koffi in the same process, taking turns. A library's time is that of
// one training from the caller's float32 matrix: matrix, bins and rounds, as ours. A regression means that a kernel left
// WebAssembly, that rows are copied, or that histograms are no longer subtracted.
//   node --conditions=@tradewright/source --import tsx packages/incremental-training/bench/trees.bench.ts [threads...]
import { createRng, type FeatureMatrix } from '@tradewright/core'
import { fromXgboostJson, gradientBoosting, xgboostLibrary } from '../src/index.ts'

const ROWS = Number(process.env.ROWS ?? 200_000)
const ROUNDS = Number(process.env.ROUNDS ?? 100)
const TURNS = Number(process.env.TURNS ?? 1)
const COLUMNS = 50
const counts = process.argv.slice(2).map(Number)
const threadCounts = counts.length > 0 ? counts : [1, 2]

const rng = createRng(1)
const data = new Float32Array(ROWS * COLUMNS)
for (let i = 0; i < data.length; i++) data[i] = rng.uniform() + rng.uniform() + rng.uniform() - 1.5
const y = new Float32Array(ROWS)
for (let r = 0; r < ROWS; r++) {
  const x = data.subarray(r * COLUMNS, r * COLUMNS + 4)
  y[r] = Number(4 * x[0] * x[1] + Math.sin(4 * x[2]) + x[3] + (rng.uniform() + rng.uniform() - 1) * 1.5 > 0)
}
const X: FeatureMatrix = {
  names: Array.from({ length: COLUMNS }, (_, i) => `x${i}`),
  data,
  rows: ROWS,
  columns: COLUMNS,
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const logLoss = (p: Float32Array): number => p.reduce((sum, q, r) => sum - Math.log(y[r] ? q : 1 - q), 0) / ROWS

async function time(run: () => Promise<void> | void): Promise<number> {
  const begun = performance.now()
  await run()
  return performance.now() - begun
}

const options = { objective: 'binary', learningRate: 0.1, maxDepth: 6, baseScore: 0.5 } as const
const warm = { ...X, rows: 20_000, data: data.subarray(0, 20_000 * COLUMNS) }
await gradientBoosting({ ...options, rounds: 10 }).fit(warm, y.subarray(0, 20_000))

let text = ''
for (const threads of threadCounts) {
  const ours: number[] = []
  const theirs: number[] = []
  const first: number[] = []
  const theirFirst: number[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    const model = gradientBoosting({ ...options, rounds: ROUNDS, threads })
    ours.push(await time(() => model.fit(X, y)))
    first.push(await time(() => gradientBoosting({ ...options, rounds: 1, threads }).fit(X, y)))
    const library = await xgboostLibrary({ ...options, rounds: ROUNDS, threads })
    theirs.push(await time(() => library.fit(X, y)))
    const one = await xgboostLibrary({ ...options, rounds: 1, threads })
    theirFirst.push(await time(() => one.fit(X, y)))
    one[Symbol.dispose]()
    if (turn === 0)
      console.log(`log loss ${logLoss(model.predict(X)).toFixed(5)}, theirs ${logLoss(library.predict(X)).toFixed(5)}`)
    text = library.toJson()
    library[Symbol.dispose]()
  }
  const [a, b] = [median(ours), median(theirs)]
  const [a1, b1] = [median(first), median(theirFirst)]
  const per = (all: number, start: number): number => (all - start) / (ROUNDS - 1)
  console.log(
    `${threads} thread(s): ${ROUNDS} rounds ${a.toFixed(0)} ms, libxgboost ${b.toFixed(0)} ms: ${(a / b).toFixed(2)} of its time`,
  )
  console.log(
    `  of it setup and first round ${a1.toFixed(0)} against ${b1.toFixed(0)} ms, each later round ${per(a, a1).toFixed(1)} against ${per(b, b1).toFixed(1)} ms: ${(per(a, a1) / per(b, b1)).toFixed(2)}`,
  )
}

// Prediction: the same trees in both, one thread.
const ours = fromXgboostJson(text)
const library = await xgboostLibrary({ ...options, rounds: ROUNDS })
await library.fit(warm, y.subarray(0, 20_000))
const same = fromXgboostJson(library.toJson())
for (const rows of [1, 10_000]) {
  const part = { ...X, rows, data: data.subarray(0, rows * COLUMNS) }
  const out = new Float32Array(rows)
  const [a, b]: number[][] = [[], []]
  for (let i = 0; i < (rows === 1 ? 2000 : 40); i++) {
    a.push(await time(() => void same.predict(part, out)))
    b.push(await time(() => void library.predict(part, out)))
  }
  console.log(
    `predict ${rows} row(s): ${(median(a) * 1000).toFixed(1)} us, libxgboost ${(median(b) * 1000).toFixed(1)} us: ${(median(a) / median(b)).toFixed(3)} of its time`,
  )
}
console.log(`a model of ${ours.rounds} rounds takes ${ours.bytes} bytes`)
