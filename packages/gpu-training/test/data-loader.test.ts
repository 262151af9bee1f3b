import { tableFromArrays } from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  arrayDataset,
  arrowDataset,
  createDataLoader,
  type DataLoader,
  type Dataset,
  featureDataset,
  type Sampling,
  windowDataset,
} from '../src/index.ts'

/** A dataset whose x and y say which row they are. */
const numbered = (rows: number, weight = false): Dataset =>
  arrayDataset({
    x: Float32Array.from({ length: rows * 2 }, (_, i) => i),
    inputs: 2,
    y: Float32Array.from({ length: rows }, (_, i) => i),
    weight: weight && rows > 1 ? Float32Array.from({ length: rows }, (_, i) => i / 2) : undefined,
  })

function epochOf(loader: DataLoader): number[][] {
  const batches: number[][] = []
  for (let batch = loader.next(); batch !== undefined; batch = loader.next()) {
    expect(batch.x.length).toBe(batch.rows * 2)
    for (let i = 0; i < batch.rows; i++) {
      expect([batch.x[2 * i], batch.x[2 * i + 1]]).toEqual([batch.y[i] * 2, batch.y[i] * 2 + 1])
      if (batch.weight !== undefined) expect(batch.weight[i]).toBe(batch.y[i] / 2)
    }
    batches.push([...batch.y])
  }
  return batches
}

describe('createDataLoader', () => {
  it('gives every row once an epoch, whole rows with their targets and weights', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 70 }), fc.nat(5), (rows, batch, seed) => {
        const loader = createDataLoader(numbered(rows, seed % 2 === 0), { batch, seed })
        const epochs = [epochOf(loader), epochOf(loader)]
        for (const batches of epochs) {
          expect(batches.map((b) => b.length)).toEqual(
            Array.from({ length: loader.batches }, (_, i) => Math.min(batch, rows - i * batch)),
          )
          expect(batches.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i))
        }
      }),
    )
  })

  it('shuffles each epoch anew, by the seed alone', () => {
    const order = (seed: number) => {
      const loader = createDataLoader(numbered(50), { batch: 50, seed })
      return [epochOf(loader).flat(), epochOf(loader).flat()]
    }
    expect(order(1)).toEqual(order(1))
    expect(order(1)[0]).not.toEqual(order(1)[1])
    expect(order(1)[0]).not.toEqual(order(2)[0])
    expect(epochOf(createDataLoader(numbered(5), { batch: 2, sampling: 'sequential' }))).toEqual([[0, 1], [2, 3], [4]])
    expect(epochOf(createDataLoader(numbered(5), { batch: 2, sampling: 'sequential', dropLast: true }))).toEqual([
      [0, 1],
      [2, 3],
    ])
  })

  it('resumes in mid-epoch with the same batches', () => {
    const labels = Float32Array.from({ length: 41 }, (_, i) => i % 3)
    const samplings: Sampling[] = [
      'shuffle',
      'sequential',
      { type: 'weighted', weights: labels },
      { type: 'stratified', classes: labels },
    ]
    for (const sampling of samplings) {
      const options = { batch: 4, seed: 3, sampling }
      const loader = createDataLoader(numbered(41), options)
      epochOf(loader)
      for (let i = 0; i < 5; i++) loader.next()
      const resumed = createDataLoader(numbered(41), options)
      resumed.restore(structuredClone(loader.save()))
      expect([resumed.epoch, resumed.position]).toEqual([1, 5])
      expect([epochOf(resumed), epochOf(resumed)]).toEqual([epochOf(loader), epochOf(loader)])
    }
  })

  it('draws by weight', () => {
    const weights = [0, 1, 3, 0, 4]
    const loader = createDataLoader(numbered(5), { batch: 5, sampling: { type: 'weighted', weights } })
    const counts = [0, 0, 0, 0, 0]
    for (let i = 0; i < 2000; i++) for (const row of epochOf(loader).flat()) counts[row]++
    counts.forEach((count, i) => {
      expect(Math.abs(count / 10_000 - weights[i] / 8)).toBeLessThan(0.015)
    })
    expect([counts[0], counts[3]]).toEqual([0, 0])
  })

  it('gives each batch the classes in proportion, and every row once', () => {
    const classes = Array.from({ length: 100 }, (_, i) => (i < 10 ? 0 : i < 40 ? 1 : 2))
    const loader = createDataLoader(numbered(100), { batch: 10, sampling: { type: 'stratified', classes } })
    for (const batches of [epochOf(loader), epochOf(loader)]) {
      expect(new Set(batches.flat()).size).toBe(100)
      for (const batch of batches)
        expect([0, 1, 2].map((c) => batch.filter((row) => classes[row] === c).length)).toEqual([1, 3, 6])
    }
  })

  it('refuses bad options', () => {
    expect(() => createDataLoader(numbered(5), { batch: 0 })).toThrow('batch must be an integer >= 1')
    expect(() => createDataLoader(numbered(5), { batch: 6, dropLast: true })).toThrow('batch must not pass the 5 rows')
    expect(() => createDataLoader(numbered(5), { batch: 1, sampling: { type: 'weighted', weights: [1] } })).toThrow(
      'must have 5 numbers',
    )
    expect(() => createDataLoader(numbered(2), { batch: 1, sampling: { type: 'weighted', weights: [1, -1] } })).toThrow(
      '>= 0',
    )
    expect(() => createDataLoader(numbered(2), { batch: 1, sampling: 'random' as 'shuffle' })).toThrow("was 'random'")
  })
})

