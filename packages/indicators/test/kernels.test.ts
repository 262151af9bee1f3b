import { createRng } from '@tradewright/core'
import { afterEach, describe, expect, it } from 'vitest'
import { wasm } from '../scripts/build-wasm.mjs'
import { emaMany, indicatorTable, rsiMany } from '../src/index.ts'
import { currentKernels, useKernels } from '../src/kernels/kernels.ts'
import { createPlainKernels } from '../src/kernels/plain-kernels.ts'
import { createWasmKernels } from '../src/kernels/wasm-kernels.ts'

afterEach(() => useKernels(undefined))

describe('the compiled kernels', () => {
  it('are what assembly/ compiles to', async () => {
    expect(await wasm.stale()).toEqual([])
  })

  it('are the ones in use', () => {
    expect(currentKernels().form).toBe('wasm')
  })

  it('give to the last bit what the plain ones give, kernel by kernel', () => {
    const rng = createRng(3, 1)
    const count = 301 // odd, so that the last vector is half full
    const values = Float64Array.from({ length: count }, () => 100 * Math.exp(0.3 * rng.normal()))
    const forms = [createPlainKernels(), createWasmKernels()].map((kernels) => {
      if (kernels === undefined) throw new Error('no WebAssembly')
      kernels.reserve(64 + 8 * 400)
      const column = (k: number): number => (64 + 400 * k) * 8
      const memory = kernels.memory()
      memory.set(values, 64)
      memory.set([20, 7, 33, 2], 8)
      memory.set([0.1, 0.2, 0.3, 0.4, 0.25, 0.5, 1, 2], 12)
      const seen: number[] = []
      const look = (address: number, slots: number): void => {
        seen.push(...kernels.memory().subarray(address / 8, address / 8 + slots))
      }
      const period = 20
      const windows = count - period + 1
      kernels.extent(column(0), count, 0)
      look(0, 4)
      seen.push(kernels.liesOnGrid(column(0), count, 2 ** 40), kernels.liesOnGrid(column(0), count, 2 ** 4))
      kernels.split(column(0), count, 1.5 * 2 ** 22, column(1), column(2))
      look(column(1), count + 1)
      look(column(2), count + 1)
      kernels.subtract(column(1), column(2), period, windows, column(3))
      look(column(3), windows)
      for (const divide of [kernels.divide, kernels.weigh]) {
        divide(column(1), column(2), period, windows, 1.5 * 2 ** 37, 2 ** -8, column(3))
        look(column(3), windows)
      }
      seen.push(kernels.divide(column(1), column(2), period, windows - 2, 1.5 * 2 ** 37, 95, column(3)))
      seen.push(kernels.weigh(column(1), column(2), period, windows - 2, 1.5 * 2 ** 37, 95, column(3)))
      seen.push(Math.sign(kernels.centre(column(0), count, 1 / 3, column(1))))
      seen.push(kernels.centre(column(0), count, 100, column(1)))
      look(column(1), count)
      seen.push(kernels.splitSquares(column(1), count, 1.5 * 2 ** 39, 1.5 * 2 ** 30, ...quad(column)))
      for (const k of [2, 3, 4, 5]) look(column(k), count + 1)
      seen.push(kernels.vary(...quad(column), period, 1e-9, windows - 2, column(6)))
      look(column(6), windows - 2)
      for (const extremes of [kernels.maxima, kernels.minima])
        for (const [length, width] of [
          [count, period],
          [count - 1, 1],
          [count - 1, 2],
          [count, 17],
          [16, 16],
        ]) {
          kernels.memory().copyWithin(64 + 400, 64, 64 + length)
          kernels.memory()[64 + 410] = -0
          kernels.memory()[64 + 411] = 0
          extremes(column(1), length, width)
          look(column(1) + 8 * (width - 1), length - width + 1)
        }
      const [parameters, state, stride] = [8 * 8, 12 * 8, 400 * 8]
      kernels.smooth4(column(0) + 8, count - 1, parameters, state, column(1), stride)
      look(state, 4)
      for (const k of [1, 2, 3, 4]) look(column(k), count - 1)
      memory.set([0.1, 0.2, 0.3, 0.4, 0.25, 0.5, 1, 2], 12)
      kernels.strength4(column(0) + 8, count - 1, parameters, state, column(1), stride)
      look(state, 8)
      for (const k of [1, 2, 3, 4]) look(column(k), count - 1)
      return seen
    })
    expect(forms[0].length).toBeGreaterThan(5000)
    expect(forms[0].some(Number.isNaN)).toBe(true) // the bound of `vary` above is wide enough to leave some windows open
    expect(forms[1]).toEqual(forms[0])
  })

  it.each([...indicatorTable.values()].map((definition) => [definition.name, definition] as const))(
    'and so does %s',
    (_name, definition) => {
      const rng = createRng(4, 1)
      const inputs = definition.inputs.map(() => Float64Array.from({ length: 3000 }, () => 90 + 20 * rng.uniform()))
      const params = definition.parameters.map((parameter) => parameter.default)
      const [wasm, plain] = [undefined, createPlainKernels()].map((kernels) => {
        useKernels(kernels)
        const outs = definition.outputs.map(() => new Float64Array(3000))
        definition.compute(inputs, params, outs)
        return outs
      })
      expect(wasm).toEqual(plain)
    },
  )

  it('run four recursions at a time over long columns', () => {
    const rng = createRng(5, 1)
    const src = Float64Array.from({ length: 5000 }, () => 100 + rng.normal())
    const periods = [14, 3, 200, 5, 1, 77, 5, 4999, 5000, 6000, 2, 30, 31]
    for (const many of [emaMany, rsiMany]) {
      const together = many(src, periods)
      periods.forEach((period, k) => {
        expect(many(src, [period])[0]).toEqual(together[k])
      })
    }
  })
})

function quad(column: (k: number) => number): [number, number, number, number] {
  return [column(2), column(3), column(4), column(5)]
}
