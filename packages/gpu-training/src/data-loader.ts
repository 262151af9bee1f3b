import { createRng, type Data, TradewrightError } from '@tradewright/core'
import type { Batch } from './backend.ts'
import { checkCount } from './check-range.ts'
import type { Dataset } from './dataset.ts'

/** Which rows an epoch has, and in which order. */
export type Sampling =
  | 'sequential'
  | 'shuffle'
  /** As many rows as the dataset has, drawn with replacement, each in proportion to its number. */
  | { readonly type: 'weighted'; readonly weights: ArrayLike<number> }
  /** Every row once, each batch with the classes in the dataset's proportions, as near as whole rows allow. */
  | { readonly type: 'stratified'; readonly classes: ArrayLike<number> }

/** Options of {@link createDataLoader}. */
export interface DataLoaderOptions {
  /** Rows a batch. */
  readonly batch: number
  /** @default 'shuffle' */
  readonly sampling?: Sampling | undefined
  /** @default 0 */
  readonly seed?: number | undefined
  /** Whether a last batch that is not full is left out. @default false */
  readonly dropLast?: boolean | undefined
}

/** Gives the batches of one epoch after another. The order of an epoch is a function of seed and epoch. */
export interface DataLoader {
  /** Batches an epoch. */
  readonly batches: number
  readonly epoch: number
  /** Batches of this epoch that were given. */
  readonly position: number
  /** The next batch; undefined at an epoch's end, and the next epoch begins. It is overwritten by the one after the next. */
  next(): Batch | undefined
  save(): Data
  restore(state: Data): void
  /** Ends what it runs in the background, where it does. */
  dispose?(): void
}

function shuffled(rows: number, seed: number, epoch: number, out: Uint32Array): void {
  const rng = createRng(seed, epoch)
  for (let i = 0; i < rows; i++) out[i] = i
  for (let i = rows - 1; i > 0; i--) {
    const j = rng.below(i + 1)
    const kept = out[i]
    out[i] = out[j]
    out[j] = kept
  }
}

function weightedOrder(weights: ArrayLike<number>, seed: number, epoch: number, out: Uint32Array): void {
  const rng = createRng(seed, epoch)
  const sums = new Float64Array(weights.length)
  let sum = 0
  for (let i = 0; i < weights.length; i++) sums[i] = sum += weights[i]
  for (let i = 0; i < out.length; i++) {
    const draw = rng.uniform() * sum
    let low = 0
    let high = weights.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sums[middle] > draw) high = middle
      else low = middle + 1
    }
    out[i] = low
  }
}

/** Shuffled within classes, then spread: the k-th of n rows of a class goes to place (k + 1/2) / n of the epoch. */
function stratifiedOrder(classes: ArrayLike<number>, seed: number, epoch: number, out: Uint32Array): void {
  shuffled(out.length, seed, epoch, out)
  const counts = new Map<number, number>()
  for (let i = 0; i < classes.length; i++) counts.set(classes[i], (counts.get(classes[i]) ?? 0) + 1)
  const seen = new Map<number, number>()
  const places = new Float64Array(out.length)
  for (const row of out) {
    const k = seen.get(classes[row]) ?? 0
    seen.set(classes[row], k + 1)
    places[row] = (k + 0.5) / (counts.get(classes[row]) ?? 1)
  }
  const rank = new Float64Array(out.length)
  out.forEach((row, i) => {
    rank[row] = i
  })
  out.sort((a, b) => places[a] - places[b] || rank[a] - rank[b])
}

/** The order of an epoch's rows: a function of sampling, seed and epoch. @param out shape [rows], fully overwritten. */
export function epochOrder(sampling: Sampling, seed: number, epoch: number, out: Uint32Array): void {
  if (sampling === 'shuffle') shuffled(out.length, seed, epoch, out)
  else if (sampling === 'sequential') for (let i = 0; i < out.length; i++) out[i] = i
  else if (sampling.type === 'weighted') weightedOrder(sampling.weights, seed, epoch, out)
  else stratifiedOrder(sampling.classes, seed, epoch, out)
}

