import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FeatureMatrix } from '@tradewright/core'

/** The Python that has XGBoost: Debian's, else the one in the path. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'

const found = spawnSync(PYTHON, ['-c', 'import xgboost; print(xgboost.__version__)'], { encoding: 'utf8' })

/** Why tests against XGBoost cannot run here; undefined where they can. */
export const noXgboost: string | undefined =
  found.status === 0 ? undefined : 'python3 with xgboost is not installed (apt-get install python3-xgboost)'

export interface OracleJob {
  readonly train?: { readonly X: FeatureMatrix; readonly y: Float32Array; readonly weight?: Float32Array }
  readonly test: FeatureMatrix
  readonly params?: Readonly<Record<string, unknown>>
  readonly rounds?: number
  /** Continue from this many more rounds. */
  readonly more?: number
  readonly model?: string
  readonly types?: readonly string[]
  readonly save?: boolean
}

export interface OracleAnswer {
  readonly margins: readonly (number | readonly number[])[]
  readonly predictions: readonly (number | readonly number[])[]
  readonly model: string | null
  readonly rounds: number
}

const rowsOf = (X: FeatureMatrix): (number | null)[][] =>
  Array.from({ length: X.rows }, (_, r) =>
    Array.from(X.data.subarray(r * X.columns, (r + 1) * X.columns), (x) => (Number.isNaN(x) ? null : x)),
  )

/** Runs jobs in one Python. */
export function askXgboost(jobs: readonly OracleJob[]): OracleAnswer[] {
  const input = jobs
    .map(({ train, test, ...rest }) =>
      JSON.stringify({
        ...rest,
        names: test.names,
        train: train && {
          X: rowsOf(train.X),
          y: Array.from(train.y),
          weight: train.weight && Array.from(train.weight),
        },
        test: { X: rowsOf(test) },
      }),
    )
    .join('\n')
  const run = spawnSync(PYTHON, [join(import.meta.dirname, 'xgboost_oracle.py')], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 29,
  })
  if (run.status !== 0) throw new Error(run.stderr)
  return run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as OracleAnswer)
}
