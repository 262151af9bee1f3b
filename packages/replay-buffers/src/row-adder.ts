import { arrayConstructor } from './dtype.ts'
import type { Field, Layout, Views } from './layout.ts'
import { checkLines, isPlainLayout, storeLines } from './row-source.ts'

/** Where one stream stands: plain numbers in one object, because an add touches all of them. */
export interface Lane {
  /** Rows ever appended, bare ones included, less `head`: it changes once a lap. */
  base: number
  /** Bare rows ever appended. */
  bare: number
  /** Transitions stored. */
  transitions: number
  /** Serial number below which rows are lost. */
  floor: number
  /** The next slot: kept, because a remainder of large numbers costs more than all the rest of an add. */
  head: number
  /** The ring's first slot. */
  readonly first: number
  /** The slot after the ring's last. */
  readonly end: number
  /** Flags of a row that comes now: START where no episode is open. */
  start: number
}

/** Adds one transition to a stream. @returns its slot. */
export type AddRow = (transition: Readonly<Record<string, unknown>>, stream?: number) => number

/** What an adder writes to. */
export interface AddTarget {
  /** All records, one behind the other. */
  readonly views: Views
  readonly flags: Uint8Array
  readonly lane: Lane
  /** The plain form: other streams, truncations and final observations, and whatever is not of the exact form. */
  readonly plain: AddRow
  /** The ring's last slot was written: begins at the first again. */
  readonly lap: () => void
}

/**
 * `EpisodeRows.append` as one function without calls: checks, copies, flags and the lane's counters together. For
 * records of 72 bytes that is a quarter faster than a generated writer that is called. It does exactly what the plain form does,
 * a test compares them.
 *
 * @returns undefined for layouts with packed or referenced columns.
 * @throws EvalError where the platform forbids code from text.
 */
export function createRowAdder(layout: Layout, finite: boolean): ((target: AddTarget) => AddRow) | undefined {
  const { fields, recordBytes } = layout
  if (!isPlainLayout(layout, fields)) return undefined
  const otherwise = 'return plain(t, stream)'
  const index = (field: Field): string => {
    const bytes = arrayConstructor(field.dtype).BYTES_PER_ELEMENT
    return `slot * ${recordBytes / bytes} + ${field.offset / bytes}`
  }
  const source = [
    "'use strict'",
    'return function add(t, stream) {',
    `if (stream !== undefined && stream !== 0) ${otherwise}`,
    `if (typeof t !== 'object' || t === null) ${otherwise}`,
    // A termination is 1, and the row after it begins an episode: 16.
    'let end = 0',
    'if (t.terminated !== false || t.truncated !== false) {',
    `if (t.terminated !== true || t.truncated !== false || t.finalObs !== undefined) ${otherwise}`,
    'end = 1',
    '}',
    ...checkLines(fields, finite, otherwise),
    'const slot = lane.head',
    ...fields.flatMap((field, i) => storeLines(field, i, index(field), field.dtype)),
    // BARE is 4: a transition more where the row that goes was none. A branch, for it goes one way for a whole lap.
    'if ((flags[slot] & 4) !== 0) lane.transitions++',
    'flags[slot] = lane.start | end',
    'lane.start = end << 4',
    'if ((lane.head = slot + 1) === lane.end) lap()',
    'return slot',
    '}',
  ].join('\n')
  // The text is made of the layout's numbers and JSON-quoted names alone.
  const dtypes = [...new Set(fields.map((field) => field.dtype))]
  const make = new Function(...dtypes, 'flags', 'lane', 'plain', 'lap', source) as (...parts: unknown[]) => AddRow
  return ({ views, flags, lane, plain, lap }) => make(...dtypes.map((dtype) => views[dtype]), flags, lane, plain, lap)
}
