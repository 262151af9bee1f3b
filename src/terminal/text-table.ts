/** A column of a text table. */
export interface TextColumn {
  readonly head: string
  readonly align: 'left' | 'right'
}

// Wide enough for the characters that reports use; combining marks and wide scripts do not occur in them.
const widthOf = (text: string): number => [...text].length

/** Rows as lines of aligned columns under a head; an undefined row is a rule. */
export function textTable(columns: readonly TextColumn[], rows: readonly (readonly string[] | undefined)[]): string {
  const widths = columns.map(({ head }, c) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row?.[c] ?? '')), widthOf(head)),
  )
  const pad = (text: string, c: number): string => {
    const space = ' '.repeat(widths[c] - widthOf(text))
    return columns[c].align === 'left' ? text + space : space + text
  }
  const line = (cells: readonly string[]): string => cells.map(pad).join('  ').trimEnd()
  const rule = widths.map((width) => '─'.repeat(width)).join('──')
  return [
    line(columns.map(({ head }) => head)),
    rule,
    ...rows.map((row) => (row === undefined ? rule : line(row))),
  ].join('\n')
}
