import { type Clock, type Data, systemClock, TradewrightError } from '@tradewright/core'
import { checkCount } from '../check-range.ts'
import type { Trick } from '../trick.ts'

/** Options of {@link dynamicBatching}. */
export interface DynamicBatchingOptions {
  /**
   * 'memory': the most rows that fit. 'throughput': measured while training, the fastest of those that fit.
   * @default 'throughput'
   */
  readonly goal?: 'memory' | 'throughput' | undefined
  /** What a model may take in all. @default no limit */
  readonly maxBytes?: number | undefined
  /** Fewest rows that are tried, a multiple of 8. @default 32 */
  readonly least?: number | undefined
  /** Updates by which each number of rows is measured. @default 5 */
  readonly trials?: number | undefined
  /** Updates from one measurement to the next: what is fastest changes with the machine's other work. @default 2000 */
  readonly every?: number | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** The batch, its half, its quarter and so on, in multiples of 8. */
function candidatesOf(batch: number, least: number): number[] {
  const found = [batch]
  for (let rows = Math.ceil(batch / 16) * 8; rows >= least && rows < found[found.length - 1]; ) {
    found.push(rows)
    rows = Math.ceil(rows / 16) * 8
  }
  return found
}

/**
 * Chooses how many of a batch's rows go through the engine at once. An update still has all of its `batch` rows: the
 * gradients of its parts are put together, and dropout's masks go on from part to part, so what is learned is the same
 * to rounding (1e-6), whatever is chosen.
 *
 * With 'memory' the choice is made before training, from exact sizes, and a training can be made again to the last
 * bit. With 'throughput' it follows the clock, so its last bits may differ from run to run.
 */
export function dynamicBatching(options: DynamicBatchingOptions = {}): Trick {
  const { goal = 'throughput', maxBytes = Number.POSITIVE_INFINITY, least = 32, trials = 5, every = 2000 } = options
  const { clock = systemClock } = options
  if (goal !== 'memory' && goal !== 'throughput')
    throw new TradewrightError('BAD_OPTION', `goal must be 'memory' or 'throughput', was '${String(goal)}'`)
  checkCount('least', least, 8)
  if (least % 8 !== 0)
    throw new TradewrightError('BAD_OPTION', `least must be a multiple of 8, was ${least}`, { least })
  checkCount('trials', trials, 1)
  checkCount('every', every, 1)
  let candidates: readonly number[] = []
  let bytes = 0
  let chosen = 0
  let measured = 0
  /** Updates since the last measurement began. */
  let age = 0
  let begun = 0
  let times: number[][] = []
  const candidateAt = (): number | undefined =>
    goal === 'throughput' && candidates.length > 1 ? candidates[Math.floor(age / trials)] : undefined
  const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]
  return {
    name: 'dynamicBatching',
    check({ loss }) {
      if (!loss.additive)
        throw new TradewrightError(
          'BAD_OPTION',
          `trick 'dynamicBatching' and loss '${loss.name}' cannot be together: the loss is a property of the whole batch`,
          { loss: loss.name },
        )
    },
    compile(compile, bytesOf) {
      const all = candidatesOf(compile.batch, least)
      const fits = all.findIndex((batch) => {
        bytes = bytesOf({ ...compile, batch })
        return bytes <= maxBytes
      })
      if (fits < 0)
        throw new TradewrightError(
          'OUT_OF_MEMORY',
          `${all[all.length - 1]} rows must fit in maxBytes (${maxBytes}), was ${bytes} bytes; lower least or the model, or checkpoint activations`,
          { maxBytes, bytes },
        )
      candidates = all.slice(fits)
      chosen = candidates[0]
      return { ...compile, batch: chosen }
    },
    rows() {
      begun = clock.elapsed()
      return candidateAt() ?? chosen
    },
    stepped() {
      const candidate = candidateAt()
      if (candidate !== undefined) {
        const index = Math.floor(age / trials)
        times[index] ??= []
        times[index].push(clock.elapsed() - begun)
      }
      age++
      if (goal === 'throughput' && age === trials * candidates.length && candidates.length > 1) {
        const medians = times.map(median)
        chosen = candidates[medians.indexOf(Math.min(...medians))]
        measured++
      }
      if (age >= trials * candidates.length + every) {
        age = 0
        times = []
      }
    },
    save: (): Data => ({ chosen, measured }),
    restore(data) {
      const found = data as { readonly chosen: number; readonly measured: number }
      if (candidates.includes(found.chosen)) chosen = found.chosen
      measured = found.measured
      if (measured > 0) age = trials * candidates.length
    },
    stats: () => ({ rows: chosen, bytes, measured }),
  }
}
