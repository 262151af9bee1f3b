import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  adagrad,
  adam,
  adamW,
  lion,
  lookahead,
  momentum,
  nadam,
  nesterov,
  type ParameterStep,
  radam,
  rmsProp,
  sam,
  sgd,
  type UpdateRule,
} from '../src/index.ts'
import { vectorOps } from '../src/vector-ops.ts'
import { createWasmMemory, wasmKernels } from '../src/wasm-kernels.ts'

interface Golden {
  readonly rate: number
  readonly start: number[]
  readonly target: number[]
  readonly curve: number[]
  readonly cases: Record<string, number[][]>
  readonly onnx: Record<string, { attributes: Record<string, number>; inputs: number[][]; outputs: number[][] }>
}
const golden = JSON.parse(readFileSync(new URL('golden/rules.json', import.meta.url), 'utf8')) as Golden

const rules: Record<string, UpdateRule> = {
  'sgd l2=0.1': sgd({ l2: 0.1 }),
  'momentum dampening=0.3 l2=0.1': momentum({ momentum: 0.8, dampening: 0.3, l2: 0.1 }),
  nesterov: nesterov(),
  adam: adam(),
  'adam l2=0.1 betas': adam({ beta1: 0.8, beta2: 0.95, epsilon: 1e-4, l2: 0.1 }),
  'adamW decay=0.2': adamW({ decay: 0.2 }),
  'nadam l2=0.1': nadam({ l2: 0.1 }),
  radam: radam(),
  'radam beta2=0.9': radam({ beta2: 0.9 }),
  adagrad: adagrad({ rateDecay: 0.1, l2: 0.1 }),
  rmsProp: rmsProp({ smoothing: 0.9 }),
  'rmsProp centred momentum': rmsProp({ smoothing: 0.9, momentum: 0.7, centred: true }),
  'lion decay=0.1': lion({ decay: 0.1 }),
  lookahead: lookahead(sgd(), { every: 3, alpha: 0.4 }),
  sam: sam(sgd(), { rho: 0.05 }),
}

/** Arrays in plain memory, or in a WebAssembly memory with its kernels. */
function arena(wasm: boolean) {
  const memory = createWasmMemory(2 * 65536)
  let at = 65536
  const allocate = (n: number): Float32Array => {
    if (!wasm) return new Float32Array(n)
    const array = new Float32Array(memory.buffer, at, n)
    at += (n * 4 + 63) & ~63
    return array
  }
  return { allocate, ops: wasm ? vectorOps(wasmKernels(memory, false), memory.buffer) : vectorOps() }
}

function stepOf(rule: UpdateRule, n: number, wasm: boolean): ParameterStep & { step: number } {
  const { allocate, ops } = arena(wasm)
  const slots = rule.slots.map(() => allocate(n))
  const scalars = new Float64Array(rule.scalars ?? 0)
  return { step: 0, rate: golden.rate, decay: 1, value: allocate(n), gradient: allocate(n), slots, scalars, ops }
}

describe.each([
  ['plain', false],
  ['wasm', true],
] as const)('%s arrays', (_, wasm) => {
  it('covers every golden case', () => {
    expect(Object.keys(rules).sort()).toEqual(Object.keys(golden.cases).sort())
  })

  it.each(Object.entries(rules))('%s follows the independent implementation', (name, rule) => {
    const { start, target, curve } = golden
    const step = stepOf(rule, start.length, wasm)
    step.value.set(start)
    const differentiate = (): void => {
      for (let i = 0; i < start.length; i++) step.gradient[i] = curve[i] * (step.value[i] - target[i]) ** 3 + 0.3
    }
    golden.cases[name].forEach((expected, t) => {
      step.step = t + 1
      differentiate()
      if (rule.ascend !== undefined) {
        rule.ascend([step])
        differentiate()
      }
      rule.update(step)
      expected.forEach((x, i) => {
        expect(Math.abs(step.value[i] - x) / Math.max(1, Math.abs(x))).toBeLessThan(5e-6)
      })
    })
  })

  const onnxRules: Record<string, (a: Record<string, number>) => UpdateRule> = {
    test_adam: (a) =>
      adam({
        beta1: a.alpha,
        beta2: a.beta,
        epsilon: a.epsilon ?? 1e-2, // the model leaves it out, its data was made with 1e-2

        l2: a.norm_coefficient,
        biasCorrection: false,
      }),
    test_adagrad: (a) => adagrad({ epsilon: a.epsilon, rateDecay: a.decay_factor, l2: a.norm_coefficient }),
    test_momentum: (a) => momentum({ momentum: a.alpha, dampening: 1 - a.beta, l2: a.norm_coefficient }),
    test_nesterov_momentum: (a) => nesterov({ momentum: a.alpha, dampening: 1 - a.beta, l2: a.norm_coefficient }),
  }

  it.each(Object.entries(golden.onnx))('ONNX %s', (name, { attributes, inputs, outputs }) => {
    const rule = onnxRules[name.replace('_multiple', '')](attributes)
    const [[rate], [t], ...arrays] = inputs
    const slots = rule.slots.length
    const count = arrays.length / (2 + slots)
    for (let p = 0; p < count; p++) {
      const base = stepOf(rule, arrays[p].length, wasm)
      const step = { ...base, rate, step: t + 1 }
      step.value.set(arrays[p])
      step.gradient.set(arrays[count + p])
      step.slots.forEach((slot, s) => {
        slot.set(arrays[(2 + s) * count + p])
      })
      rule.update(step)
      for (const [k, ours] of [step.value, ...step.slots].entries())
        outputs[k * count + p].forEach((x, i) => {
          expect(Math.abs(ours[i] - x)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(x)))
        })
    }
  })
})

it('refuses numbers out of range', () => {
  expect(() => adam({ beta1: 1.5 })).toThrow('[BAD_OPTION] beta1 must be a number from 0 to 1, was 1.5')
  expect(() => sam(sgd(), { rho: -1 })).toThrow('rho')
  expect(() => lookahead(sgd(), { every: 0 })).toThrow('every')
})
