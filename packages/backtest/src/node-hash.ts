import { contentKey, type Hasher, type Key } from '@tradewright/core'
import type { NodeGraph } from './node-graph.ts'
import { isCommutative, kernelCode, operationName } from './operation.ts'

const HEX: readonly string[] = Array.from({ length: 65536 }, (_, i) => i.toString(16).padStart(4, '0'))
const hex32 = (value: number): string => HEX[value >>> 16] + HEX[value & 0xffff]

/** The four words of a 128-bit key. */
function keyWords(key: Key, out: Int32Array, at: number): void {
  for (let k = 0; k < 4; k++) out[at + k] = Number.parseInt(key.slice(8 * k, 8 * k + 8), 16) | 0
}

/** Hashes of operations' names, four words each, by code. */
let operationHashes = new Int32Array(0)
let operationHashed = new Uint8Array(0)

function operationHash(code: number): number {
  if (code >= operationHashed.length) {
    const larger = new Int32Array((code + 64) * 4)
    larger.set(operationHashes)
    operationHashes = larger
    const flags = new Uint8Array(code + 64)
    flags.set(operationHashed)
    operationHashed = flags
  }
  if (operationHashed[code] === 0) {
    keyWords(contentKey(operationName(code)), operationHashes, code * 4)
    operationHashed[code] = 1
  }
  return code * 4
}

// State of the mixer: MurmurHash3 x86_128 (Appleby 2010, public domain) over whole blocks of four words.
let h1 = 0
let h2 = 0
let h3 = 0
let h4 = 0
const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

/** Takes four words in. */
export function mixBlock(k1: number, k2: number, k3: number, k4: number): void {
  let k = Math.imul(k1, C1)
  k = (k << 15) | (k >>> 17)
  h1 ^= Math.imul(k, C2)
  h1 = ((h1 << 19) | (h1 >>> 13)) + h2
  h1 = (Math.imul(h1, 5) + 0x561ccd1b) | 0
  k = Math.imul(k2, C2)
  k = (k << 16) | (k >>> 16)
  h2 ^= Math.imul(k, C3)
  h2 = ((h2 << 17) | (h2 >>> 15)) + h3
  h2 = (Math.imul(h2, 5) + 0x0bcaa747) | 0
  k = Math.imul(k3, C3)
  k = (k << 17) | (k >>> 15)
  h3 ^= Math.imul(k, C4)
  h3 = ((h3 << 15) | (h3 >>> 17)) + h4
  h3 = (Math.imul(h3, 5) + 0x96cd1c35) | 0
  k = Math.imul(k4, C4)
  k = (k << 18) | (k >>> 14)
  h4 ^= Math.imul(k, C1)
  h4 = ((h4 << 13) | (h4 >>> 19)) + h1
  h4 = (Math.imul(h4, 5) + 0x32ac3b17) | 0
}

/** Starts a new hash. */
export function mixStart(seed: number): void {
  h1 = h2 = h3 = h4 = seed
}

