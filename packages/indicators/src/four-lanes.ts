import type { KernelSet } from './kernels/kernel-set.ts'
import { currentKernels } from './kernels/kernels.ts'
import { SCRATCH } from './window-totals.ts'

/** Bars at a time: four columns of them stay in the first-level cache. */
const CHUNK = 512
/** Slots of the kernels' scratch memory. */
const PARAMETERS = 4
const STATE = 8

/** A recursion that can run for four periods side by side, see `smooth4` and `strength4`. */
export interface FourLanes {
  readonly kernel: 'smooth4' | 'strength4'
  /** What the kernel wants to know of a period. */
  parameter(period: number): number
  /**
   * Computes out[0..end) of one period bar by bar.
   *
   * @returns the numbers to go on from, one for `smooth4`, two for `strength4`.
   */
  begin(values: Float64Array, period: number, out: Float64Array, end: number): readonly number[]
  /** Bars before the first value. */
  warmup(period: number): number
  /** Whether the kernel can do this period at all. */
  suits(period: number): boolean
}

/**
 * One recursion over finite `values` for many periods, four at a time, bitwise the same as one by one: the lanes do the
 * same operations in the same order.
 */
export function overFourLanes(
  lanes: FourLanes,
  values: Float64Array,
  periods: readonly number[],
  outs: readonly Float64Array[],
): void {
  const length = values.length
  const fit = (k: number): boolean => lanes.suits(periods[k]) && lanes.warmup(periods[k]) + 2 < length
  const order = periods.map((_, k) => k).filter(fit)
  order.sort((a, b) => periods[a] - periods[b])
  const grouped = order.length - (order.length % 4)
  const kernels = currentKernels()
  for (let at = 0; at < grouped; at += 4) runGroup(kernels, lanes, values, periods, outs, order.slice(at, at + 4))
  const done = new Set(order.slice(0, grouped))
  periods.forEach((period, k) => {
    if (!done.has(k)) lanes.begin(values, period, outs[k], length)
  })
}

function runGroup(
  kernels: KernelSet,
  lanes: FourLanes,
  values: Float64Array,
  periods: readonly number[],
  outs: readonly Float64Array[],
  group: readonly number[],
): void {
  const stride = CHUNK + 2
  const column = SCRATCH + stride
  kernels.reserve(column + 4 * stride)
  const memory = kernels.memory()
  // Periods ascend, so from here on all four have begun.
  const common = lanes.warmup(periods[group[3]]) + 1
  group.forEach((k, lane) => {
    memory[PARAMETERS + lane] = lanes.parameter(periods[k])
    lanes.begin(values, periods[k], outs[k], common).forEach((value, i) => {
      memory[STATE + lane + 4 * i] = value
    })
  })
  for (let from = common; from < values.length; from += CHUNK) {
    const count = Math.min(CHUNK, values.length - from)
    memory.set(values.subarray(from - 1, from + count), SCRATCH - 1)
    kernels[lanes.kernel](SCRATCH * 8, count, PARAMETERS * 8, STATE * 8, column * 8, stride * 8)
    group.forEach((k, lane) => {
      const at = column + lane * stride
      outs[k].set(memory.subarray(at, at + count), from)
    })
  }
}
