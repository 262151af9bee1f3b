import { plainTreeKernels } from './plain-tree-kernels.ts'
import { BLOCK, BLOCK_BYTES, CONTEXT_BYTES, ITEM_BYTES, type TreeKernels } from './tree-kernels.ts'
import { treeOutOfMemory, wasmTreeKernels } from './wasm-tree-kernels.ts'

/** Which kernels run. */
export type TreeEngineName = 'auto' | 'wasm' | 'plain'

/** What a training needs room for. */
export interface TreeMemorySpec {
  /** Rows that gradients are made of. */
  readonly rows: number
  /** Rows that are only predicted: those of the validation. */
  readonly extraRows: number
  readonly features: number
  /** Trees a round. */
  readonly groups: number
  readonly maxDepth: number
  readonly weighted: boolean
  readonly engine: TreeEngineName
  readonly threads: number
}

/** Bytes of histograms that are kept at the same time, about. */
const HISTOGRAM_BUDGET = 512 * 1024 * 1024

/** Rows of an item of work that is only a part of a node. */
export const CHUNK_ROWS = 16_384

/** One memory for a training, and where everything lies in it (byte offsets). */
export interface TreeMemory {
  readonly kernels: TreeKernels
  readonly bytes: number
  readonly context: number
  readonly rowBytes: number
  readonly blocks: number
  readonly slotBytes: number
  /** Nodes that are split together: bounds the histograms in memory, the same for every number of threads. */
  readonly batch: number
  readonly at: {
    readonly bins: number
    readonly gradients: number
    readonly margins: number
    readonly labels: number
    readonly weights: number
    readonly rows: number
    readonly firstRows: number
    readonly otherRows: number
    readonly scratch: number
    readonly slots: number
    readonly binCounts: number
    readonly monotone: number
    readonly masks: number
    readonly nodes: number
    readonly outs: number
    readonly items: number
    readonly sums: number
    readonly counts: number
    readonly categories: number
    readonly treeNodes: number
  }
  readonly slots: number
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly u8: Uint8Array
  readonly f32: Float32Array
  readonly f64: Float64Array
}

/** Items of work that fit at once. */
export const MAXIMUM_ITEMS = 4096

/** Nodes of a batch at most. */
const MAXIMUM_BATCH = 32

function batchOf(slotBytes: number, maxDepth: number): number {
  return Math.max(1, Math.min(MAXIMUM_BATCH, Math.floor(HISTOGRAM_BUDGET / slotBytes / (maxDepth + 1))))
}

/** Histograms that can be alive at once: each level leaves at most a batch waiting. */
function slotsOf(batch: number, { maxDepth, rows }: TreeMemorySpec): number {
  const widest = maxDepth > 20 ? Number.POSITIVE_INFINITY : 2 ** Math.max(0, maxDepth - 1)
  return Math.max(2, Math.min(widest + 1, batch * (maxDepth + 1) + 1, rows + 1))
}

/** Lays out the memory of a training and makes the kernels over it. @throws TradewrightError `OUT_OF_MEMORY`. */
export function createTreeMemory(spec: TreeMemorySpec): TreeMemory {
  const { rows, extraRows, features, groups, maxDepth, weighted, engine, threads } = spec
  const total = rows + extraRows
  const blocks = Math.ceil(features / BLOCK)
  const rowBytes = blocks * BLOCK
  const slotBytes = blocks * BLOCK_BYTES
  const batch = batchOf(slotBytes, maxDepth)
  const slots = slotsOf(batch, spec)
  let end = 65_536
  const sized = (bytes: number): number => {
    const at = end
    end = Math.ceil((end + bytes) / 64) * 64
    return at
  }
  const context = sized(CONTEXT_BYTES)
  const control = sized(1024)
  const at = {
    binCounts: sized(features * 4),
    monotone: sized(features * 4),
    items: sized(MAXIMUM_ITEMS * ITEM_BYTES),
    nodes: sized(4 * MAXIMUM_BATCH * 64),
    outs: sized(MAXIMUM_ITEMS * 96),
    counts: sized(MAXIMUM_ITEMS * 4),
    categories: sized(MAXIMUM_BATCH * 32),
    masks: sized((2 * MAXIMUM_BATCH + 1) * rowBytes),
    sums: sized((Math.ceil(rows / CHUNK_ROWS) + 1) * groups * 16),
    labels: sized(rows * 4),
    weights: sized(weighted ? rows * 4 : 0),
    margins: sized(total * groups * 4),
    rows: sized(rows * 4),
    firstRows: sized(rows * 4),
    otherRows: sized(total * 4),
    scratch: sized((rows + MAXIMUM_ITEMS) * 4),
    gradients: sized(total * groups * 16),
    // Nodes of one tree and their sets of categories, for rows that it did not grow from.
    treeNodes: sized(Math.min(maxDepth > 20 ? Number.POSITIVE_INFINITY : 2 ** (maxDepth + 1), 2 * rows) * 64),
    slots: sized(slots * slotBytes),
    bins: sized(total * rowBytes + 8),
  }
  if (end > 2 ** 32 - 65_536) throw treeOutOfMemory(end)
  const kernels =
    (engine === 'plain' ? undefined : wasmTreeKernels(end, context, control, threads)) ?? plainTreeKernels(end, context)
  const { buffer } = kernels
  const words = Math.floor(buffer.byteLength / 8) * 2
  return {
    kernels,
    bytes: end,
    context,
    rowBytes,
    blocks,
    slotBytes,
    batch,
    at,
    slots,
    i32: new Int32Array(buffer, 0, words),
    u32: new Uint32Array(buffer, 0, words),
    u8: new Uint8Array(buffer),
    f32: new Float32Array(buffer, 0, words),
    f64: new Float64Array(buffer, 0, words / 2),
  }
}
