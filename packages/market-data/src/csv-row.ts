/** Where one row's fields lie: `starts[i]` to `ends[i]` (excluded), blanks and quotes cut off. */
export interface CsvRow {
  readonly starts: number[]
  readonly ends: number[]
  /** First byte after the row's line break. */
  next: number
  /** Line breaks within the row's quotes. */
  breaks: number
  /** Whether a quote was opened and never closed, or something follows a closing quote. */
  badQuote: boolean
}

/** An empty {@link CsvRow}, to be filled again and again by {@link splitRow}. */
export function emptyRow(): CsvRow {
  return { starts: [], ends: [], next: 0, breaks: 0, badQuote: false }
}

const QUOTE = 34
const isBlank = (byte: number): boolean => byte === 32 || byte === 9

/** One past a quoted field's closing quote. `at` is its opening quote. */
function skipQuoted(bytes: Uint8Array, at: number, row: CsvRow): number {
  for (let i = at + 1; i < bytes.length; i++) {
    if (bytes[i] === 10) row.breaks++
    if (bytes[i] !== QUOTE) continue
    if (bytes[i + 1] === QUOTE) i++
    else return i + 1
  }
  row.badQuote = true
  return bytes.length
}

/**
 * Splits the row at `at` into fields by RFC 4180: quotes around a field, a doubled quote within, line breaks allowed
 * within quotes. Blanks around a field are cut off.
 *
 * @param row overwritten.
 */
export function splitRow(bytes: Uint8Array, at: number, delimiter: number, row: CsvRow): CsvRow {
  row.starts.length = 0
  row.ends.length = 0
  row.breaks = 0
  row.badQuote = false
  let i = at
  for (;;) {
    while (i < bytes.length && isBlank(bytes[i]) && bytes[i] !== delimiter) i++
    let start = i
    let end = i
    if (bytes[i] === QUOTE) {
      i = skipQuoted(bytes, i, row)
      start++
      end = row.badQuote ? i : i - 1
      while (i < bytes.length && isBlank(bytes[i]) && bytes[i] !== delimiter) i++
      if (i < bytes.length && bytes[i] !== delimiter && bytes[i] !== 10 && bytes[i] !== 13) row.badQuote = true
    }
    const tail = i
    while (i < bytes.length && bytes[i] !== delimiter && bytes[i] !== 10 && bytes[i] !== 13) i++
    if (i > tail) end = i
    while (end > start && isBlank(bytes[end - 1])) end--
    row.starts.push(start)
    row.ends.push(end)
    if (i < bytes.length && bytes[i] === delimiter) {
      i++
      continue
    }
    if (bytes[i] === 13) i++
    if (bytes[i] === 10) i++
    row.next = i
    return row
  }
}
