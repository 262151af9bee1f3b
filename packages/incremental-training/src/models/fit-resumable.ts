import {
  type Checkpoints,
  contentKey,
  type Data,
  type FeatureMatrix,
  type FitOptions,
  type Model,
} from '@tradewright/core'
import { checkInteger } from './check-options.ts'

/** Options of {@link fitResumable}. */
export interface FitResumableOptions extends FitOptions {
  readonly checkpoints: Checkpoints
  /** Rounds between checkpoints. @default 10 */
  readonly everyRounds?: number | undefined
  /** What the state belongs to beside the data: parameters and version of the model. @default '' */
  readonly of?: Data
}

/** How a resumed training went. */
export interface ResumedFit {
  /** Rounds found in the checkpoint; undefined where the training began from nothing. */
  readonly resumedAt: number | undefined
}

interface Resumable {
  readonly key: string
  readonly round: number
  readonly model: Data
}

/**
 * Trains a model with a checkpoint every so many rounds, and goes on from the newest one of the same model and data.
 *
 * A model whose `continuation` is 'exact' ends to the bit as if it had never been interrupted. Writing goes on beside the
 * training: a checkpoint is made when the one before is on the disk, else the next round's is taken.
 *
 * @param options as of the model's `fit`; a checkpoint of other rows, targets, weights or `of` is not continued.
 * @throws what `fit` and the checkpoints throw.
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { fileCheckpoints, fitResumable, logisticRegression } from '@tradewright/incremental-training'
 * const checkpoints = fileCheckpoints({ directory: mkdtempSync('/tmp/resumable-') })
 * const X = { names: ['a'], data: Float32Array.of(-2, -1, 1, 2), rows: 4, columns: 1 }
 * const model = logisticRegression({ solver: 'online', rounds: 20 })
 * await fitResumable(model, X, Float32Array.of(0, 1, 0, 1), { checkpoints })
 * console.log((await checkpoints.list()).map(({ step }) => step)) // [ 10, 20 ]
 * ```
 */
export async function fitResumable(
  model: Model,
  X: FeatureMatrix,
  y: Float32Array,
  options: FitResumableOptions,
): Promise<ResumedFit> {
  const { checkpoints, everyRounds = 10, of = '', onProgress, ...rest } = options
  checkInteger('everyRounds', everyRounds, 1)
  const { names, rows, columns, data } = X
  const key = contentKey([model.name, of, [...names], rows, columns, data, y, rest.sampleWeight])
  const found = (await checkpoints.load())?.data as Partial<Resumable> | undefined
  const resumed = found?.key === key ? (found as Resumable) : undefined
  let writing = false
  let saved = resumed?.round ?? 0
  const save = (round: number): void => {
    saved = round
    writing = true
    const state: Resumable = { key, round, model: model.save() }
    const done = (): void => {
      writing = false
    }
    checkpoints.save({ step: round, data: state as unknown as Data }).then(done, done) // a failure comes at the flush
  }
  let last: number | undefined
  await model.fit(X, y, {
    ...rest,
    ...(resumed === undefined ? {} : { initial: resumed.model }),
    onProgress(progress) {
      last = progress.round
      if (progress.round >= saved + everyRounds && !writing) save(progress.round)
      onProgress?.(progress)
    },
  })
  if (last !== undefined && last !== saved) save(last)
  await checkpoints.flush()
  return { resumedAt: resumed?.round }
}
