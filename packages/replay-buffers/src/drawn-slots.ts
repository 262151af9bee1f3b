import { TradewrightError } from '@tradewright/core'
import type { BatchBinder } from './replay-batch.ts'
import { checkObject } from './replay-options.ts'
import type { ReplayView } from './replay-view.ts'
import type { RowIndex } from './row-index.ts'

/** Sampled slots that come back with a value each: checked whole, and only those kept whose rows are still there. */
export class DrawnSlots {
  /** The first of them, as many as {@link DrawnSlots.keep} said, with their values. */
  slots: Int32Array = new Int32Array(256)
  values: Float64Array = new Float64Array(256)
  /** Values that came too late so far. */
  stale = 0
  readonly #rows: RowIndex
  readonly #view: ReplayView
  readonly #binder: BatchBinder

  constructor(rows: RowIndex, view: ReplayView, binder: BatchBinder) {
    this.#rows = rows
    this.#view = view
    this.#binder = binder
  }

  /** Bytes held. */
  get bytes(): number {
    return this.slots.byteLength + this.values.byteLength
  }

  /**
   * @param min the least value, as one that is finite.
   * @returns how many are kept.
   * @throws TradewrightError `BAD_SHAPE`, `BAD_OPTION` (an index out of range), `BAD_DATA`; nothing is kept then.
   */
  keep(indices: Int32Array, values: ArrayLike<number>, name: string, min: number): number {
    this.#check(indices, values, name, min)
    const n = indices.length
    if (n > this.slots.length) {
      this.slots = new Int32Array(n)
      this.values = new Float64Array(n)
    }
    this.#view.index.sync()
    const drawnAt = this.#binder.drawnAt(indices)
    const { drawable } = this.#view.index
    let kept = 0
    for (let k = 0; k < n; k++) {
      const slot = indices[k]
      if (drawable[slot] === 0 || (drawnAt !== undefined && this.#rows.replacedSince(slot, drawnAt))) continue
      this.slots[kept] = slot
      this.values[kept++] = values[k]
    }
    this.stale += n - kept
    return kept
  }

  #check(indices: Int32Array, values: ArrayLike<number>, name: string, min: number): void {
    checkObject('indices', indices)
    checkObject(name, values)
    const n = indices.length
    if (values.length !== n)
      throw new TradewrightError('BAD_SHAPE', `${name} must have ${n} numbers, one an index, had ${values.length}`, {})
    const last = this.#rows.slots - 1
    for (let k = 0; k < n; k++) {
      const slot = indices[k]
      if (!(slot >= 0 && slot <= last) || slot !== Math.floor(slot))
        throw new TradewrightError('BAD_OPTION', `an index must be from 0 to ${last}, was ${slot}`, { at: k })
      const value = values[k]
      if (value >= min && value <= Number.MAX_VALUE) continue
      const rule = `finite${min === 0 ? ' and not negative' : ''}`
      throw new TradewrightError('BAD_DATA', `${name} must be ${rule}, was ${value}`, { at: k, value })
    }
  }
}
