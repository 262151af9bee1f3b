import { type Data, TradewrightError } from '@tradewright/core'
import type { CompiledModel } from './backend.ts'
import { checkRange } from './check-range.ts'
import type { StateStore } from './trick.ts'
import type { ParameterStep, UpdateRule } from './update-rule.ts'

/** Parameters that are treated apart. The first group that matches counts. */
export interface ParameterGroup {
  /** Beginning of the parameters' names, as in `dense_0` or `dense_0/bias`. */
  readonly match: string
  /** Factor on the rate. @default 1 */
  readonly rate?: number | undefined
  /** Factor on the rule's weight decay; by itself 0 for biases and norms. @default 1 */
  readonly decay?: number | undefined
  /** Whether they stay as they are. @default false */
  readonly frozen?: boolean | undefined
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Entry {
  readonly name: string
  readonly step: Mutable<ParameterStep>
  readonly rate: number
  readonly frozen: boolean
}

/** A rule's state for a model, and its steps. */
export class ParameterUpdates {
  readonly #entries: readonly Entry[]
  readonly #rule: UpdateRule
  readonly #store: StateStore | undefined

  constructor(
    model: CompiledModel,
    rule: UpdateRule,
    groups: readonly ParameterGroup[],
    store: StateStore | undefined,
  ) {
    this.#rule = rule
    this.#store = store
    for (const { match, rate = 1, decay = 1 } of groups) {
      checkRange(`rate of group '${match}'`, rate, 0, Number.MAX_VALUE)
      checkRange(`decay of group '${match}'`, decay, 0, Number.MAX_VALUE)
      if (!model.parameters.some(({ name }) => name.startsWith(match)))
        throw new TradewrightError(
          'UNKNOWN_NAME',
          `a group must match a parameter, was '${match}'; known: ${model.parameters.map(({ name }) => name).join(', ')}`,
          { match },
        )
    }
    const largest = model.parameters.reduce((most, { size }) => Math.max(most, size), 0)
    const shared = store === undefined ? [] : rule.slots.map(() => model.allocate(largest))
    this.#entries = model.parameters.map(({ name, size, decay }) => {
      const group = groups.find(({ match }) => name.startsWith(match))
      const frozen = group?.frozen ?? false
      const slots = frozen
        ? []
        : store === undefined
          ? rule.slots.map(() => model.allocate(size))
          : shared.map((array) => array.subarray(0, size))
      if (store !== undefined && !frozen) {
        for (const slot of slots) slot.fill(0)
        store.store(name, slots)
      }
      const value = model.values.get(name)
      const gradient = model.gradientsOf.get(name)
      if (value === undefined || gradient === undefined)
        throw new TradewrightError('INTERNAL', `the backend must give arrays for parameter '${name}'`)
      const step: Mutable<ParameterStep> = {
        step: 0,
        rate: 0,
        decay: (decay ? 1 : 0) * (group?.decay ?? 1),
        value,
        gradient,
        slots,
        scalars: new Float64Array(rule.scalars ?? 0),
        ops: model.ops,
      }
      return { name, frozen, rate: group?.rate ?? 1, step }
    })
  }

  /** Bytes of the rule's arrays. */
  get bytes(): number {
    return this.#entries.reduce(
      (sum, { step, frozen }) => sum + (frozen ? 0 : step.value.length * 4 * this.#rule.slots.length),
      0,
    )
  }

  update(step: number, rate: number): void {
    for (const entry of this.#entries) {
      if (entry.frozen) continue
      entry.step.step = step
      entry.step.rate = rate * entry.rate
      this.#store?.load(entry.name, entry.step.slots)
      this.#rule.update(entry.step)
      this.#store?.store(entry.name, entry.step.slots)
    }
  }

  ascend(step: number, rate: number): void {
    const live = this.#entries.filter(({ frozen }) => !frozen)
    for (const entry of live) {
      entry.step.step = step
      entry.step.rate = rate * entry.rate
    }
    this.#rule.ascend?.(live.map(({ step: each }) => each))
  }

  /** Back from where `ascend` went, without an update: the last slot that it wrote holds the way back. */
  descend(): void {
    for (const { frozen, step } of this.#entries) {
      const before = step.slots[this.#rule.slots.indexOf('before')]
      if (!frozen && before !== undefined) step.value.set(before)
    }
  }

  save(): Data {
    const slots: Record<string, Record<string, Float32Array>> = {}
    const scalars: Record<string, Float64Array> = {}
    for (const { name, frozen, step } of this.#entries) {
      if (frozen) continue
      this.#store?.load(name, step.slots)
      slots[name] = Object.fromEntries(this.#rule.slots.map((slot, i) => [slot, step.slots[i].slice()]))
      scalars[name] = step.scalars.slice()
    }
    return { slots, scalars }
  }

  restore(data: Data): void {
    const { slots, scalars } = data as unknown as {
      readonly slots: Readonly<Record<string, Readonly<Record<string, Float32Array>>>>
      readonly scalars: Readonly<Record<string, Float64Array>>
    }
    for (const { name, frozen, step } of this.#entries) {
      if (frozen) continue
      const found = slots[name]
      if (found === undefined)
        throw new TradewrightError(
          'BAD_DATA',
          `a training state must have the rule's arrays of '${name}', had none: was it frozen?`,
        )
      this.#rule.slots.forEach((slot, i) => {
        step.slots[i].set(found[slot])
      })
      step.scalars.set(scalars[name])
      this.#store?.store(name, step.slots)
    }
  }
}
