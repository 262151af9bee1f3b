import type { Step } from './layer.ts'

/** A piece of memory that lives from the first step that uses it to the last. Its place is settled by the plan. */
export interface PlanBuffer {
  readonly bytes: number
  first: number
  last: number
  /** Byte offset, once the plan is placed. */
  offset: number
}

/** What a step gives, for finding the one that went wrong. */
export interface PlanResult {
  readonly buffer: PlanBuffer
  readonly columns: number
}

/** Steps in order, and the buffers they use. */
export interface MemoryPlan {
  buffer(bytes: number): PlanBuffer
  /** Appends a step; `bind` is called once the buffers have their places. */
  emit(name: string, uses: readonly (PlanBuffer | undefined)[], bind: () => Step, result?: PlanResult): void
  /** Keeps a buffer alive through the whole plan. */
  pin(buffer: PlanBuffer): void
  /** Places the buffers from `base` on and binds the steps. */
  place(base: number): PlacedPlan
}

/** A plan that can run. */
export interface PlacedPlan {
  readonly names: readonly string[]
  readonly steps: readonly Step[]
  readonly results: readonly (PlanResult | undefined)[]
  /** Bytes from the base to the end of the highest buffer: the peak. */
  readonly bytes: number
}

const align = (bytes: number): number => Math.ceil(bytes / 64) * 64

/**
 * A static plan of steps over buffers that share memory: two buffers may have the same place when no step needs both.
 * Larger buffers are placed first, each at the lowest place that is free during its life.
 *
 * @see Pisarchyk, Lee (2020), "Efficient memory management for deep neural net inference", the greedy-by-size strategy.
 */
export function memoryPlan(): MemoryPlan {
  const buffers: PlanBuffer[] = []
  const steps: { readonly name: string; readonly bind: () => Step; readonly result: PlanResult | undefined }[] = []
  return {
    buffer(bytes) {
      const made = { bytes: align(Math.max(bytes, 1)), first: Number.POSITIVE_INFINITY, last: -1, offset: 0 }
      buffers.push(made)
      return made
    },
    emit(name, uses, bind, result) {
      for (const used of uses) {
        if (used === undefined) continue
        used.first = Math.min(used.first, steps.length)
        used.last = Math.max(used.last, steps.length)
      }
      steps.push({ name, bind, result })
    },
    pin(buffer) {
      buffer.first = -1
      buffer.last = Number.POSITIVE_INFINITY
    },
    place(base) {
      const placed: PlanBuffer[] = []
      let bytes = 0
      for (const buffer of buffers.filter((each) => each.last >= 0).sort((a, b) => b.bytes - a.bytes)) {
        const others = placed.filter((other) => other.first <= buffer.last && buffer.first <= other.last)
        let at = 0
        for (const other of others.sort((a, b) => a.offset - b.offset))
          if (at + buffer.bytes > other.offset - base) at = Math.max(at, other.offset - base + other.bytes)
        buffer.offset = base + at
        bytes = Math.max(bytes, at + buffer.bytes)
        placed.push(buffer)
      }
      return {
        names: steps.map(({ name }) => name),
        steps: steps.map(({ bind }) => bind()),
        results: steps.map(({ result }) => result),
        bytes,
      }
    },
  }
}
