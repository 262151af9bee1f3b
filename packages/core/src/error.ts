/** Every code a {@link TradewrightError} can carry. Closed: a new failure gets a new line here. */
export type ErrorCode =
  | 'BAD_OPTION' // an option or argument breaks its rule
  | 'BAD_SHAPE' // lengths, dtypes or dimensions do not fit each other
  | 'BAD_DATA' // market data, a file or a stored record is malformed
  | 'BAD_SPACE' // a search space is contradictory or empty
  | 'BAD_STRATEGY' // a strategy is impure, returns the wrong shape or throws
  | 'BAD_OPTIMIZER' // a plugin broke its contract
  | 'BAD_OBJECTIVE' // an objective returned something that is no score
  | 'UNKNOWN_NAME' // a name that is not in a known list
  | 'DUPLICATE_NAME' // a name that must be unique is not
  | 'NOT_AVAILABLE' // a feature or engine that is not here (yet), with how to get it
  | 'NOT_FOUND' // a file, folder or symbol that is not there
  | 'IO' // the operating system refused
  | 'CORRUPT' // stored bytes fail their checksum
  | 'SYSTEM_RUNNING' // not allowed once a run has begun
  | 'DISPOSED' // used after it was closed
  | 'TRIAL_FAILED' // one evaluation failed; the study goes on
  | 'TASK_FAILED' // a task in a pool failed, died or was too large
  | 'TIMEOUT' // an operation passed its time limit
  | 'OUT_OF_MEMORY' // a memory bound was reached
  | 'STUDY_CONFLICT' // a stored study differs from the one being resumed
  | 'INTERNAL' // a bug of ours

const BRAND: unique symbol = Symbol.for('tradewright.error') as never

/** An error as plain data: survives structured clone, workers and files. */
export interface ErrorData {
  readonly code: ErrorCode
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
  readonly stack?: string
}

/**
 * The one error class of Tradewright.
 *
 * The message reads `[CODE] rule, was <value>`; `details` holds the same as data. Recognise it with
 * {@link isTradewrightError}, never with `instanceof`: ESM and CJS copies of this class are different classes.
 *
 * @example
 * ```ts
 * import { isTradewrightError, TradewrightError } from '@tradewright/core'
 * try {
 *   throw new TradewrightError('BAD_OPTION', 'period must be an integer >= 1, was 0', { period: 0 })
 * } catch (error) {
 *   if (isTradewrightError(error)) console.log(error.code, error.details.period) // BAD_OPTION 0
 * }
 * ```
 */
export class TradewrightError extends Error {
  override readonly name = 'TradewrightError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  /**
   * @param code    which rule was broken.
   * @param rule    the rule and the value, in one sentence.
   * @param details the same as data. Copied and frozen.
   * @param options `cause`: the error underneath.
   */
  constructor(
    code: ErrorCode,
    rule: string,
    details: Readonly<Record<string, unknown>> = {},
    options: { readonly cause?: unknown } = {},
  ) {
    super(`[${code}] ${rule}`, options)
    this.code = code
    this.details = Object.freeze({ ...details })
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** Whether `value` is a {@link TradewrightError} of any copy of this package. */
export function isTradewrightError(value: unknown): value is TradewrightError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true
}

/** Turns anything thrown into plain data. What is no TradewrightError gets `code`. */
export function toErrorData(error: unknown, code: ErrorCode = 'TRIAL_FAILED'): ErrorData {
  const stack = error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}
  if (isTradewrightError(error)) return { code: error.code, message: error.message, details: error.details, ...stack }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return { code, message: `[${code}] ${text}`, details: {}, ...stack }
}

/** The inverse of {@link toErrorData}: a TradewrightError with the same message, code and details. */
export function fromErrorData(data: ErrorData): TradewrightError {
  const prefix = `[${data.code}] `
  const rule = data.message.startsWith(prefix) ? data.message.slice(prefix.length) : data.message
  const error = new TradewrightError(data.code, rule, data.details)
  if (data.stack !== undefined) error.stack = data.stack
  return error
}

/** Levenshtein distance, two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, substitution)
    }
    previous = row
  }
  return previous[b.length]
}

/** The known name closest to `name` (edit distance, case ignored), or undefined when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 2)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/**
 * The error for a name that is not in a known list: says the nearest valid one, or the list.
 *
 * @param what  what the name names, as in `config key`.
 * @param name  the name that was given.
 * @param known the valid names.
 */
export function unknownName(what: string, name: string, known: Iterable<string>): TradewrightError {
  const list = [...known]
  const nearest = nearestName(name, list)
  const hint =
    nearest === undefined ? `known: ${list.join(', ')}` : `did you mean '${nearest}'? known: ${list.join(', ')}`
  return new TradewrightError('UNKNOWN_NAME', `${what} must be a known name, was '${name}'; ${hint}`, {
    name,
    known: list,
    ...(nearest === undefined ? {} : { nearest }),
  })
}
