import { exponential } from './plain-tree-kernels.ts'

/** What the trees learn. */
export type TreeObjective = 'binary' | 'multi-class' | 'regression' | 'quantile'

/** Numbers of the objectives in assembly/trees.ts. */
export const objectiveNumbers: Readonly<Record<TreeObjective, number>> = {
  binary: 0,
  'multi-class': 1,
  regression: 2,
  quantile: 3,
}

/** 1 / (1 + e^-x) in float64: the kernels' own exponential, so that every runtime gives the same bits. */
export function logistic(x: number): number {
  return 1 / (1 + exponential(-x))
}

/** Turns margins into predictions, in place: probabilities for classes, unchanged for numbers. */
export function applyLink(objective: TreeObjective, groups: number, out: Float32Array, rows: number): Float32Array {
  if (objective === 'binary') for (let i = 0; i < rows; i++) out[i] = logistic(out[i])
  if (objective === 'multi-class')
    for (let r = 0; r < rows; r++) {
      const first = r * groups
      let top = Number.NEGATIVE_INFINITY
      for (let c = 0; c < groups; c++) top = Math.max(top, out[first + c])
      let total = 0
      for (let c = 0; c < groups; c++) total += exponential(out[first + c] - top)
      for (let c = 0; c < groups; c++) out[first + c] = exponential(out[first + c] - top) / total
    }
  return out
}

/** Margins of rows, group by group. */
export interface MarginView {
  readonly margins: Float32Array
  /** First margin of group 0. */
  readonly first: number
  /** Margins between one group and the next. */
  readonly stride: number
  readonly groups: number
}

/** Loss of one row: log loss, root of which for regression is taken of the mean square, pinball loss. */
function rowLoss(objective: TreeObjective, view: MarginView, row: number, y: number, quantile: number): number {
  const { margins, first, stride, groups } = view
  const m = margins[first + row]
  if (objective === 'regression') return (m - y) * (m - y)
  if (objective === 'quantile') return y >= m ? quantile * (y - m) : (1 - quantile) * (m - y)
  // log(1 + e^-m) without overflow.
  if (objective === 'binary') return Math.max(m, 0) - m * y + Math.log1p(Math.exp(-Math.abs(m)))
  let top = Number.NEGATIVE_INFINITY
  for (let c = 0; c < groups; c++) top = Math.max(top, margins[first + c * stride + row])
  let sum = 0
  for (let c = 0; c < groups; c++) sum += Math.exp(margins[first + c * stride + row] - top)
  return Math.log(sum) + top - margins[first + y * stride + row]
}

/** Mean loss of rows: logarithmic for classes, root mean square for regression, pinball for quantiles. */
export function meanLoss(
  objective: TreeObjective,
  view: MarginView,
  y: Float32Array,
  { weight, quantile }: { readonly weight: Float32Array | undefined; readonly quantile: number },
): number {
  let sum = 0
  let total = 0
  for (let r = 0; r < y.length; r++) {
    const w = weight === undefined ? 1 : weight[r]
    sum += w * rowLoss(objective, view, r, y[r], quantile)
    total += w
  }
  return objective === 'regression' ? Math.sqrt(sum / total) : sum / total
}

/** The value below which a share `quantile` of the weight lies. `values` is sorted in place. */
export function weightedQuantile(values: Float64Array, weights: Float64Array | undefined, quantile: number): number {
  if (weights === undefined) {
    values.sort()
    // Linear between the two nearest, as numpy's default.
    const at = quantile * (values.length - 1)
    const low = Math.floor(at)
    const high = Math.min(values.length - 1, low + 1)
    return values[low] + (at - low) * (values[high] - values[low])
  }
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b])
  let total = 0
  for (const w of weights) total += w
  let sum = 0
  for (const i of order) {
    sum += weights[i]
    if (sum >= quantile * total) return values[i]
  }
  return values[order[order.length - 1]]
}
