import { choice, defineSpace, float, int, oneOf, type Params, type Space } from '@tradewright/core'

/** One function to minimise. */
export interface SearchFunction {
  readonly name: string
  readonly space: Space
  readonly optimum: number
  value(params: Params): number
}

const A6 = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
]
const P6 = [
  [1312, 1696, 5569, 124, 8283, 5886],
  [2329, 4135, 8307, 3736, 1004, 9991],
  [2348, 1451, 3522, 2883, 3047, 6650],
  [4047, 8828, 8732, 5743, 1091, 381],
]
const C6 = [1.0, 1.2, 3.0, 3.2]
const PI = Math.PI

/** The functions of shared/reference/search-functions.py over plain vectors, each in its own box. */
export const boxFunctions: readonly {
  readonly name: string
  readonly box: readonly (readonly [number, number])[]
  readonly optimum: number
  readonly value: (x: ArrayLike<number>) => number
}[] = [
  {
    name: 'branin2',
    box: [
      [-5, 10],
      [0, 15],
    ],
    optimum: 0.39788735772973816,
    value: (x) =>
      (x[1] - (5.1 / (4 * PI * PI)) * x[0] * x[0] + (5 / PI) * x[0] - 6) ** 2 +
      10 * (1 - 1 / (8 * PI)) * Math.cos(x[0]) +
      10,
  },
  {
    name: 'hartmann6',
    box: Array.from({ length: 6 }, () => [0, 1] as const),
    optimum: -3.322368011391339,
    value(x) {
      let total = 0
      for (let i = 0; i < 4; i++) {
        let s = 0
        for (let j = 0; j < 6; j++) s += A6[i][j] * (x[j] - 1e-4 * P6[i][j]) ** 2
        total += C6[i] * Math.exp(-s)
      }
      return -total
    },
  },
  {
    name: 'ackley10',
    box: Array.from({ length: 10 }, () => [-32.768, 32.768] as const),
    optimum: 0,
    value(x) {
      let square = 0
      let cosine = 0
      for (let i = 0; i < 10; i++) {
        const v = x[i] - 10 * Math.sin(i + 1)
        square += v * v
        cosine += Math.cos(2 * PI * v)
      }
      return -20 * Math.exp(-0.2 * Math.sqrt(square / 10)) - Math.exp(cosine / 10) + 20 + Math.E
    },
  },
  {
    name: 'rosenbrock10',
    box: Array.from({ length: 10 }, () => [-5, 10] as const),
    optimum: 0,
    value(x) {
      let s = 0
      for (let i = 0; i < 9; i++) s += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
      return s
    },
  },
  {
    name: 'rastrigin5',
    box: Array.from({ length: 5 }, () => [-5.12, 5.12] as const),
    optimum: 0,
    value(x) {
      let s = 50
      for (let i = 0; i < 5; i++) {
        const v = x[i] - 2 * Math.sin(i + 1)
        s += v * v - 10 * Math.cos(2 * PI * v)
      }
      return s
    },
  },
]

const ACT: Readonly<Record<string, number>> = { relu: 0.03, tanh: 0.06, gelu: 0 }
const UNITS = [176, 96, 64, 32]

/** The mixed, conditional function on flat parameters (units_l only for l < n_layers). */
export function mixed(p: Readonly<Record<string, number | string>>): number {
  const n = (key: string): number => p[key] as number
  let v: number
  if (p.model === 'linear')
    v = 0.4 + 0.05 * (Math.log10(n('lr_linear')) + 2) ** 2 + 0.02 * (Math.log10(n('l2')) + 3) ** 2
  else if (p.model === 'tree') v = 0.3 + 0.004 * (n('depth') - 7) ** 2 + 0.03 * (Math.log2(n('min_leaf')) - 4) ** 2
  else {
    const layers = n('n_layers')
    let units = 0
    for (let l = 0; l < layers; l++) units += 0.02 * ((n(`units_${l}`) - UNITS[l]) / 64) ** 2
    v =
      0.2 +
      0.06 * (Math.log10(n('lr_mlp')) + 3) ** 2 +
      0.05 * Math.abs(layers - 2) +
      units / layers +
      0.5 * (n('dropout') - 0.25) ** 2 +
      ACT[p.act as string]
  }
  return v + 0.05 * Math.log(n('window') / 40) ** 2 + 0.4 * (n('threshold') - 0.35) ** 2
}

const units = (count: number): Record<string, ReturnType<typeof int>> =>
  Object.fromEntries(Array.from({ length: count }, (_, l) => [`units_${l}`, int(16, 256, { step: 16 })]))

/** The conditional space of the mixed function; the number of layers is a branch, since its units depend on it. */
export const mixedSpace: Space = defineSpace({
  model: oneOf('kind', {
    linear: { lr_linear: float(1e-5, 1, { log: true }), l2: float(1e-6, 10, { log: true }) },
    tree: { depth: int(1, 16), min_leaf: int(1, 128, { log: true }) },
    mlp: {
      lr_mlp: float(1e-5, 1, { log: true }),
      layers: oneOf('n_layers', { 1: units(1), 2: units(2), 3: units(3), 4: units(4) }),
      dropout: float(0, 0.6),
      act: choice(['relu', 'tanh', 'gelu']),
    },
  }),
  window: int(5, 200, { log: true }),
  threshold: float(0, 1, { step: 0.05 }),
}) as unknown as Space

function flatten(params: Params): Record<string, number | string> {
  const { model, window, threshold } = params as unknown as {
    model: Record<string, unknown>
    window: number
    threshold: number
  }
  const { kind, layers, ...rest } = model
  const { n_layers, ...widths } = (layers ?? {}) as Record<string, number | string>
  return {
    model: kind as string,
    ...(rest as Record<string, number>),
    ...widths,
    ...(n_layers === undefined ? {} : { n_layers: Number(n_layers) }),
    window,
    threshold,
  }
}

/** A function over a box as a search function. */
export function boxed(
  name: string,
  box: readonly (readonly [number, number])[],
  value: (x: ArrayLike<number>) => number,
  optimum = 0,
): SearchFunction {
  const space = defineSpace(Object.fromEntries(box.map(([low, high], i) => [`x${i}`, float(low, high)])))
  const x = new Float64Array(box.length)
  return {
    name,
    space: space as unknown as Space,
    optimum,
    value: (params) => value(space.toPoint(params as Record<string, number>, x)),
  }
}

/** The six functions of the issue. */
export const searchFunctions: readonly SearchFunction[] = [
  ...boxFunctions.map(({ name, box, value, optimum }) => boxed(name, box, value, optimum)),
  { name: 'mixed', space: mixedSpace, optimum: 0.2, value: (params) => mixed(flatten(params)) },
]
