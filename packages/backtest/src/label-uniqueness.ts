/**
 * How many labels' intervals each bar lies in: label i covers the bars from i to `knownAt[i]`, both included.
 *
 * @param knownAt shape [rows]: last bar of each label's interval; -1 for none.
 * @returns shape [rows].
 * @see López de Prado (2018), "Advances in Financial Machine Learning", section 4.3.
 */
export function concurrency(knownAt: Int32Array): Int32Array {
  const rows = knownAt.length
  const change = new Int32Array(rows + 1)
  for (let i = 0; i < rows; i++) {
    if (knownAt[i] < 0) continue
    change[i]++
    change[knownAt[i] + 1]--
  }
  const count = new Int32Array(rows)
  for (let t = 0, open = 0; t < rows; t++) {
    open += change[t]
    count[t] = open
  }
  return count
}

/**
 * Average uniqueness of each label: the mean over its interval of 1 / {@link concurrency}. Labels that share all their
 * bars with many others tell little that is new; as sample weights their sum is about the number of independent labels.
 *
 * O(n): by prefix sums of 1 / concurrency, so that values are within a few ulp of the mean taken bar by bar.
 *
 * @param knownAt shape [rows]: last bar of each label's interval; -1 for none.
 * @returns shape [rows], above 0 to 1; 0 where there is no label.
 * @see López de Prado (2018), section 4.4 (snippet 4.2), of which this is the mean over all labels at once.
 */
export function uniqueness(knownAt: Int32Array): Float32Array {
  const rows = knownAt.length
  const count = concurrency(knownAt)
  const sums = new Float64Array(rows + 1)
  for (let t = 0; t < rows; t++) sums[t + 1] = sums[t] + (count[t] === 0 ? 0 : 1 / count[t])
  const out = new Float32Array(rows)
  for (let i = 0; i < rows; i++) if (knownAt[i] >= 0) out[i] = (sums[knownAt[i] + 1] - sums[i]) / (knownAt[i] - i + 1)
  return out
}
