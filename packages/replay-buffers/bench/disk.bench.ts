// Batches from a buffer on disk with ten times more data than its memory budget, against plain positional reads of the
// same records from one file, by one thread. Hot: the system has the files in its page cache. Cold: it has been told to
// drop them (needs root; left out otherwise). A regression: the buffer reads blocks more than once a batch, or copies.
//   npm run bench:replay -- disk
import * as nodeFs from 'node:fs'
import { closeSync, fsyncSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { disk, frameStack, nStep, openReplayBuffer } from '../src/index.ts'

const FRAME = 84 * 84
const BATCH = 32
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]

function dropCaches(): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '1')
    return true
  } catch {
    return false
  }
}

interface Case {
  readonly name: string
  readonly size: number
  readonly rows: number
  /** Records that one element reads, one behind the other. */
  readonly reads: number
  readonly blockBytes: number
  /** Measured rounds, hot: half of them. */
  readonly rounds: number
}

async function bench(c: Case): Promise<void> {
  const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), 'replay-bench-'))
  const record = c.size + 8
  const maxBytes = Math.floor((c.rows * record) / 10)
  // What the buffer reads is noted, so that one thread can make exactly the same reads.
  const asked: { readonly file: number; readonly bytes: number; readonly at: number }[] = []
  const fs = {
    ...nodeFs,
    read: (
      file: number,
      into: Uint8Array,
      from: number,
      bytes: number,
      at: number,
      done: (e: Error | null, n: number) => void,
    ) => {
      asked.push({ file, bytes, at })
      nodeFs.read(file, into, from, bytes, at, done)
    },
  }
  const buffer = await openReplayBuffer({
    capacity: c.rows,
    columns: { obs: { dtype: 'uint8', shape: [c.size] } },
    accumulator: c.reads > 2 ? frameStack({ frames: c.reads - 1 }) : nStep(),
    storage: disk({ path: folder, maxBytes, blockBytes: c.blockBytes, fs }),
  })
  const obs = new Uint8Array(c.size)
  const plain = openSync(join(folder, 'plain'), 'w+')
  const padded = new Uint8Array(record)
  for (let i = 0; i < c.rows; i++) {
    obs.fill(i & 255)
    buffer.add({ obs, reward: i, terminated: false, truncated: false })
    writeSync(plain, padded)
    if (i % 500 === 0) await buffer.flush()
  }
  await buffer.flush()
  fsyncSync(plain)
  const out = buffer.createBatch(BATCH)
  const target = new Uint8Array(record * c.reads)
  let seed = 3
  const plainReads = (perRecord: boolean): void => {
    for (let k = 0; k < BATCH; k++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0
      const at = (seed >>> 0) % (c.rows - c.reads)
      if (perRecord) for (let r = 0; r < c.reads; r++) readSync(plain, target, 0, record, (at + r) * record)
      else readSync(plain, target, 0, target.length, at * record)
    }
  }
  const timed = async (run: () => unknown): Promise<number> => {
    const start = performance.now()
    await run()
    return performance.now() - start
  }
  const hot = { ours: [] as number[], records: [] as number[], windows: [] as number[] }
  for (let round = 0; round < 3 * c.rounds; round++) {
    const times = [
      await timed(() => buffer.sample(BATCH, { out })),
      await timed(() => plainReads(true)),
      await timed(() => plainReads(false)),
    ]
    // The first third warms up: the compiler, and which blocks are wanted.
    if (round < c.rounds) continue
    hot.ours.push(times[0])
    hot.records.push(times[1])
    hot.windows.push(times[2])
  }
  const [ours, records, windows] = [median(hot.ours), median(hot.records), median(hot.windows)]
  console.log(
    `${c.name}, hot: ${ours.toFixed(2)} ms a batch; plain reads record by record ${records.toFixed(2)} ms (${((100 * records) / ours).toFixed(0)} %), window by window ${windows.toFixed(2)} ms (${((100 * windows) / ours).toFixed(0)} %)`,
  )
  if (dropCaches()) {
    const cold = { ours: [] as number[], plain: [] as number[], same: [] as number[] }
    const into = new Uint8Array(1 << 20)
    for (let round = 0; round < 25; round++) {
      asked.length = 0
      dropCaches()
      cold.ours.push(
        await timed(async () => {
          await buffer.prefetch(BATCH)
          buffer.sample(BATCH, { out })
        }),
      )
      dropCaches()
      cold.plain.push(await timed(() => plainReads(false)))
      const again = asked.slice()
      dropCaches()
      cold.same.push(
        await timed(() => {
          for (const { file, bytes, at } of again) readSync(file, into, 0, bytes, at)
        }),
      )
    }
    console.log(
      `${c.name}, cold: ${median(cold.ours).toFixed(2)} ms a batch with prefetch; the same reads by one thread ${median(cold.same).toFixed(2)} ms (${(median(cold.same) / median(cold.ours)).toFixed(2)} times ours), whole windows by one thread from one plain file ${median(cold.plain).toFixed(2)} ms (${(median(cold.plain) / median(cold.ours)).toFixed(2)})`,
    )
  } else console.log(`${c.name}, cold: left out, dropping the page cache is not allowed here`)
  const { storagePeakBytes, blockReads } = buffer.stats().storage
  console.log(
    `${c.name}: peak ${(storagePeakBytes / 1e6).toFixed(1)} of ${(maxBytes / 1e6).toFixed(1)} MB, ${blockReads} block reads, data ${((c.rows * record) / 1e6).toFixed(0)} MB`,
  )
  await buffer.close()
  closeSync(plain)
  rmSync(folder, { recursive: true })
}

await bench({ name: 'frames, stacks of four', size: FRAME, rows: 60_000, reads: 5, blockBytes: 65_536, rounds: 300 })
await bench({
  name: 'observations of four frames',
  size: FRAME * 4,
  rows: 15_000,
  reads: 2,
  blockBytes: 65_536,
  rounds: 300,
})
await bench({ name: 'observations of 64 bytes', size: 64, rows: 2_000_000, reads: 2, blockBytes: 65_536, rounds: 2000 })
