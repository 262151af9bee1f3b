import { contentKey, type Data, type Params, type SampleRequest, type Sampler } from '@tradewright/core'

/** A sampler that asks what it was given before what it finds itself. */
export interface QueuedSampler extends Sampler {
  /** Asks these parameters next, in this order; those the study has tried already are left out. */
  enqueue(params: readonly Params[]): void
}

/** Failed trials whose parameters have not been tried more than `retries` times again. */
function toRetry({ history }: SampleRequest, retries: number): readonly Params[] {
  if (retries === 0) return []
  const tries = new Map<string, { readonly params: Params; count: number; open: boolean }>()
  for (const { params, status } of history) {
    const key = contentKey(params)
    const entry = tries.get(key)
    if (entry === undefined) {
      if (status === 'failed') tries.set(key, { params, count: 0, open: true })
    } else {
      entry.count++
      entry.open = status === 'failed'
    }
  }
  return [...tries.values()].filter(({ count, open }) => open && count < retries).map(({ params }) => params)
}

/**
 * `inner`, after what was enqueued and what failed and may be tried again. The queue is part of the saved state, so a
 * resumed study goes on where it was.
 */
export function queuedSampler(inner: Sampler, retries: number): QueuedSampler {
  let queue: Params[] = []
  return {
    name: inner.name,
    flags: { ...inner.flags },
    enqueue(params) {
      queue.push(...params)
    },
    sample(request) {
      const first: Params[] = []
      if (queue.length > 0) {
        const tried = new Set(request.history.map(({ params }) => contentKey(params)))
        queue = queue.filter((params) => !tried.has(contentKey(params)))
        first.push(...queue.splice(0, request.count))
      }
      if (first.length < request.count) first.push(...toRetry(request, retries).slice(0, request.count - first.length))
      const count = request.count - first.length
      if (count === 0) return first
      return [...first, ...inner.sample({ ...request, count, firstTrial: request.firstTrial + first.length })]
    },
    save() {
      return { version: 1, queue, inner: inner.save?.() ?? null } as unknown as Data
    },
    restore(data) {
      const state = data as unknown as { readonly queue: readonly Params[]; readonly inner: Data | null }
      const known = new Set(state.queue.map((params) => contentKey(params)))
      queue = [...state.queue, ...queue.filter((params) => !known.has(contentKey(params)))]
      if (state.inner !== null) inner.restore?.(state.inner)
    },
  }
}
