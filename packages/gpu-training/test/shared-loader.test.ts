import { afterEach, describe, expect, it } from 'vitest'
import {
  adam,
  arrayDataset,
  createDataLoader,
  createSharedLoader,
  createTrainer,
  type DataLoader,
  dense,
  fusedBackend,
  meanSquaredError,
  type SharedData,
  type SharedLoaderOptions,
  sequential,
  windowDataset,
} from '../src/index.ts'

const open: DataLoader[] = []
const shared = (data: SharedData, options: SharedLoaderOptions): DataLoader => {
  const loader = createSharedLoader(data, options)
  open.push(loader)
  return loader
}
afterEach(() => {
  for (const loader of open.splice(0)) loader.dispose?.()
})

const rows = 101
const data: SharedData = {
  x: Float32Array.from({ length: rows * 3 }, (_, i) => Math.sin(i)),
  inputs: 3,
  y: Float32Array.from({ length: rows }, (_, i) => i),
  weight: Float32Array.from({ length: rows }, (_, i) => i / 7),
}

/** Batches of two epochs, copied; with the ends of epochs. */
function read(loader: DataLoader, epochs = 2): unknown[] {
  const found: unknown[] = []
  for (let ends = 0; ends < epochs; ) {
    const batch = loader.next()
    if (batch === undefined) ends++
    found.push(
      batch === undefined ? undefined : [batch.rows, [...batch.x], [...batch.y], batch.weight && [...batch.weight]],
    )
  }
  return found
}

describe('createSharedLoader', () => {
  it.each([
    [{ batch: 10 }],
    [{ batch: 10, workers: 2 }],
    [
      {
        batch: 7,
        workers: 3,
        prefetch: 2,
        sampling: { type: 'weighted', weights: Array.from({ length: rows }, (_, i) => i) },
      },
    ],
    [{ batch: 50, workers: 5, prefetch: 1 }],
    [{ batch: 7, seed: 4, prefetch: 1 }],
    [{ batch: 101, prefetch: 9 }],
    [{ batch: 16, sampling: 'sequential', dropLast: true }],
    [{ batch: 8, sampling: { type: 'stratified', classes: Array.from({ length: rows }, (_, i) => i % 2) } }],
  ] as const)('gives what createDataLoader gives: %j', (options) => {
    expect(read(shared(data, options))).toEqual(read(createDataLoader(arrayDataset(data), options)))
  })

  it('any number of workers gives the same batches, twice over', () => {
    const [one, two, three] = [1, 2, 3].map((workers) => read(shared(data, { batch: 6, seed: 9, workers }), 4))
    expect(two).toEqual(one)
    expect(three).toEqual(one)
  })

  it('gives windows', () => {
    const window = { length: 5, stride: 2 }
    const plain = createDataLoader(windowDataset(arrayDataset(data), window), { batch: 9, seed: 1 })
    expect(read(shared({ ...data, window }, { batch: 9, seed: 1 }))).toEqual(read(plain))
  })

  it('keeps the batch before the one at hand whole', () => {
    const loader = shared(data, { batch: 2, sampling: 'sequential', prefetch: 1 })
    let before = loader.next()
    for (let first = 2; first < rows - 1; first += 2) {
      const now = loader.next()
      expect([...(before?.y ?? [])]).toEqual([first - 2, first - 1])
      before = now
    }
  })

  it.each([1, 2, 3])('resumes in mid-epoch with %i workers, whatever their number was', (workers) => {
    const loader = shared(data, { batch: 10, seed: 2, workers: 2 })
    for (let i = 0; i < 15; i++) loader.next()
    const resumed = shared(data, { batch: 10, seed: 2, workers })
    resumed.next()
    resumed.restore(structuredClone(loader.save()))
    expect(read(resumed)).toEqual(read(loader))
  })

  it('gives batches over shared memory, in as many places as are gathered ahead and two', () => {
    const loader = shared(data, { batch: 2, prefetch: 3, workers: 2 })
    const places = new Set<ArrayBufferLike>()
    for (let i = 0; i < 40; i++) {
      const x = loader.next()?.x
      expect(x?.buffer).toBeInstanceOf(SharedArrayBuffer)
      if (x !== undefined) places.add(x.buffer)
    }
    expect(places.size).toBe(5)
  })

  it('reads shared arrays without a copy', () => {
    const y = new Float32Array(new SharedArrayBuffer(rows * 4))
    const loader = shared({ ...data, y, weight: undefined }, { batch: rows, sampling: 'sequential' })
    y.fill(7)
    expect(loader.next()?.y[50]).toBe(7)
  })

  it('trains to the same bits as without it', async () => {
    const train = async (loader?: (options: SharedLoaderOptions) => DataLoader) => {
      const trainer = createTrainer({
        model: sequential(3, [dense(8, { activation: 'tanh' }), dense(1)]),
        loss: meanSquaredError(),
        updateRule: adam(),
        backend: fusedBackend(),
        batch: 16,
        seed: 5,
      })
      await trainer.fit(arrayDataset(data), { epochs: 3, loader })
      return [...trainer.model.values.values()].map((values) => [...values])
    }
    expect(await train((options) => shared(data, { ...options, prefetch: 3, workers: 2 }))).toEqual(await train())
  })

  it('refuses bad options', () => {
    expect(() => createSharedLoader(data, { batch: 0 })).toThrow('batch')
    expect(() => createSharedLoader(data, { batch: 1, prefetch: 0 })).toThrow('prefetch')
    expect(() => createSharedLoader(data, { batch: 1, workers: 0 })).toThrow('workers')
    expect(() => createSharedLoader({ ...data, window: { length: 200 } }, { batch: 1 })).toThrow(
      'length must lie from 1 to 101',
    )
  })
})
