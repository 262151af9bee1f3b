import { choice, createRng, defineSpace, float, int, oneOf, type Params, type Rng, type Space } from '@tradewright/core'
import { boxed, type SearchFunction } from './search-functions.ts'

const unitBox = (d: number): readonly (readonly [number, number])[] => Array.from({ length: d }, () => [0, 1] as const)
const draws = (d: number, rng: Rng, low = 0, high = 1): Float64Array =>
  Float64Array.from({ length: d }, () => low + (high - low) * rng.uniform())

/** A sum of functions of one parameter each, with several basins a parameter. */
function additive(rng: Rng): SearchFunction {
  const d = 5
  const center = draws(d, rng, 0.15, 0.85)
  const waves = draws(d, rng, 3, 9)
  const depth = draws(d, rng, 0.1, 0.4)
  return boxed('additive', unitBox(d), (x) => {
    let s = 0
    for (let i = 0; i < d; i++) {
      const v = x[i] - center[i]
      s += 4 * v * v + depth[i] * (1 - Math.cos(2 * Math.PI * waves[i] * v))
    }
    return s
  })
}

/** A bent valley: every parameter is best at a curve of the one before. */
function chain(rng: Rng): SearchFunction {
  const d = 8
  const bend = draws(d, rng, 0.5, 2)
  const first = rng.uniform()
  return boxed('chain', unitBox(d), (x) => {
    let s = (x[0] - first) ** 2
    for (let i = 1; i < d; i++)
      s += 20 * (x[i] - (0.5 + 0.4 * Math.sin(bend[i] * 3 * x[i - 1] + i))) ** 2 + 0.1 * (x[i] - 0.5) ** 2
    return s
  })
}

/** A steep funnel far from the middle in ten dimensions, with ripples. */
function funnel(rng: Rng): SearchFunction {
  const d = 10
  const center = draws(d, rng, 0.1, 0.9)
  const waves = 20 + 20 * rng.uniform()
  return boxed('funnel', unitBox(d), (x) => {
    let square = 0
    let ripple = 0
    for (let i = 0; i < d; i++) {
      const v = x[i] - center[i]
      square += v * v
      ripple += 1 - Math.cos(waves * v)
    }
    return 1 - Math.exp(-6 * Math.sqrt(square / d)) + (0.05 * ripple) / d
  })
}

/** Branches with parameters of their own. */
function branches(rng: Rng): SearchFunction {
  const space = defineSpace({
    kind: oneOf('type', {
      a: { p: float(1e-4, 1, { log: true }), q: int(1, 20) },
      b: {
        r: float(0, 1),
        s: int(8, 256, { log: true }),
        sub: oneOf('n', { 1: { w1: int(1, 16) }, 2: { v1: int(1, 16), v2: int(1, 16) } }),
      },
      c: { t: float(0, 10), e: choice(['x', 'y', 'z']), o: float(1e-3, 1e3, { log: true }) },
    }),
    m: float(0, 1, { step: 0.05 }),
    k: int(2, 400, { log: true }),
  })
  const best = draws(16, rng, 0.1, 0.9)
  const order = [0.2, 0.25, 0.3].sort(() => rng.uniform() - 0.5)
  const base: Record<string, number> = { a: order[0], b: order[1], c: order[2] }
  return {
    name: 'branches',
    space: space as unknown as Space,
    optimum: 0.2,
    value(params: Params) {
      const point = space.toPoint(params as never)
      const unit = space.toUnit(params as never)
      const kind = (params.kind as { type: string }).type
      let v = base[kind]
      unit.forEach((u, i) => {
        if (!Number.isNaN(point[i]) && space.dimensions[i].kind !== 'categorical')
          v += (0.1 + 0.05 * (i % 4)) * (u - best[i]) ** 2
      })
      if (kind === 'c') v += [0, 0.03, 0.06][['x', 'y', 'z'].indexOf((params.kind as unknown as { e: string }).e)]
      return v
    },
  }
}

/** Families that samplers' settings were chosen with; by seed, and none of them among the measured ones. */
export function tuningFunctions(seed: number): readonly SearchFunction[] {
  return [additive, chain, funnel, branches].map((make, i) => make(createRng(seed, 300 + i)))
}
