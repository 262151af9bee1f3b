/** What {@link Kernels.matmul} does to the product before it is stored; added up. */
export const matmulFlag: Readonly<Record<'accumulate' | 'bias' | 'relu' | 'mask', number>> = Object.freeze({
  accumulate: 1,
  bias: 2,
  relu: 4,
  mask: 8,
})

/** A product C (m x n) = A (m x k) * B (k x n) over one memory. Offsets are bytes, strides are bytes. */
export interface MatmulShape {
  readonly n: number
  readonly k: number
  /** Element (i, p) of A lies at a + i * aRow + p * aColumn; one of the two is 4. */
  readonly aRow: number
  readonly aColumn: number
  /** Element (p, j) of B lies at b + p * bRow + j * bColumn; one of the two is 4. */
  readonly bRow: number
  readonly bColumn: number
}

/** Activations by the number that the kernels know them by. */
export const activationKinds: readonly ActivationName[] = Object.freeze([
  'relu',
  'leakyRelu',
  'elu',
  'sigmoid',
  'tanh',
  'softplus',
  'silu',
  'gelu',
] as const)

/** Name of an activation: leakyRelu has slope 0.01, elu alpha 1, gelu is the tanh form. */
export type ActivationName = 'relu' | 'leakyRelu' | 'elu' | 'sigmoid' | 'tanh' | 'softplus' | 'silu' | 'gelu'

/**
 * The kernels of the fused engine over one linear memory. Arguments named after arrays are byte offsets, counts are in
 * elements; arrays are padded to 16 bytes, and elementwise kernels may write the padding. Formulas: see
 * `plain-kernels.ts`, the reference.
 */
export interface Kernels {
  readonly name: string
  /** Bytes of packed B that {@link Kernels.matmul} wants; 0 where it does not pack. */
  packedBytes(k: number, n: number): number
  /** Packs B once, for products with it later. */
  pack(shape: MatmulShape, b: number, packed: number): void
  /** `packed` holds B (see `pack`) where packedBytes is not 0, else `b` is read. `scratch` has k * 96 + 192 bytes. */
  matmul(
    m: number,
    shape: MatmulShape,
    a: number,
    b: number,
    packed: number,
    c: number,
    flags: number,
    bias: number,
    mask: number,
    scratch: number,
  ): void
  /** C (m x n) after a product made elsewhere: bias, relu and mask, as the flags say. */
  epilogue(m: number, n: number, c: number, flags: number, bias: number, mask: number): void
  activate(kind: number, n: number, x: number, y: number): void
  activateGrad(kind: number, n: number, x: number, y: number, dy: number, dx: number): void
  fill(n: number, value: number, x: number): void
  axpy(n: number, a: number, x: number, y: number): void
  scale(n: number, a: number, x: number): void
  sumSquares(n: number, x: number): number
  columnSum(rows: number, columns: number, x: number, out: number, accumulate: number): void
  layerNorm(rows: number, n: number, eps: number, x: number, gamma: number, beta: number, y: number, stat: number): void
  layerNormGrad(
    rows: number,
    n: number,
    x: number,
    gamma: number,
    stat: number,
    dy: number,
    dx: number,
    dgamma: number,
    dbeta: number,
  ): void
  embed(rows: number, columns: number, column: number, size: number, x: number, table: number, y: number): void
  embedGrad(
    rows: number,
    columns: number,
    column: number,
    size: number,
    x: number,
    dy: number,
    dx: number,
    dtable: number,
  ): void
  /** `first` is the number of the first block of 8 draws. */
  dropout(
    n: number,
    x: number,
    y: number,
    threshold: number,
    factor: number,
    key0: number,
    key1: number,
    step: number,
    first: number,
  ): void
  toHalf(kind: number, n: number, x: number, y: number): void
  fromHalf(kind: number, n: number, x: number, y: number): void
  /** x *= the float32 at `at`: an argument that is no integer leaves a boxed number behind in every call. */
  scaleAt(n: number, at: number, x: number): void
  /** `numbers` holds rate, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, c1, c2, l2, decay. */
  adam(n: number, p: number, g: number, m: number, v: number, numbers: number): void
  /** `numbers` holds rate, momentum, damp, l2. */
  momentum(n: number, p: number, g: number, v: number, numbers: number, nesterov: number): void
}

/** Where the numbers of `adam`, `momentum` and `scaleAt` are put: 64 bytes below the first that models use. */
export const NUMBERS_AT: number = 65536 - 64
