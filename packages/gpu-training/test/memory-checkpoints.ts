import type { CheckpointInfo, Checkpoints, Data } from '@tradewright/core'

/** Checkpoints in memory, each a structured clone, as a worker or a file would see it. */
export function memoryCheckpoints(): Checkpoints & { readonly saved: { info: CheckpointInfo; data: Data }[] } {
  const saved: { info: CheckpointInfo; data: Data }[] = []
  return {
    saved,
    async save({ step, score, data }) {
      const info = { id: String(saved.length), step, score, bytes: 0, at: 0 }
      saved.push({ info, data: structuredClone(data) })
      return info
    },
    load: async (id) => (id === undefined ? saved.at(-1) : saved.find(({ info }) => info.id === id)),
    list: async () => saved.map(({ info }) => info),
    flush: async () => {},
    async [Symbol.asyncDispose]() {},
  }
}
