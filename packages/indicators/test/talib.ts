import { readFileSync } from 'node:fs'
import talib from 'talib-web'

/** What of talib-web's emscripten module is used here. */
interface TalibModule {
  readonly HEAPF64: Float64Array
  readonly HEAP32: Int32Array
  _malloc(bytes: number): number
  _free(pointer: number): void
  readonly [name: `_TA_${string}`]: (...args: number[]) => number
}

/** TA-Lib functions over columns: inputs, options in TA-Lib's order, number of outputs. */
export interface Talib {
  /** The outputs, each only as long as TA-Lib says it is. */
  call(name: string, inputs: readonly Float64Array[], options: readonly number[], outputs?: number): Float64Array[]
}

/**
 * Loads TA-Lib from talib-web's WebAssembly module and calls its C functions itself.
 *
 * talib-web 0.1.3's own wrappers pass a null pointer for both "first index" and "number of values", so functions that
 * read the one after the other was written (STDDEV, BBANDS, STOCH) give wrong values through them, and they take one bar
 * too many as the last one.
 */
export async function loadTalib(): Promise<Talib> {
  // talib-web loads with fetch where there is one, and Node's has no file: URLs.
  const path = new URL(import.meta.resolve('talib-web')).pathname.replace(/[^/]*$/, 'talib.wasm')
  const url = `data:application/wasm;base64,${readFileSync(path).toString('base64')}`
  const module: TalibModule = await talib.init(url)
  return {
    call: (name, inputs, options, outputs = 1) => {
      const length = inputs[0].length
      const columns = Array.from({ length: inputs.length + outputs }, () => module._malloc(length * 8))
      const counts = module._malloc(8)
      for (const [k, input] of inputs.entries()) module.HEAPF64.set(input, columns[k] / 8)
      const code = module[`_TA_${name}`](
        0,
        length - 1,
        ...columns.slice(0, inputs.length),
        ...options,
        counts,
        counts + 4,
        ...columns.slice(inputs.length),
      )
      if (code !== 0) throw new Error(`TA_${name} returned ${code}`)
      const count = module.HEAP32[counts / 4 + 1]
      const found = columns.slice(inputs.length).map((at) => module.HEAPF64.slice(at / 8, at / 8 + count))
      for (const pointer of [...columns, counts]) module._free(pointer)
      return found
    },
  }
}