describe('datasets', () => {
  const rowsOf = (dataset: Dataset, ...rows: number[]) => {
    const x = new Float32Array(rows.length * dataset.inputs)
    const y = new Float32Array(rows.length * dataset.targets)
    const weight = new Float32Array(rows.length)
    dataset.gather(Uint32Array.from(rows), rows.length, x, y, weight)
    return { x: [...x], y: [...y], weight: [...weight] }
  }

  it('of windows: oldest first, the target and weight of the last row', () => {
    const windows = windowDataset(numbered(6, true), { length: 3, stride: 2 })
    expect([windows.rows, windows.inputs]).toEqual([2, 6])
    expect(rowsOf(windows, 1)).toEqual({ x: [4, 5, 6, 7, 8, 9], y: [4], weight: [2] })
    expect(() => windowDataset(numbered(2), { length: 3 })).toThrow('length must lie from 1 to 2')
  })

  it('of an Arrow table', () => {
    const table = tableFromArrays({
      a: Float64Array.of(1, 2),
      b: Int32Array.of(3, 4),
      up: Uint8Array.of(0, 1),
      w: Float32Array.of(0.5, 2),
    })
    const dataset = arrowDataset(table, { features: ['b', 'a'], targets: ['up'], weight: 'w' })
    expect(rowsOf(dataset, 1, 0)).toEqual({ x: [4, 2, 3, 1], y: [1, 0], weight: [2, 0.5] })
    expect(() => arrowDataset(table, { features: ['z'], targets: ['up'] })).toThrow(
      "[UNKNOWN_NAME] the table must have a column 'z'",
    )
  })

  it('of a feature matrix, and bad shapes', () => {
    const X = { names: ['a', 'b'], data: Float32Array.of(1, 2, 3, 4), rows: 2, columns: 2 }
    expect(rowsOf(featureDataset(X, Float32Array.of(5, 6)), 1)).toEqual({ x: [3, 4], y: [6], weight: [0] })
    expect(() => featureDataset({ ...X, rows: 3 }, new Float32Array(3))).toThrow('[BAD_SHAPE] X must have shape [3, 2]')
    expect(() => arrayDataset({ x: new Float32Array(5), inputs: 2, y: new Float32Array(1) })).toThrow(
      '[BAD_SHAPE] x must have rows of 2',
    )
    expect(() => arrayDataset({ x: new Float32Array(4), inputs: 2, y: new Float32Array(3) })).toThrow(
      '[BAD_SHAPE] y must have 2 rows',
    )
  })
})
