import { TradewrightError } from '@tradewright/core'

/** One column with a note, as an Arrow IPC file. */
export interface ArrowColumns {
  write(column: Float64Array, note: string): Uint8Array
  /** Undefined for bytes that are no such file. */
  read(bytes: Uint8Array): { readonly column: Float64Array; readonly note: string } | undefined
}

/**
 * Arrow IPC through apache-arrow. The only place that knows it: it is loaded when first needed.
 *
 * @throws TradewrightError `NOT_AVAILABLE` where the library does not load.
 */
export async function loadArrow(): Promise<ArrowColumns> {
  let arrow: typeof import('apache-arrow')
  try {
    arrow = await import('apache-arrow')
  } catch (cause) {
    throw new TradewrightError(
      'NOT_AVAILABLE',
      "spilling indicators to disk needs the package 'apache-arrow': npm install apache-arrow",
      { package: 'apache-arrow', reason: String(cause) },
      { cause },
    )
  }
  return {
    write(column, note) {
      const table = new arrow.Table({ value: arrow.makeVector(column.slice()) })
      table.schema.metadata.set('tradewright', note)
      return arrow.tableToIPC(table, 'file')
    },
    read(bytes) {
      try {
        const table = arrow.tableFromIPC(bytes)
        const column: unknown = table.getChild('value')?.toArray()
        const note = table.schema.metadata.get('tradewright')
        return column instanceof Float64Array && note !== undefined ? { column, note } : undefined
      } catch {
        return undefined
      }
    },
  }
}
