import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contentKey, type Data, type FeatureMatrix, type FitRequest, type Key } from '@tradewright/core'

/** Of the states' meaning here: a change makes all older ones misses. */
export const STATE_VERSION = 1

/** What a model's state depends on. */
export interface StateKeys {
  /** The code and its parameters but the number of rounds. */
  readonly core: Key
  /** The rows: features, targets, weights and validation, by content. */
  readonly data: Key
  /** Rounds asked in all; undefined where they are not counted or left to the model. */
  readonly rounds: number | undefined
  /** The code, the features' names and what the rows are made from: states of one family may be near each other. */
  readonly family: Key
}

/** The parameters without the one that counts rounds. */
export function coreOptions({ model }: FitRequest): Data {
  const { options, rounds } = model
  if (rounds === undefined || typeof options !== 'object' || options === null || Array.isArray(options)) return options
  return Object.fromEntries(Object.entries(options).filter(([name]) => name !== rounds))
}

function askedRounds({ model, rounds }: FitRequest): number | undefined {
  if (rounds !== undefined) return rounds
  const { options, rounds: name } = model
  if (name === undefined || typeof options !== 'object' || options === null) return undefined
  const value = (options as Readonly<Record<string, Data>>)[name]
  return typeof value === 'number' ? value : undefined
}

/** What was said of the code's version, else the bytes of its module where that is a file: its imports are not seen. */
function codeVersion({ model: { module, version } }: FitRequest): Data {
  if (version !== undefined) return version
  const path = module.startsWith('file:') ? fileURLToPath(module) : module
  if (!isAbsolute(path)) return ''
  try {
    return new Uint8Array(readFileSync(path))
  } catch {
    return '' // whoever loads it will say what is wrong
  }
}

const matrix = ({ names, rows, columns, data }: FeatureMatrix): Data => [[...names], rows, columns, data]

/** The keys of a request's state. All of the data is read: O(rows * columns). */
export function stateKeys(request: FitRequest): StateKeys {
  const { model, X, y, sampleWeight, validation, series } = request
  const code = contentKey([STATE_VERSION, model.module, model.export, codeVersion(request)])
  return {
    core: contentKey([code, coreOptions(request)]),
    data: contentKey([
      matrix(X),
      y,
      sampleWeight,
      validation === undefined ? undefined : [matrix(validation.X), validation.y],
    ]),
    rounds: askedRounds(request),
    family: contentKey([code, [...X.names], series]),
  }
}

/** The key of one exact state. */
export function exactStateKey({ core, data, rounds }: StateKeys): Key {
  return contentKey(['fitted', core, data, rounds])
}
