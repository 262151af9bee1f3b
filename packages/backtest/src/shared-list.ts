import type { Data, NodeRef, SimulationOptions } from '@tradewright/core'
import { NodeGraph } from './node-graph.ts'
import { firstDynamicCode, operationCode, operationName } from './operation.ts'
import type { ProgramList } from './program-list.ts'

/**
 * Bound programs in shared memory: handed to another thread by handles, and read there where they lie. Plain data.
 */
export interface SharedList {
  readonly strategy: string
  readonly length: number
  /** The graph's own arrays. Codes of indicators differ between processes: their names go along. */
  readonly size: number
  readonly words: Int32Array
  readonly start: Int32Array
  readonly names: ReadonlyMap<number, string>
  /** Constants that are numbers; NaN where `others` has the constant. */
  readonly numbers: Float64Array
  readonly others: ReadonlyMap<number, Data>
  readonly sets: readonly (readonly string[])[]
  readonly set: Uint16Array
  readonly nodes: Int32Array
  /** What `simulate` returned: sets of keys, and by program its set and where its values begin. */
  readonly keys: readonly (readonly string[])[]
  readonly keySet: Uint16Array
  readonly valueStart: Int32Array
  /** Values that are numbers; NaN where `otherValues` has the value. */
  readonly values: Float64Array
  readonly otherValues: ReadonlyMap<number, Data>
}

/** A copy in shared memory. */
function shared<T extends Int32Array | Uint16Array | Float64Array>(array: T): T {
  const Kind = array.constructor as new (buffer: SharedArrayBuffer) => T
  const copy = new Kind(new SharedArrayBuffer(array.byteLength))
  copy.set(array)
  return copy
}

/** A list of data as numbers, and the rest. */
function split(data: readonly Data[]): { readonly numbers: Float64Array; readonly others: ReadonlyMap<number, Data> } {
  const others = new Map<number, Data>()
  const numbers = Float64Array.from(data, (value, k) => {
    if (typeof value === 'number' && value === value) return value
    others.set(k, value)
    return Number.NaN
  })
  return { numbers, others }
}

function packSimulations(
  list: ProgramList,
): Pick<SharedList, 'keys' | 'keySet' | 'valueStart' | 'values' | 'otherValues'> {
  const keys: (readonly string[])[] = []
  const ids = new Map<string, number>()
  const keySet = new Uint16Array(list.length)
  const valueStart = new Int32Array(list.length)
  const all: Data[] = []
  let last: SimulationOptions<NodeRef> | undefined
  for (let t = 0; t < list.length; t++) {
    const simulation = list.simulation(t)
    if (simulation === last) {
      keySet[t] = keySet[t - 1]
      valueStart[t] = valueStart[t - 1]
      continue
    }
    last = simulation
    const names = Object.keys(simulation)
    const id = names.join()
    let set = ids.get(id)
    if (set === undefined) {
      set = keys.push(names) - 1
      ids.set(id, set)
    }
    keySet[t] = set
    valueStart[t] = all.length
    for (const name of names) all.push((simulation as Readonly<Record<string, Data>>)[name])
  }
  const { numbers, others } = split(all)
  return { keys, keySet: shared(keySet), valueStart: shared(valueStart), values: shared(numbers), otherValues: others }
}

/** Puts a list into shared memory. */
export function shareList(list: ProgramList): SharedList {
  const { strategy, length, graph, sets } = list
  const start = graph.start.subarray(0, graph.size + 1)
  const words = graph.words.subarray(0, start[graph.size])
  const names = new Map<number, string>()
  for (let node = 0; node < graph.size; node++) {
    const code = graph.code(node)
    if (code >= firstDynamicCode && !names.has(code)) names.set(code, operationName(code))
  }
  const { numbers, others } = split(graph.constantValues)
  return {
    strategy,
    length,
    size: graph.size,
    words: shared(words),
    start: shared(start),
    names,
    numbers: shared(numbers),
    others,
    sets,
    set: shared(list.set),
    nodes: shared(list.nodes),
    ...packSimulations(list),
  }
}

/** The graph's words with the codes that operations have in this process. */
function localWords({ words, start, size, names }: SharedList): Int32Array {
  const codes = new Map<number, number>()
  for (const [code, name] of names) if (operationCode(name) !== code) codes.set(code, operationCode(name))
  if (codes.size === 0) return words
  const local = words.slice()
  for (let node = 0; node < size; node++) {
    const code = codes.get(words[start[node]])
    if (code !== undefined) local[start[node]] = code
  }
  return local
}

/** The inverse of {@link shareList}, over the same memory. */
export function borrowList(from: SharedList): ProgramList {
  const { strategy, length, size, start, numbers, others, sets, set, nodes } = from
  const constantValues = Array.from(numbers, (value, k): Data => (value === value ? value : others.get(k)))
  let last: SimulationOptions<NodeRef> = {}
  let lastStart = -1
  let lastSet = -1
  return {
    strategy,
    graph: NodeGraph.over({ size, words: localWords(from), start, constantValues }),
    length,
    sets,
    set,
    nodes,
    simulation(program) {
      const at = from.valueStart[program]
      const keySet = from.keySet[program]
      if (at === lastStart && keySet === lastSet) return last
      const own: Record<string, Data> = {}
      from.keys[keySet].forEach((key, k) => {
        const value = from.values[at + k]
        own[key] = value === value ? value : from.otherValues.get(at + k)
      })
      last = own as SimulationOptions<NodeRef>
      lastStart = at
      lastSet = keySet
      return last
    },
  }
}
