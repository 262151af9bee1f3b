// Batches of 84 x 84 x 4 uint8 observations against a plain copy of the same bytes: what a learner on frames is fed by.
// Below 95 % of the plain copy the buffer itself would cost, not the memory.
//   npm run bench:replay -- frames
import { createReplayBuffer, frameStack, type ReplayBuffer } from '../src/index.ts'

const FRAME = 84 * 84
const BATCH = 32

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]

/** The same bytes by `set`: rows of `size` bytes at random places of one array into one array. */
function plainCopy(source: Uint8Array, size: number, rows: number): () => void {
  const out = new Uint8Array(rows * size)
  const places = Math.floor(source.length / size)
  let seed = 5
  return () => {
    for (let k = 0; k < rows; k++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0
      const from = ((seed >>> 0) % places) * size
      out.set(source.subarray(from, from + size), k * size)
    }
  }
}

function compare(name: string, sample: () => void, plain: () => void, bytes: number): void {
  const ours: number[] = []
  const theirs: number[] = []
  const ratios: number[] = []
  for (let round = 0; round < 150; round++) {
    const times = [0, 0]
    for (const [i, run] of (round % 2 === 0 ? [sample, plain] : [plain, sample]).entries()) {
      const start = performance.now()
      for (let c = 0; c < 10; c++) run()
      times[i] = (performance.now() - start) / 10
    }
    const [own, other] = round % 2 === 0 ? times : [times[1], times[0]]
    ours.push(own)
    theirs.push(other)
    ratios.push(other / own)
  }
  const gigabytes = bytes / 1e6 / median(ours)
  console.log(
    `${name}: ${(median(ours) * 1000).toFixed(0)} us, plain copy ${(median(theirs) * 1000).toFixed(0)} us, ${(100 * median(ratios)).toFixed(1)} % of the plain copy, ${gigabytes.toFixed(2)} GB/s`,
  )
}

function fill(buffer: ReplayBuffer<{ obs: { dtype: 'uint8'; shape: number[] } }>, size: number, rows: number): void {
  const obs = new Uint8Array(size)
  for (let i = 0; i < rows; i++) {
    obs.fill(i & 255)
    buffer.add({ obs, reward: i, terminated: i % 500 === 499, truncated: false })
  }
}

{
  // Whole observations in each row; the successor is the next row.
  const rows = 20_000
  const buffer = createReplayBuffer({ capacity: rows, columns: { obs: { dtype: 'uint8', shape: [FRAME * 4] } } })
  fill(buffer, FRAME * 4, rows)
  const out = buffer.createBatch(BATCH)
  const source = new Uint8Array(rows * FRAME * 4).fill(7)
  compare(
    'observations of four frames',
    () => buffer.sample(BATCH, { out }),
    plainCopy(source, FRAME * 4, BATCH * 2),
    BATCH * 2 * FRAME * 4,
  )
}
{
  // Each frame stored once, stacks of four put together when sampled.
  const rows = 80_000
  const buffer = createReplayBuffer({
    capacity: rows,
    columns: { obs: { dtype: 'uint8', shape: [FRAME] } },
    accumulator: frameStack({ frames: 4 }),
  })
  fill(buffer, FRAME, rows)
  const out = buffer.createBatch(BATCH)
  const source = new Uint8Array(rows * FRAME).fill(7)
  compare(
    'frames stored once, stacks of four',
    () => buffer.sample(BATCH, { out }),
    plainCopy(source, FRAME, BATCH * 8),
    BATCH * 8 * FRAME,
  )
  console.log(
    `memory: ${(buffer.stats().memoryBytes / 1e6).toFixed(0)} MB for ${rows} steps; stored as stacks with successors ${((rows * FRAME * 8) / 1e6).toFixed(0)} MB`,
  )
}
