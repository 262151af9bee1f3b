// Two worker threads that add to one shared buffer against one: rows a second by the clock, from a common start to the
// last worker's end, compiled code and touched memory before. Below 1.7 the producers wait for each other (a shared cache
// line, a lock), and collecting with more actors would not pay. Beside it what the machine gives two threads at all: the
// same rows written to memory of each thread's own, without any buffer (the two cores of a virtual machine may be one
// core's two halves from one minute to the next).
//   npm run bench:replay -- producers
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { attachReplayProducer, createReplayBuffer, type SharedReplayHandle, shared } from '../src/index.ts'

const ROWS = 8_000_000
const CAPACITY = 262_144
const columns = {
  obs: { dtype: 'int32', shape: [16] },
  action: { dtype: 'int32' },
  reward: { dtype: 'float64' },
} as const

/** What a thread is told to do: rows into the buffer or into memory of its own, made as they come or ready before. */
interface Task {
  readonly to: 'buffer' | 'own memory'
  readonly rows: 'made' | 'ready'
  readonly count: number
  readonly workers: number
}

/** What a thread answers, in nanoseconds. */
interface Done {
  readonly begin: bigint
  readonly end: bigint
}

/** A row as an environment makes it: every word follows from two numbers, the last is a checksum. */
function make(obs: Int32Array, who: number, i: number): void {
  obs[0] = who
  obs[1] = i
  let sum = who * 31 + i
  for (let j = 2; j < 15; j++) {
    obs[j] = Math.imul(i + j, 2654435761)
    sum = (Math.imul(sum, 31) + obs[j]) | 0
  }
  obs[15] = sum
}

/** The least that storing a row must do, without any buffer: 18 words and a double in one's own memory. */
function plainWriter(): (transition: { obs: Int32Array; action: number; reward: number }, row: number) => void {
  const words = new Int32Array((CAPACITY / 2) * 20)
  const doubles = new Float64Array(words.buffer)
  const body = Array.from({ length: 16 }, (_, j) => `w[at + ${j + 2}] = o[${j}]`).join('; ')
  const source = `return (t, row) => { const at = (row & ${CAPACITY / 2 - 1}) * 20, o = t.obs; d[at >> 1] = t.reward; ${body}; w[at + 18] = t.action }`
  return new Function('w', 'd', source)(words, doubles) as ReturnType<typeof plainWriter>
}

/** A thread: does what it is told from the moment at which the gate opens, and says when it began and ended. */
function work({ handle, who, gate }: { handle: SharedReplayHandle; who: number; gate: BigInt64Array }): void {
  const producer = attachReplayProducer<typeof columns>(handle)
  const write = plainWriter()
  const obs = new Int32Array(16)
  const transition = { obs, action: who, reward: 0, terminated: false, truncated: false }
  const ready = Array.from({ length: 1024 }, (_, i) => {
    const one = { ...transition, obs: new Int32Array(16), terminated: i % 1000 === 999 }
    make(one.obs, who, i)
    return one
  })
  const runs = {
    'buffer/made': (n: number): void => {
      for (let i = 0; i < n; i++) {
        make(obs, who, i)
        transition.reward = i
        transition.terminated = i % 1000 === 999
        producer.add(transition)
      }
    },
    'buffer/ready': (n: number): void => {
      for (let i = 0; i < n; i++) producer.add(ready[i & 1023])
    },
    'own memory/made': (n: number): void => {
      for (let i = 0; i < n; i++) {
        make(obs, who, i)
        transition.reward = i
        write(transition, i)
      }
    },
    'own memory/ready': (n: number): void => {
      for (let i = 0; i < n; i++) write(ready[i & 1023], i)
    },
  }
  for (const run of Object.values(runs)) run(500_000)
  parentPort?.on('message', ({ to, rows, count, workers }: Task) => {
    // Among the workers alone and spinning: a third thread that opens a gate, or a system that wakes two threads on one
    // core, would cost one of them milliseconds. The first to come says when all begin.
    const soon = process.hrtime.bigint() + 25_000_000n
    Atomics.compareExchange(gate, 1, 0n, soon)
    Atomics.add(gate, 0, 1n)
    while (Atomics.load(gate, 0) < BigInt(workers) || process.hrtime.bigint() < Atomics.load(gate, 1));
    const begin = process.hrtime.bigint()
    runs[`${to}/${rows}`](count)
    const end = process.hrtime.bigint()
    parentPort?.postMessage({ begin, end } satisfies Done)
  })
  parentPort?.postMessage('ready')
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]

async function main(): Promise<void> {
  for (const chunkRows of [256, 8]) {
    const buffer = createReplayBuffer({ capacity: CAPACITY, columns, storage: shared({ chunkRows }) })
    /** Workers that have come, and when they begin. */
    const gate = new BigInt64Array(new SharedArrayBuffer(16))
    const threads = [0, 1].map((who) => {
      const workerData = { handle: buffer.handle(), who, gate }
      return new Worker(fileURLToPath(import.meta.url), { workerData })
    })
    const answer = <T>(thread: Worker): Promise<T> => new Promise((resolve) => thread.once('message', resolve))
    await Promise.all(threads.map(answer))
    /** Rows a second of some of the threads together. */
    const rate = async (task: Pick<Task, 'to' | 'rows'>, workers: number): Promise<number> => {
      const used = threads.slice(0, workers)
      gate.fill(0n)
      const done = used.map((thread) => answer<Done>(thread))
      for (const thread of used) thread.postMessage({ ...task, count: ROWS / workers, workers } satisfies Task)
      const times = await Promise.all(done)
      const begin = times.reduce((least, t) => (t.begin < least ? t.begin : least), times[0].begin)
      const end = times.reduce((most, t) => (t.end > most ? t.end : most), times[0].end)
      return (ROWS / Number(end - begin)) * 1e9
    }
    for (const rows of ['made', 'ready'] as const) {
      const ratios = { buffer: [] as number[], 'own memory': [] as number[] }
      const rates = { one: [] as number[], two: [] as number[] }
      for (let round = 0; round < (chunkRows === 8 ? 3 : 11); round++)
        for (const to of ['own memory', 'buffer'] as const) {
          const alone = await rate({ to, rows }, 1)
          const both = await rate({ to, rows }, 2)
          ratios[to].push(both / alone)
          if (to === 'own memory') continue
          rates.one.push(alone)
          rates.two.push(both)
        }
      const machine = ratios['own memory']
      // Rounds in which the machine itself had two cores to give: its own ratio says so.
      const given = ratios.buffer.filter((_, i) => machine[i] >= 1.7)
      const millions = (values: number[]): string => (median(values) / 1e6).toFixed(1)
      console.log(
        `chunks of ${chunkRows}, rows ${rows}: one ${millions(rates.one)} M rows/s, two ${millions(rates.two)}: ${median(ratios.buffer.slice()).toFixed(2)} times by the clock; threads that share nothing: ${median(machine.slice()).toFixed(2)} times. In the ${given.length} of ${machine.length} rounds in which those reached 1.7: ${given.length === 0 ? '-' : `${median(given).toFixed(2)} times`}`,
      )
    }
    await Promise.all(threads.map((thread) => thread.terminate()))
    await buffer.close()
  }
}

if (isMainThread) await main()
else work(workerData)