function finalMix(value: number): number {
  let h = value
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Ends a hash of `blocks` blocks: afterwards {@link mixedKey} and {@link mixedInto} give it. */
export function mixEnd(blocks: number): void {
  const length = blocks * 16
  h1 ^= length
  h2 ^= length
  h3 ^= length
  h4 ^= length
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = finalMix(h1)
  h2 = finalMix(h2)
  h3 = finalMix(h3)
  h4 = finalMix(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
}

export function mixedKey(): Key {
  return hex32(h1) + hex32(h2) + hex32(h3) + hex32(h4)
}

/** The hash taken into `hasher`, and that one's digest. */
export function mixedDigest(hasher: Hasher): Key {
  return hasher.word(h1).word(h2).word(h3).word(h4).digest()
}

export function mixedInto(out: Int32Array, at: number): void {
  out[at] = h1
  out[at + 1] = h2
  out[at + 2] = h3
  out[at + 3] = h4
}

/**
 * The content hash of every node of a graph, computed as far as it has been asked for: operation, constants and
 * operands' hashes, never ids, so that the same expression has the same hash in every table. Operands of commutative
 * operations go in the order of their hashes.
 */
export class NodeHashes {
  readonly #graph: NodeGraph
  #done = 0
  #constantsDone = 0
  /** Four words a node. Replaced when it grows: read it after {@link upTo}. */
  words: Int32Array = new Int32Array(1024)
  #constants = new Int32Array(256)
  readonly #keys = new Map<number, Key>()

  constructor(graph: NodeGraph) {
    this.#graph = graph
  }

  /** Makes sure that `words` holds every node the graph has now. */
  upTo(): void {
    const graph = this.#graph
    if (this.#done === graph.size) return
    while (this.words.length < graph.size * 4) {
      const larger = new Int32Array(this.words.length * 2)
      larger.set(this.words)
      this.words = larger
    }
    this.#hashConstants()
    for (; this.#done < graph.size; this.#done++) this.#hashNode(this.#done)
  }

  #hashConstants(): void {
    const values = this.#graph.constantValues
    while (this.#constants.length < values.length * 4) {
      const larger = new Int32Array(this.#constants.length * 2)
      larger.set(this.#constants)
      this.#constants = larger
    }
    for (; this.#constantsDone < values.length; this.#constantsDone++)
      keyWords(contentKey(values[this.#constantsDone]), this.#constants, this.#constantsDone * 4)
  }

  #hashNode(node: number): void {
    const { words, start } = this.#graph
    const from = start[node]
    const code = words[from]
    const operands = words[from + 1]
    const hashes = this.words
    const constants = this.#constants
    const end = start[node + 1]
    mixStart(operands)
    const op = operationHash(code)
    mixBlock(operationHashes[op], operationHashes[op + 1], operationHashes[op + 2], operationHashes[op + 3])
    let at = from + 2
    if (operands === 2 && isCommutative(code) && this.#after(words[at], words[at + 1])) {
      this.#mixNode(words[at + 1])
      this.#mixNode(words[at])
      at += 2
    } else for (let k = 0; k < operands; k++) this.#mixNode(words[at++])
    const address = code === kernelCode ? at + 2 : -1
    for (; at < end; at++) {
      if (at === address) continue // where a user's kernel is loaded from is not what it computes
      const c = words[at] * 4
      mixBlock(constants[c], constants[c + 1], constants[c + 2], constants[c + 3])
    }
    mixEnd(end - from - 1)
    mixedInto(hashes, node * 4)
  }

  #after(a: number, b: number): boolean {
    const hashes = this.words
    for (let k = 0; k < 4; k++) {
      const difference = (hashes[a * 4 + k] >>> 0) - (hashes[b * 4 + k] >>> 0)
      if (difference !== 0) return difference > 0
    }
    return false
  }

  #mixNode(node: number): void {
    const hashes = this.words
    const h = node * 4
    mixBlock(hashes[h], hashes[h + 1], hashes[h + 2], hashes[h + 3])
  }

  /** The key of a node: the same in every table. */
  key(node: number): Key {
    const known = this.#keys.get(node)
    if (known !== undefined) return known
    this.upTo()
    const { words } = this
    const h = node * 4
    const key = hex32(words[h]) + hex32(words[h + 1]) + hex32(words[h + 2]) + hex32(words[h + 3])
    this.#keys.set(node, key)
    return key
  }
}

const memo = new WeakMap<NodeGraph, NodeHashes>()
let lastGraph: NodeGraph | undefined
let lastHashes: NodeHashes | undefined

/** The hashes of a graph's nodes, kept as long as the graph. */
export function nodeHashes(graph: NodeGraph): NodeHashes {
  if (graph === lastGraph && lastHashes !== undefined) return lastHashes
  let hashes = memo.get(graph)
  if (hashes === undefined) {
    hashes = new NodeHashes(graph)
    memo.set(graph, hashes)
  }
  lastGraph = graph
  lastHashes = hashes
  return hashes
}
