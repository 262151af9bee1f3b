import { type Data, type FeatureMatrix, type FitOptions, type Model, unknownName } from '@tradewright/core'
import { checkChoice, checkNames, checkNumber } from '../models/check-options.ts'
import { predictionOut } from '../models/fit-data.ts'
import { type ModelState, modelState } from '../models/model-state.ts'
import { MemberModels } from './member-models.ts'

/** Options of {@link votingModel}. */
export interface VotingOptions {
  /** The mean of predictions, or the share of the votes for each class. @default 'soft' */
  readonly vote?: 'soft' | 'hard' | undefined
  /** Of the models, by name. @default 1 each */
  readonly weights?: Readonly<Record<string, number>> | undefined
}

interface SavedVoting extends ModelState {
  readonly models: Readonly<Record<string, Data>>
}

/** A row's class of one output or of several. */
function winner(predicted: Float32Array, base: number, outputs: number): number {
  if (outputs === 1) return predicted[base] >= 0.5 ? 1 : 0
  let best = 0
  for (let k = 1; k < outputs; k++) if (predicted[base + k] > predicted[base + best]) best = k
  return best
}

/**
 * Several models that vote: the weighted mean of their predictions, or of their classes.
 *
 * @param models by name, of the same task; they belong to this one from now on.
 * @returns a model that continues exactly where all of them do.
 * @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME` (a weight of no model), `DUPLICATE_NAME`; `predict` throws
 *   `BAD_SHAPE` where their outputs differ.
 * @example
 * ```ts
 * import { logisticRegression, votingModel } from '@tradewright/incremental-training'
 * const X = { names: ['a'], data: Float32Array.of(-2, -1, 1, 2), rows: 4, columns: 1 }
 * const model = votingModel({ plain: logisticRegression(), sparse: logisticRegression({ l1: 0.01 }) })
 * await model.fit(X, Float32Array.of(0, 0, 1, 1))
 * console.log(model.predict(X)[0] < 0.5) // true
 * ```
 */
export function votingModel(models: Readonly<Record<string, Model>>, options: VotingOptions = {}): Model {
  checkNames('votingModel', options, ['vote', 'weights'])
  const { vote = 'soft', weights = {} } = options
  checkChoice('vote', vote, ['soft', 'hard'])
  const members = new MemberModels(models)
  for (const [name, weight] of Object.entries(weights)) {
    if (!members.names.includes(name)) throw unknownName('a weight of votingModel', name, members.names)
    checkNumber(`weights.${name}`, weight, 0)
  }
  const given = new Map(Object.entries(weights))
  const shares = members.names.map((name) => given.get(name) ?? 1)
  const total = shares.reduce((a, b) => a + b, 0)
  checkNumber('the sum of weights', total, Number.MIN_VALUE)
  const name = 'voting'
  return {
    name,
    get bytes() {
      return members.bytes
    },
    get continuation() {
      return members.continuation
    },
    get truncates() {
      return members.truncates
    },
    get importances() {
      return members.importances
    },
    fit(X: FeatureMatrix, y: Float32Array, { initial, ...rest }: FitOptions = {}) {
      const before = initial === undefined ? undefined : modelState<SavedVoting>(initial, name, 1)
      return members.fit(X, y, rest, before?.models)
    },
    predict(X: FeatureMatrix, out?: Float32Array) {
      const { predictions, outputs } = members.predict(X)
      const filled = predictionOut(out, X.rows * outputs)
      const sums = new Float64Array(filled.length)
      members.names.forEach((member, m) => {
        const predicted = predictions.get(member) ?? filled
        if (vote === 'soft') for (let i = 0; i < sums.length; i++) sums[i] += (shares[m] / total) * predicted[i]
        else
          for (let base = 0; base < sums.length; base += outputs) {
            const best = winner(predicted, base, outputs)
            if (outputs === 1) sums[base] += (shares[m] / total) * best
            else sums[base + best] += shares[m] / total
          }
      })
      filled.set(sums)
      return filled
    },
    save: () => ({ kind: name, version: 1, models: members.save() }),
    load: (data: Data) => members.load(modelState<SavedVoting>(data, name, 1).models),
  }
}
