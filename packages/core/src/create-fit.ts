import { TradewrightError } from './error.ts'
import type { Fit, Model } from './model.ts'

/**
 * The innermost `fit`: makes the model that a request names, trains it, and answers its state as plain data.
 *
 * @param load imports a module. @default the runtime's own `import()`
 * @returns a `fit` that throws `NOT_FOUND` where the module has no such function, and what the model throws.
 * @example
 * ```ts
 * import { createFit } from '@tradewright/core'
 * const mean = {
 *   model: () => {
 *     let value = 0
 *     return {
 *       name: 'mean', bytes: 8,
 *       async fit(_X, y) { value = y.reduce((a, b) => a + b, 0) / y.length },
 *       predict: (X, out = new Float32Array(X.rows)) => out.fill(value),
 *       save: () => value, load(data) { value = data },
 *     }
 *   },
 * }
 * const fit = createFit(async () => mean)
 * const X = { names: ['a'], data: new Float32Array(4), rows: 4, columns: 1 }
 * const model = { module: 'mean', export: 'model', options: {} }
 * const { signal } = new AbortController()
 * console.log((await fit({ trial: 0, model, X, y: Float32Array.of(1, 2, 3, 6), signal })).model) // 3
 * ```
 */
export function createFit(load: (module: string) => Promise<unknown> = (module) => import(module)): Fit {
  return async ({ model, X, y, sampleWeight, validation, initial, rounds: wanted, signal }) => {
    const exports = (await load(model.module)) as Readonly<Record<string, unknown>>
    const create = exports[model.export]
    if (typeof create !== 'function')
      throw new TradewrightError('NOT_FOUND', `module ${model.module} must export a function '${model.export}'`, {
        module: model.module,
        export: model.export,
      })
    const made = (await create(model.options)) as Model
    let first: number | undefined
    let last: number | undefined
    const begun = performance.now()
    await made.fit(X, y, {
      initial,
      rounds: wanted,
      sampleWeight,
      validation,
      signal,
      onProgress({ round }) {
        first ??= round
        last = round
      },
    })
    const { continuation, truncates } = made
    return {
      model: made.save(),
      exact: initial === undefined,
      cost: {
        ms: performance.now() - begun,
        // A continued training counts on from its state's rounds; one from nothing may report only its last.
        rounds: first === undefined || last === undefined ? 0 : last - (initial === undefined ? 0 : first - 1),
      },
      ...(last === undefined ? {} : { rounds: last }),
      ...(continuation === undefined ? {} : { continuation }),
      ...(truncates === undefined ? {} : { truncates }),
    }
  }
}
