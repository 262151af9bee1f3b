import { type Data, TradewrightError } from '@tradewright/core'
import { type AnnealedBeta, betaAt, checkBeta } from '../beta.ts'
import { checkNumber } from '../dtype.ts'
import type { BoundSampler, DrawRequest, ReplaySampler, SamplerHost, SamplerPriorities } from '../sampler.ts'
import { SumTree } from '../sum-tree.ts'

/** Options of {@link prioritized}. */
export interface PrioritizedOptions {
  /** How much priorities count: 0 is uniform, 1 in full proportion. From 0 to 4. @default 0.6 */
  readonly alpha?: number
  /** Added to the size of each error, so that none is forgotten. From 0 to 1e6. @default 1e-6 */
  readonly eps?: number
  /** Exponent of the importance weights unless `sample` is given one. @default 0.4 */
  readonly beta?: number | AnnealedBeta
  /** Weights are divided by the largest of the sample, or by the largest possible in the buffer. @default 'batch' */
  readonly normalizeBy?: 'batch' | 'buffer'
  /** New elements get the largest priority ever given, or the largest now in the buffer. @default 'historic' */
  readonly maxPriority?: 'historic' | 'buffer'
  /** One draw from each of `count` equal parts of the mass, or independent draws. @default true */
  readonly stratified?: boolean
}

/** Priorities above this are refused, so that no sum of them overflows. */
const LARGEST = 2 ** 512

class BoundPrioritized implements BoundSampler {
  readonly #host: SamplerHost
  readonly #options: Required<PrioritizedOptions>
  readonly #tree: SumTree
  #values = new Float64Array(256)
  #priorities = new Float64Array(256)
  #historicMax = 1
  #drawn = 0

  constructor(host: SamplerHost, options: Required<PrioritizedOptions>) {
    this.#host = host
    this.#options = options
    const min = options.normalizeBy === 'buffer'
    const max = options.maxPriority === 'buffer'
    this.#tree = new SumTree(host.index.slots, { min, max, wasm: host.wasm })
  }

