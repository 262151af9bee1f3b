import { TradewrightError } from '@tradewright/core'
import { asciiText } from './parse-number.ts'

/** One thing wrong in a file, and where. */
export interface CsvProblem {
  /** From 1, as editors count: the header is line 1. */
  readonly line: number
  /** The bar's column; undefined where the whole row is meant. */
  readonly column: string | undefined
  /** First byte of the value in its line, from 1. */
  readonly character: number
  readonly rule: string
  readonly value: string
}

/** A field as it stands in the file, cut to a length that fits a message. */
export function fieldText(bytes: Uint8Array, start: number, end: number): string {
  const text = asciiText(bytes, start, Math.min(end, start + 40))
  return end > start + 40 ? `${text}...` : text
}

/** One problem as a sentence. */
function describe({ line, column, character, rule, value }: CsvProblem): string {
  const where = column === undefined ? `line ${line}` : `line ${line}, column '${column}' (character ${character})`
  return `${where}: ${rule}, was '${value}'`
}

/** The error for a file with problems: the first in full, the number of the others, all of them in `details`. */
export function problemsError(source: string, problems: readonly CsvProblem[], more: boolean): TradewrightError {
  const [first] = problems
  const others = problems.length - 1
  const tail = others === 0 ? '' : `; and ${others}${more ? ' or more' : ''} other problem${others === 1 ? '' : 's'}`
  return new TradewrightError('BAD_DATA', `${source}: ${describe(first)}${tail}`, {
    source,
    line: first.line,
    column: first.column,
    character: first.character,
    rule: first.rule,
    value: first.value,
    problems,
  })
}
