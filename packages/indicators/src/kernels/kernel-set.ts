/**
 * The hot loops over one linear memory, in WebAssembly or in plain TypeScript. Addresses and strides are bytes, multiples
 * of 8. A kernel may read and write three slots beyond what it is given. What each computes is said at its plain form.
 */
export interface KernelSet {
  readonly form: 'wasm' | 'plain'
  /** The memory as it is now; `reserve` may replace it. */
  memory(): Float64Array
  /** Makes the memory at least `slots` doubles large; what is in it stays. */
  reserve(slots: number): void
  readonly extent: (values: number, count: number, out: number) => void
  readonly liesOnGrid: (values: number, count: number, limit: number) => number
  readonly split: (values: number, count: number, splitter: number, coarse: number, rest: number) => void
  readonly subtract: (coarse: number, rest: number, period: number, count: number, out: number) => void
  readonly divide: WindowDivision
  readonly weigh: WindowDivision
  readonly maxima: (values: number, count: number, period: number) => void
  readonly minima: (values: number, count: number, period: number) => void
  readonly centre: (values: number, count: number, middle: number, out: number) => number
  readonly splitSquares: (
    values: number,
    count: number,
    splitter: number,
    squareSplitter: number,
    coarse: number,
    rest: number,
    coarseSquares: number,
    restSquares: number,
  ) => number
  readonly vary: (
    coarse: number,
    rest: number,
    coarseSquares: number,
    restSquares: number,
    period: number,
    error: number,
    count: number,
    out: number,
  ) => number
  readonly smooth4: FourRecursions
  readonly strength4: FourRecursions
}

type WindowDivision = (
  coarse: number,
  rest: number,
  period: number,
  count: number,
  rounder: number,
  smallest: number,
  out: number,
) => number

type FourRecursions = (
  values: number,
  count: number,
  parameters: number,
  state: number,
  out: number,
  stride: number,
) => void
