import { choice, createRng, defineSpace, float, int, type Params, type Rng, type Space } from '@tradewright/core'
import { boxed, boxFunctions, type SearchFunction } from './search-functions.ts'

/** A random rotation: Gram-Schmidt on normal columns. */
function rotation(n: number, rng: Rng): readonly Float64Array[] {
  const rows: Float64Array[] = []
  while (rows.length < n) {
    const row = Float64Array.from({ length: n }, () => rng.normal())
    for (const other of rows) {
      const along = row.reduce((s, v, i) => s + v * other[i], 0)
      for (let i = 0; i < n; i++) row[i] -= along * other[i]
    }
    const norm = Math.sqrt(row.reduce((s, v) => s + v * v, 0))
    if (norm > 1e-6) rows.push(row.map((v) => v / norm))
  }
  return rows
}

/** The box functions turned and shifted at random within their boxes. */
export function rotatedFunctions(seed: number): readonly SearchFunction[] {
  return boxFunctions.map(({ name, box, value, optimum }, index) => {
    const rng = createRng(seed, 100 + index)
    const rows = rotation(box.length, rng)
    const shift = box.map(([low, high]) => (high - low) * 0.15 * (2 * rng.uniform() - 1))
    const middle = box.map(([low, high]) => (low + high) / 2)
    return boxed(
      `${name}-turned`,
      box,
      (x) => value(rows.map((row, i) => middle[i] + row.reduce((s, v, j) => s + v * (x[j] - middle[j] - shift[j]), 0))),
      optimum,
    )
  })
}

const unitBox = (d: number): readonly (readonly [number, number])[] => Array.from({ length: d }, () => [0, 1] as const)

function wells(rng: Rng): SearchFunction {
  const d = 4
  const centers = Array.from({ length: 6 }, () => Float64Array.from({ length: d }, () => rng.uniform()))
  const depths = centers.map((_, i) => 1 - 0.12 * i)
  return boxed('wells', unitBox(d), (x) => {
    let best = 0
    centers.forEach((center, k) => {
      const square = center.reduce((s, c, i) => s + (x[i] - c) ** 2, 0)
      best = Math.min(best, -depths[k] * Math.exp(-square / 0.03))
    })
    return best + 0.1 * centers[0].reduce((s, c, i) => s + (x[i] - c) ** 2, 0)
  })
}

function valley(rng: Rng): SearchFunction {
  const d = 8
  const rows = rotation(d, rng)
  const center = Float64Array.from({ length: d }, () => 0.2 + 0.6 * rng.uniform())
  return boxed('valley', unitBox(d), (x) =>
    rows.reduce(
      (s, row, k) => s + 10 ** ((4 * k) / (d - 1)) * row.reduce((t, v, i) => t + v * (x[i] - center[i]), 0) ** 2,
      0,
    ),
  )
}

function plateaus(rng: Rng): SearchFunction {
  const d = 6
  const center = Float64Array.from({ length: d }, () => rng.uniform())
  return boxed('plateaus', unitBox(d), (x) => center.reduce((s, c, i) => s + Math.floor(12 * Math.abs(x[i] - c)), 0))
}

function noisy(rng: Rng): SearchFunction {
  const d = 5
  const center = Float64Array.from({ length: d }, () => rng.uniform())
  return boxed('noisy', unitBox(d), (x) => {
    const smooth = center.reduce((s, c, i) => s + (x[i] - c) ** 2, 0)
    const wave = center.reduce((s, c, i) => s + Math.sin(97 * (x[i] + c) * (i + 1)), 0)
    return smooth + 0.02 * wave
  })
}

function machine(rng: Rng): SearchFunction {
  const space = defineSpace({
    fast: int(2, 60),
    slow: int(10, 300, { log: true }),
    stop: float(0.005, 0.2, { log: true }),
    kind: choice(['a', 'b', 'c', 'd']),
  })
  const best = [rng.uniform(), rng.uniform(), rng.uniform()]
  const penalty = [0.3, 0.1, 0, 0.2]
  return {
    name: 'machine',
    space: space as unknown as Space,
    optimum: 0,
    value(params: Params) {
      const unit = space.toUnit(params as never)
      const kind = Math.floor(unit[3] * 4)
      return penalty[kind] + best.reduce((s, b, i) => s + (1 + kind) * (unit[i] - (b + 0.1 * kind) / 1.4) ** 2, 0)
    },
  }
}

/** Five families of functions, one of each by seed. */
export function generatedFunctions(seed: number): readonly SearchFunction[] {
  return [wells, valley, plateaus, noisy, machine].map((make, i) => make(createRng(seed, 200 + i)))
}
