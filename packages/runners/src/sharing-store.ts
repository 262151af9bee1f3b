import { createIndicatorStore, type Fingerprint, type IndicatorStore, type Key } from '@tradewright/core'

/** A column on its way to other workers. */
export interface SharedColumn {
  readonly node: Key
  readonly data: Fingerprint
  /** Over a SharedArrayBuffer: sent without a copy. */
  readonly column: Float64Array
}

/** What costs less to compute than to hand around stays where it is. */
const WORTH_MS = 0.5

/** A worker's indicator store, which sets aside what the others should not have to compute again. */
export interface SharingStore extends IndicatorStore {
  /** Columns that were computed here since the last call and cost enough; they lie in shared memory. */
  takeCostly(): readonly SharedColumn[]
}

/** @param now milliseconds, to measure what a column costs: what passes between missing it and having it. */
export function sharingStore(maxBytes: number, now: () => number): SharingStore {
  const store = createIndicatorStore({ maxBytes })
  let costly: SharedColumn[] = []
  let idleSince = 0
  return {
    maxBytes: store.maxBytes,
    get(node, data) {
      const column = store.get(node, data)
      if (column === undefined) idleSince = now()
      return column
    },
    put(node, data, column) {
      if (column.buffer instanceof SharedArrayBuffer) {
        store.put(node, data, column)
        return
      }
      const ms = now() - idleSince
      let kept = column
      if (ms >= WORTH_MS) {
        kept = new Float64Array(new SharedArrayBuffer(column.byteLength))
        kept.set(column)
        costly.push({ node, data, column: kept })
      }
      store.put(node, data, kept)
      idleSince = now()
    },
    takeCostly() {
      const taken = costly
      costly = []
      return taken
    },
    stats: () => store.stats(),
    clear: () => store.clear(),
  }
}
