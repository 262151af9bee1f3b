import { SlotSet } from './slot-set.ts'

/** Slots in groups: adding, deleting and the k-th of a group in O(1); the groups that have any can be indexed too. */
export class GroupSets {
  /** Group by slot, -1 where absent. */
  readonly #groupOf: Int32Array
  readonly #places: Int32Array
  readonly #members: (Int32Array | undefined)[] = []
  readonly #sizes: number[] = []
  readonly #filled: SlotSet
  #memberBytes = 0

  constructor(slots: number, groups: number) {
    this.#groupOf = new Int32Array(slots).fill(-1)
    this.#places = new Int32Array(slots)
    this.#filled = new SlotSet(groups)
  }

  /** Groups that have members, as a set. */
  get filled(): Pick<SlotSet, 'size' | 'at'> {
    return this.#filled
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#groupOf.byteLength + this.#places.byteLength + this.#filled.bytes + this.#memberBytes
  }

  groupOf(slot: number): number {
    return this.#groupOf[slot]
  }

  size(group: number): number {
    return this.#sizes[group] ?? 0
  }

  at(group: number, place: number): number {
    return this.#members[group]?.[place] ?? -1
  }

  add(slot: number, group: number): void {
    this.delete(slot)
    const size = this.size(group)
    let members = this.#members[group] ?? new Int32Array(8)
    if (this.#members[group] === undefined) this.#memberBytes += members.byteLength
    if (size === members.length) {
      const grown = new Int32Array(size * 2)
      grown.set(members)
      this.#memberBytes += members.byteLength
      members = grown
    }
    members[size] = slot
    this.#members[group] = members
    this.#sizes[group] = size + 1
    this.#places[slot] = size
    this.#groupOf[slot] = group
    if (size === 0) this.#filled.add(group)
  }

  /** @returns whether the slot's group is empty now. */
  delete(slot: number): boolean {
    const group = this.#groupOf[slot]
    const members = this.#members[group]
    if (group < 0 || members === undefined) return false
    const last = --this.#sizes[group]
    const moved = members[last]
    const place = this.#places[slot]
    members[place] = moved
    this.#places[moved] = place
    this.#groupOf[slot] = -1
    if (last > 0) return false
    this.#filled.delete(group)
    this.#members[group] = undefined
    this.#memberBytes -= members.byteLength
    return true
  }

  /** Groups with members in their order, and the members in theirs. */
  save(): { readonly group: number; readonly members: Int32Array }[] {
    return [...this.#filled.save()].map((group) => ({
      group,
      members: (this.#members[group] ?? new Int32Array(0)).slice(0, this.size(group)),
    }))
  }

  restore(saved: readonly { readonly group: number; readonly members: Int32Array }[]): void {
    for (let slot = 0; slot < this.#groupOf.length; slot++) this.delete(slot)
    for (const { group, members } of saved) for (const slot of members) this.add(slot, group)
  }
}
