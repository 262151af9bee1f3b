import type { Data, Key } from '@tradewright/core'
import type { StateEntry } from './state-store.ts'

/** What a state is looked for. */
export interface Wanted {
  readonly core: Key
  readonly data: Key
  readonly options: Data
  /** Epoch ms of the last row. */
  readonly last: number | undefined
  /** Parameters farther than this are not near. */
  readonly maxDistance: number
}

/** A state that is near what is wanted. */
export interface Near {
  readonly entry: StateEntry
  readonly kind: 'data' | 'parameters'
  readonly distance: number
}

/**
 * How far two sets of parameters are apart: the mean of |a - b| / max(|a|, |b|) over the numbers. Infinite where anything
 * else differs, or a number is missing on one side.
 */
export function parameterDistance(a: Data, b: Data): number {
  let sum = 0
  let numbers = 0
  const walk = (x: Data, y: Data): boolean => {
    if (typeof x === 'number' && typeof y === 'number') {
      numbers++
      const size = Math.max(Math.abs(x), Math.abs(y))
      if (size > 0) sum += Math.abs(x - y) / size
      return x === x && y === y
    }
    if (typeof x !== 'object' || typeof y !== 'object' || x === null || y === null) return Object.is(x, y)
    const left = Object.entries(x)
    const right = new Map(Object.entries(y))
    if (Object.getPrototypeOf(x) !== Object.getPrototypeOf(y) || left.length !== right.size) return false
    return left.every(([name, value]) => right.has(name) && walk(value as Data, right.get(name) as Data))
  }
  if (!walk(a, b)) return Number.POSITIVE_INFINITY
  return numbers === 0 ? 0 : sum / numbers
}

/**
 * The nearest state: of parameters first, then of rows. One that has seen rows later than the wanted ones is never near,
 * nor one of other rows whose times are not known.
 */
export function nearestState(entries: readonly StateEntry[], wanted: Wanted): Near | undefined {
  let best: Near | undefined
  let bestLast = Number.NEGATIVE_INFINITY
  for (const entry of entries) {
    const sameData = entry.data === wanted.data
    const sameCore = entry.core === wanted.core
    if (sameData && sameCore) continue
    if (!sameData && (entry.last === undefined || wanted.last === undefined || entry.last > wanted.last)) continue
    const distance = sameCore ? 0 : parameterDistance(entry.options, wanted.options)
    if (distance > wanted.maxDistance) continue
    const last = sameData ? Number.POSITIVE_INFINITY : (entry.last ?? Number.NEGATIVE_INFINITY)
    // Among equals the later one of the list, whose order is that of the trials.
    if (best !== undefined && (distance > best.distance || (distance === best.distance && last < bestLast))) continue
    best = { entry, kind: sameData ? 'parameters' : 'data', distance }
    bestLast = last
  }
  return best
}
