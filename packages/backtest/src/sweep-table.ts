import { TradewrightError } from '@tradewright/core'
import type { Vector } from 'apache-arrow'

/**
 * What every apache-arrow `Table` has. Told here in our own words, so that the types of this package need no optional
 * peer; `as import('apache-arrow').Table` gives the rest.
 */
export interface Table {
  readonly numRows: number
  readonly numCols: number
  readonly schema: { readonly fields: readonly { readonly name: string }[] }
  /** The column of a name; null where there is none. */
  getChild(name: string): (Iterable<unknown> & { readonly length: number; get(index: number): unknown }) | null
  toArray(): readonly unknown[]
}

async function loadArrow(): Promise<typeof import('apache-arrow')> {
  try {
    return await import('apache-arrow')
  } catch (cause) {
    throw new TradewrightError('NOT_AVAILABLE', "toArrow needs the package 'apache-arrow': install it", {}, { cause })
  }
}

/** Parameters by path ('exit.mult'), as columns; undefined where a branch lacks one. */
function paramColumns(params: readonly unknown[]): ReadonlyMap<string, unknown[]> {
  const columns = new Map<string, unknown[]>()
  const visit = (value: unknown, path: string, row: number): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) visit(inner, path === '' ? name : `${path}.${name}`, row)
      return
    }
    let column = columns.get(path)
    if (column === undefined) {
      column = new Array(params.length).fill(null)
      columns.set(path, column)
    }
    column[row] = value
  }
  params.forEach((one, row) => {
    visit(one, '', row)
  })
  return columns
}

const asText = (value: unknown): string | null => (value === null ? null : String(value))

/**
 * The Arrow table of a sweep: numbers as float64, other parameters as Arrow infers them, as text where they are of
 * several types. A parameter named like a metric is `params.<name>`.
 */
export async function sweepTable(
  params: readonly unknown[],
  metrics: Readonly<Record<string, Float64Array>>,
): Promise<Table> {
  const arrow = await loadArrow()
  const columns: Record<string, Vector> = {}
  for (const [path, values] of paramColumns(params)) {
    const name = Object.hasOwn(metrics, path) ? `params.${path}` : path
    const types = new Set(values.filter((value) => value !== null).map((value) => typeof value))
    columns[name] =
      types.size === 1 && types.has('number') && !values.includes(null)
        ? arrow.makeVector(Float64Array.from(values as number[]))
        : arrow.vectorFromArray((types.size > 1 ? values.map(asText) : values) as string[])
  }
  for (const [name, values] of Object.entries(metrics)) columns[name] = arrow.makeVector(values)
  return new arrow.Table(columns)
}
