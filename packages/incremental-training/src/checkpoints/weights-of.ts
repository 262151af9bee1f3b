import type { Data } from '@tradewright/core'

/** Names of what a state needs to go on, but not to predict. */
const RESUME = ['updates', 'optimizer', 'loader', 'tricks', 'epochSum', 'epochWeight', 'resume']

/**
 * What a state needs to predict: everything but the state of its optimizer, data loader and tricks, which are known by
 * the names `updates`, `optimizer`, `loader`, `tricks`, `epochSum`, `epochWeight` and `resume` at its top. Such a state
 * cannot be resumed exactly: its values are put into a model by name.
 *
 * @param data a state; not an object: returned as it is. Read only.
 */
export function weightsOf(data: Data): Data {
  if (typeof data !== 'object' || data === null || Object.getPrototypeOf(data) !== Object.prototype) return data
  return Object.fromEntries(Object.entries(data).filter(([name]) => !RESUME.includes(name)))
}
