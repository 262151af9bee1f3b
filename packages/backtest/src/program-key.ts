import { contentKey, type Hasher, type Key, type NodeTable, type Program } from '@tradewright/core'
import { engineVersion } from './engine-version.ts'
import { NodeGraph } from './node-graph.ts'
import { mixBlock, mixEnd, mixedDigest, mixedKey, mixStart, type NodeHashes, nodeHashes } from './node-hash.ts'
import { simulationKeys } from './simulation-settings.ts'

let lastTable: NodeTable | undefined
let lastHashes: NodeHashes | undefined

function hashesOf(table: NodeTable): NodeHashes {
  if (table === lastTable && lastHashes !== undefined) return lastHashes
  lastHashes = nodeHashes(NodeGraph.of(table))
  lastTable = table
  return lastHashes
}

const SIGNALS = ['entry', 'exit', 'shortEntry', 'shortExit', 'long', 'short', 'target'] as const

const cell = new Float64Array(1)
const cellWords = new Int32Array(cell.buffer)
/** Words of content keys of texts and small objects that options hold: `{ type: 'allIn' }`, 'close'. */
const contentWords = new Map<string, readonly [number, number, number, number]>()

function mixContent(value: unknown): void {
  const key = typeof value === 'string' ? value : contentKey(value)
  let words = contentWords.get(key)
  if (words === undefined) {
    words = keyWords(typeof value === 'string' ? contentKey(value) : key)
    if (contentWords.size < 10_000) contentWords.set(key, words)
  }
  mixBlock(words[0], words[1], words[2], words[3])
}

/** One block for the option's place and value; an expression adds its node's hash. */
function mixOption(place: number, value: unknown, hashes: NodeHashes): number {
  if (typeof value === 'number') {
    cell[0] = value === value ? value : NaN
    mixBlock(place, 1, cellWords[0], cellWords[1])
    return 1
  }
  if (typeof value === 'boolean') {
    mixBlock(place, 2, value ? 1 : 0, 0)
    return 1
  }
  const distance = typeof value === 'object' && value !== null && 'distance' in value ? value.distance : undefined
  if (typeof distance === 'object' && distance !== null && 'node' in distance && typeof distance.node === 'number') {
    const h = distance.node * 4
    mixBlock(place, 3, 0, 0)
    mixBlock(hashes.words[h], hashes.words[h + 1], hashes.words[h + 2], hashes.words[h + 3])
    return 2
  }
  mixBlock(place, 4, 0, 0)
  mixContent(value)
  return 2
}

/** The four words of a key. */
function keyWords(key: Key): readonly [number, number, number, number] {
  const word = (k: number): number => Number.parseInt(key.slice(8 * k, 8 * k + 8), 16) | 0
  return [word(0), word(1), word(2), word(3)]
}

const VERSION = keyWords(contentKey(engineVersion))

/**
 * The content key of a program: engine version, the nodes that its signals and stops reach, and its own simulation
 * options. The strategy's name, the other nodes of its table and their numbering do not enter: programs that do the
 * same have the same key, in any batch and any process.
 *
 * Under 0.5 us a program of a large batch: nodes are hashed once a table.
 *
 * @param prefix what else the key depends on (data, slice, options), hashed once and forked here.
 * @throws TradewrightError `BAD_STRATEGY` for a table whose parts do not fit each other.
 */
export function programKey(program: Program, prefix?: Hasher): Key {
  const blocks = program.kind === 'graph' ? mixGraph(program) : mixModule(program)
  mixBlock(VERSION[0], VERSION[1], VERSION[2], VERSION[3])
  mixEnd(blocks + 1)
  return prefix === undefined ? mixedKey() : mixedDigest(prefix.fork())
}

function mixGraph(program: Extract<Program, { kind: 'graph' }>): number {
  const hashes = hashesOf(program.table)
  hashes.upTo()
  const { words } = hashes
  const { signals, simulation } = program
  let blocks = 0
  mixStart(1)
  for (let k = 0; k < SIGNALS.length; k++) {
    const node = signals[SIGNALS[k]]
    if (node === undefined) continue
    mixBlock(words[node * 4] ^ k, words[node * 4 + 1], words[node * 4 + 2], words[node * 4 + 3])
    blocks++
  }
  let options = false
  for (const _ in simulation) options = true
  for (let k = 0; options && k < simulationKeys.length; k++) {
    const value: unknown = simulation[simulationKeys[k]]
    if (value !== undefined && simulationKeys[k] !== 'metrics') blocks += mixOption(k, value, hashes)
  }
  return blocks
}

function mixModule(program: Extract<Program, { kind: 'module' }>): number {
  mixStart(2)
  mixContent([program.module, program.export, program.version, program.params])
  return 1
}
