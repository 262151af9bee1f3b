/** Rows of features, row-major, as a model takes them. */
export interface FeatureRows {
  /** shape [rows * columns]; NaN where a value is missing, and all of a row before `firstRow`. */
  readonly data: Float32Array
  /** The first row in which every feature is known; the number of rows where there is none. */
  readonly firstRow: number
}

/** A value as a model sees it: 32 bits, and missing (NaN) where it is not finite in them. */
export function featureValue(value: number): number {
  const narrow = Math.fround(value)
  return Number.isFinite(narrow) ? narrow : Number.NaN
}

/**
 * Packs columns into rows. Before the first row in which every feature is known nothing is: a warm-up that is over for
 * one feature only would teach a model what no later row looks like.
 *
 * @param columns one a feature, each at least `rows` long. Read only.
 * @returns memory of its own, over `buffer` where one is given.
 */
export function packRows(columns: readonly Float64Array[], rows: number, buffer?: ArrayBufferLike): FeatureRows {
  const width = columns.length
  const data = buffer === undefined ? new Float32Array(rows * width) : new Float32Array(buffer, 0, rows * width)
  let firstRow = rows
  for (let i = 0; i < rows; i++) {
    let known = true
    for (let j = 0; j < width; j++) {
      const value = featureValue(columns[j][i])
      data[i * width + j] = value
      if (value !== value) known = false
    }
    if (!known) continue
    firstRow = i
    break
  }
  data.fill(Number.NaN, 0, firstRow * width)
  for (let j = 0; j < width; j++) {
    const column = columns[j]
    for (let i = firstRow + 1, at = i * width + j; i < rows; i++, at += width) data[at] = featureValue(column[i])
  }
  return { data, firstRow }
}

/** The first row without a missing value: what {@link packRows} said of these rows. */
export function firstCompleteRow(data: Float32Array, rows: number, columns: number): number {
  for (let i = 0; i < rows; i++) {
    let j = 0
    while (j < columns && data[i * columns + j] === data[i * columns + j]) j++
    if (j === columns) return i
  }
  return rows
}