/** Refuses a sampling that does not fit a dataset of so many rows. */
export function checkSampling(sampling: Sampling, rows: number): void {
  if (typeof sampling === 'string') {
    if (sampling !== 'sequential' && sampling !== 'shuffle')
      throw new TradewrightError(
        'BAD_OPTION',
        `sampling must be 'sequential', 'shuffle', weighted or stratified, was '${sampling}'`,
      )
    return
  }
  const list = sampling.type === 'weighted' ? sampling.weights : sampling.classes
  if (list.length !== rows)
    throw new TradewrightError('BAD_SHAPE', `${sampling.type} sampling must have ${rows} numbers, was ${list.length}`)
  let sum = 0
  for (let i = 0; i < rows; i++) sum += sampling.type === 'weighted' && !(list[i] >= 0) ? Number.NaN : list[i]
  if (sampling.type === 'weighted' && !(sum > 0 && Number.isFinite(sum)))
    throw new TradewrightError('BAD_OPTION', `weights must be >= 0 with a sum above 0, their sum was ${sum}`)
}

/** A loader's saved place. @throws TradewrightError `BAD_OPTION` for that of another batch, seed or number of batches. */
export function readLoaderState(
  state: Data,
  batch: number,
  seed: number,
  batches: number,
): { readonly epoch: number; readonly position: number } {
  const found = state as {
    readonly epoch: number
    readonly position: number
    readonly batch: number
    readonly seed: number
  }
  if (found.batch === batch && found.seed === seed && found.position <= batches) return found
  throw new TradewrightError(
    'BAD_OPTION',
    `a loader's state must be of the same batch and seed (${batch}, ${seed}), was ${found.batch} and ${found.seed}`,
  )
}

/**
 * Batches of a dataset, epoch after epoch.
 *
 * Two buffers take turns, so the batch at hand stays whole while the next is gathered. Nothing else is allocated after
 * an epoch's order is made. The state is a seed and two numbers: a loader resumes in mid-epoch with the same batches.
 *
 * @throws TradewrightError `BAD_OPTION`, `BAD_SHAPE`.
 * @example
 * ```ts
 * import { arrayDataset, createDataLoader } from '@tradewright/gpu-training'
 * const data = arrayDataset({ x: Float32Array.of(1, 2, 3), inputs: 1, y: Float32Array.of(1, 2, 3) })
 * const loader = createDataLoader(data, { batch: 2, sampling: 'sequential' })
 * console.log(loader.next()?.rows, loader.next()?.rows, loader.next()) // 2 1 undefined
 * ```
 */
export function createDataLoader(dataset: Dataset, options: DataLoaderOptions): DataLoader {
  const { batch, sampling = 'shuffle', seed = 0, dropLast = false } = options
  checkCount('batch', batch, 1)
  checkSampling(sampling, dataset.rows)
  const { rows, inputs, targets, weighted } = dataset
  const batches = dropLast ? Math.floor(rows / batch) : Math.ceil(rows / batch)
  if (batches === 0)
    throw new TradewrightError('BAD_OPTION', `batch must not pass the ${rows} rows there are, was ${batch}`)
  const order = new Uint32Array(rows)
  const picked = new Uint32Array(batch)
  const buffers = [0, 1].map(() => {
    const x = new Float32Array(batch * inputs)
    const y = new Float32Array(batch * targets)
    const weight = new Float32Array(batch)
    const whole: Batch = { rows: batch, x, y, weight: weighted ? weight : undefined }
    return { x, y, weight, whole }
  })
  let epoch = 0
  let position = 0
  let ordered = -1
  return {
    batches,
    get epoch() {
      return epoch
    },
    get position() {
      return position
    },
    next() {
      if (position === batches) {
        position = 0
        epoch++
        return undefined
      }
      if (ordered !== epoch) {
        epochOrder(sampling, seed, epoch, order)
        ordered = epoch
      }
      const from = position * batch
      const count = Math.min(batch, rows - from)
      const { x, y, weight, whole } = buffers[position % 2]
      for (let i = 0; i < count; i++) picked[i] = order[from + i]
      dataset.gather(picked, count, x, y, weight)
      position++
      return count === batch
        ? whole
        : {
            rows: count,
            x: x.subarray(0, count * inputs),
            y: y.subarray(0, count * targets),
            weight: weighted ? weight.subarray(0, count) : undefined,
          }
    },
    save: () => ({ epoch, position, batch, seed }),
    restore(state) {
      const found = readLoaderState(state, batch, seed, batches)
      epoch = found.epoch
      position = found.position
    },
  }
}
