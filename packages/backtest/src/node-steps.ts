import type { Data } from '@tradewright/core'
import type { NodeGraph } from './node-graph.ts'
import { type KernelStream, userKernel } from './user-kernel.ts'

/** One bar. */
export interface LiveBar {
  /** Epoch ms UTC of the bar's opening. */
  readonly timestamp: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

/** Computes one node for one bar, or several outputs of one indicator. */
export interface Step {
  /** Reads operands from and writes its own value to the stream's values; booleans are 0 and 1. */
  run(bar: LiveBar): void
  save?(): Data
  restore?(state: Data): void
}

function numbers(state: Data): readonly number[] {
  return state as readonly number[]
}

/** Whether the first operand crosses above the second. */
export function crossing(values: Float64Array, a: number, b: number, out: number): Step {
  let beforeA = NaN
  let beforeB = NaN
  return {
    run() {
      values[out] = values[a] > values[b] && beforeA <= beforeB ? 1 : 0
      beforeA = values[a]
      beforeB = values[b]
    },
    save: () => [beforeA, beforeB],
    restore: (state) => {
      ;[beforeA, beforeB] = numbers(state)
    },
  }
}

/** The operand's value a number of bars before. */
export function lagging(values: Float64Array, a: number, out: number, bars: number, empty: number): Step {
  const ring = new Float64Array(bars).fill(empty)
  let at = 0
  return {
    run() {
      const old = ring[at]
      ring[at] = values[a]
      at = at + 1 === bars ? 0 : at + 1
      values[out] = old
    },
    save: () => [at, ...ring],
    restore: (state) => {
      at = numbers(state)[0]
      ring.set(numbers(state).slice(1))
    },
  }
}

/** True bars among the last ones. */
export function counting(values: Float64Array, a: number, out: number, bars: number): Step {
  const ring = new Uint8Array(bars)
  let at = 0
  let count = 0
  return {
    run() {
      count += values[a] - ring[at]
      ring[at] = values[a]
      at = at + 1 === bars ? 0 : at + 1
      values[out] = count
    },
    save: () => [at, count, ...ring],
    restore: (state) => {
      ;[at, count] = numbers(state)
      ring.set(numbers(state).slice(2))
    },
  }
}

/** Bars since the operand was true. */
export function since(values: Float64Array, a: number, out: number): Step {
  let bars = NaN
  return {
    run() {
      bars = values[a] === 1 ? 0 : bars + 1
      values[out] = bars
    },
    save: () => bars,
    restore: (state) => {
      bars = state as number
    },
  }
}

/** The value on the n-th last bar where the condition was true. */
export function when(
  values: Float64Array,
  at: { readonly condition: number; readonly value: number; readonly out: number },
  nth: number,
): Step {
  let hits: number[] = [] // newest first
  return {
    run() {
      if (values[at.condition] === 1) hits = [values[at.value], ...hits.slice(0, nth)]
      values[at.out] = hits.length > nth ? hits[nth] : NaN
    },
    save: () => [...hits],
    restore: (state) => {
      hits = [...numbers(state)]
    },
  }
}

/** A user's indicator. */
export function kernelStep(
  values: Float64Array,
  from: readonly number[],
  out: number,
  graph: NodeGraph,
  node: number,
): Step {
  const kernel = userKernel(graph, node)
  const stream = kernel.createStream?.(kernel.params) ?? replayedKernel(kernel, from.length)
  return {
    run() {
      values[out] = stream.next(from.map((place) => values[place]))
    },
    save: () => stream.save(),
    restore: (state) => stream.restore(state),
  }
}

/** A kernel without a stream of its own: all bars are kept and computed anew. Right by "no look-ahead", and slow. */
function replayedKernel(kernel: ReturnType<typeof userKernel>, inputs: number): KernelStream {
  let history: number[][] = Array.from({ length: inputs }, () => [])
  return {
    next(values) {
      values.forEach((value, k) => {
        history[k].push(value)
      })
      const length = history[0].length
      return kernel.compute(
        history.map((column) => Float64Array.from(column)),
        kernel.params,
        length,
      )[length - 1]
    },
    save: () => history.map((column) => [...column]),
    restore: (state) => {
      history = (state as readonly (readonly number[])[]).map((column) => [...column])
    },
  }
}