  readonly priorities: SamplerPriorities = {
    read: (slot) => this.#tree.viewLeaves()[slot],
    write: (slots, values, count) => {
      this.#settle()
      this.#tree.update(slots, values, count)
    },
    rest: () => ({ historicMax: this.#historicMax, drawn: this.#drawn }),
    restoreRest: (rest) => {
      const { historicMax, drawn } = rest as { historicMax: number; drawn: number }
      this.#historicMax = historicMax
      this.#drawn = drawn
    },
  }

  /** What new elements get: the largest priority; 1 in a buffer that has none. */
  #fresh(): number {
    if (this.#options.maxPriority === 'historic') return this.#historicMax
    this.#tree.flush()
    return this.#tree.total > 0 ? this.#tree.max : 1
  }

  #freshNow = -1

  enable(slot: number): void {
    // One value for all that arrive between two samples: those themselves cannot raise the maximum.
    if (this.#freshNow < 0) this.#freshNow = this.#fresh()
    this.#tree.set(slot, this.#freshNow)
  }

  disable(slot: number): void {
    if (this.#freshNow < 0) this.#freshNow = this.#fresh()
    this.#tree.set(slot, 0)
  }

  enableRange(slot: number, count: number): void {
    if (this.#freshNow < 0) this.#freshNow = this.#fresh()
    this.#tree.fill(slot, slot + count, this.#freshNow)
  }

  disableRange(slot: number, count: number): void {
    if (this.#freshNow < 0) this.#freshNow = this.#fresh()
    this.#tree.fill(slot, slot + count, 0)
  }

  /** The arrivals are over: the tree is whole again. */
  #settle(): void {
    this.#freshNow = -1
    this.#tree.flush()
  }

  draw(request: DrawRequest, indices: Int32Array, weights: Float32Array): void {
    this.#settle()
    const { count } = request
    const tree = this.#tree
    const total = tree.total
    if (!(total > 0))
      throw new TradewrightError('BAD_OPTION', 'a sample needs a drawable element of positive priority, had none', {})
    if (count > this.#values.length) this.#values = new Float64Array(count)
    tree.reserve(count)
    const masses = tree.viewMasses()
    this.#host.random.fill(masses, count)
    if (this.#options.stratified) for (let k = 0; k < count; k++) masses[k] = ((k + masses[k]) / count) * total
    else for (let k = 0; k < count; k++) masses[k] *= total
    tree.draw(count, indices, this.#values)
    const beta = request.beta ?? betaAt(this.#options.beta, this.#drawn)
    this.#drawn++
    this.#weigh(count, beta, weights)
  }

  /** (N P(i))^-beta over the largest such: N and the total cancel, what is left is (p / smallest p)^-beta. */
  #weigh(count: number, beta: number, weights: Float32Array): void {
    const values = this.#values
    let smallest = Number.POSITIVE_INFINITY
    if (this.#options.normalizeBy === 'buffer') smallest = this.#tree.min
    else for (let k = 0; k < count; k++) if (values[k] < smallest) smallest = values[k]
    // exp(b log x) where Math.pow would take twice as long.
    for (let k = 0; k < count; k++)
      weights[k] = values[k] === smallest ? 1 : Math.exp(beta * Math.log(smallest / values[k]))
  }

  update(slots: Int32Array, tdErrors: Float64Array, count: number): void {
    const { alpha, eps } = this.#options
    if (count > this.#priorities.length) this.#priorities = new Float64Array(count)
    const priorities = this.#priorities
    for (let k = 0; k < count; k++) {
      const size = Math.abs(tdErrors[k]) + eps
      priorities[k] = size === 0 ? (alpha === 0 ? 1 : 0) : Math.exp(alpha * Math.log(size))
    }
    this.setPriorities(slots, priorities, count)
  }

  setPriorities(slots: Int32Array, priorities: Float64Array, count: number): void {
    let largest = this.#historicMax
    for (let k = 0; k < count; k++) {
      if (priorities[k] > LARGEST)
        throw new TradewrightError('BAD_DATA', `a priority must be at most 2^512, was ${priorities[k]}`, { at: k })
      if (priorities[k] > largest) largest = priorities[k]
    }
    this.#settle()
    this.#historicMax = largest
    this.#tree.update(slots, priorities, count)
  }

  get bytes(): number {
    return this.#tree.bytes
  }

  probability(slot: number): number {
    this.#settle()
    return this.#tree.viewLeaves()[slot] / this.#tree.total
  }

  save(live: boolean = false): Data {
    this.#settle()
    const leaves = this.#tree.viewLeaves().subarray(0, this.#host.index.slots)
    return {
      leaves: live ? leaves : leaves.slice(),
      historicMax: this.#historicMax,
      drawn: this.#drawn,
    }
  }

  restore(data: Data): void {
    const saved = data as { leaves: Float64Array; historicMax: number; drawn: number }
    this.#freshNow = -1
    this.#historicMax = saved.historicMax
    this.#drawn = saved.drawn
    this.#tree.fill(0, this.#tree.length, 0)
    for (let slot = 0; slot < saved.leaves.length; slot++)
      if (saved.leaves[slot] > 0) this.#tree.set(slot, saved.leaves[slot])
    this.#tree.flush()
  }

  stats(): Readonly<Record<string, number>> {
    this.#settle()
    return { priorityTotal: this.#tree.total, priorityHistoricMax: this.#historicMax, samplerBytes: this.#tree.bytes }
  }
}

function oneOf(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value))
    throw new TradewrightError('BAD_OPTION', `${name} must be one of ${known.join(', ')}, was '${value}'`, {
      [name]: value,
    })
}

/**
 * Proportional prioritized replay: P(i) = p_i / sum p, p = (|error| + eps)^alpha, weights (N P(i))^-beta over their
 * largest. An element of priority 0 is never drawn.
 *
 * @throws TradewrightError `BAD_OPTION`.
 * @see Schaul et al. (2016), "Prioritized experience replay", section 3.3. Ours sums in Float64, in a tree whose
 *   parents are always rebuilt from their children.
 */
export function prioritized(options: PrioritizedOptions = {}): ReplaySampler {
  const { alpha = 0.6, eps = 1e-6, beta = 0.4, normalizeBy = 'batch', maxPriority = 'historic' } = options
  const { stratified = true } = options
  checkNumber('alpha', alpha, 0, 4)
  checkNumber('eps', eps, 0, 1e6)
  checkBeta(beta)
  oneOf('normalizeBy', normalizeBy, ['batch', 'buffer'])
  oneOf('maxPriority', maxPriority, ['historic', 'buffer'])
  const resolved = { alpha, eps, beta, normalizeBy, maxPriority, stratified }
  return Object.freeze({ name: 'prioritized', bind: (host: SamplerHost) => new BoundPrioritized(host, resolved) })
}
