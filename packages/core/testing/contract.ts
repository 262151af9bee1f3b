import { contentKey, TradewrightError } from '@tradewright/core'
import { describe, it } from 'vitest'

/** A test of a suite that does not apply, and why. */
export interface Skip {
  readonly test: string
  readonly reason: string
}

/** What every contract suite takes. */
export interface ContractOptions<T> {
  /** Makes a fresh instance; called once a test. */
  readonly make: () => T | Promise<T>
  /** Tests that do not apply. A skip that names no test of the suite fails. */
  readonly skip?: readonly Skip[] | undefined
}

/** One promise of a contract. */
export interface ContractTest<T> {
  readonly name: string
  readonly run: (instance: T) => void | Promise<void>
}

/** Fails a contract test with what was expected. */
export function ensure(
  condition: boolean,
  rule: string,
  details: Readonly<Record<string, unknown>> = {},
): asserts condition {
  if (!condition) throw new TradewrightError('BAD_OPTIMIZER', `contract: ${rule}`, details)
}

/** Fails unless both are the same data: NaN equals NaN, 0 differs from -0. */
export function ensureSame(actual: unknown, expected: unknown, rule: string): void {
  ensure(contentKey(actual) === contentKey(expected), rule, { actual, expected })
}

/** Fails unless `run` rejects or throws with this code. */
export async function ensureRejects(run: () => unknown, code: string, rule: string): Promise<void> {
  let caught: unknown
  try {
    await run()
  } catch (error) {
    caught = error
  }
  ensure(caught !== undefined, `${rule} (nothing was thrown)`)
  const actual = (caught as { code?: unknown }).code
  ensure(actual === code, `${rule} (code ${code}, was ${String(actual)}: ${String(caught)})`)
}

/** Registers a suite with the test runner: one test a promise, skips with their reason in the name. */
export function registerSuite<T>(suite: string, options: ContractOptions<T>, tests: readonly ContractTest<T>[]): void {
  const { make, skip = [] } = options
  describe(suite, () => {
    for (const { test, reason } of skip)
      if (!tests.some(({ name }) => name === test))
        it(`skip of '${test}' (${reason})`, () => {
          throw new TradewrightError('UNKNOWN_NAME', `skip must name a test of ${suite}, was '${test}'`, {
            known: tests.map(({ name }) => name),
          })
        })
    for (const { name, run } of tests) {
      const skipped = skip.find(({ test }) => test === name)
      if (skipped !== undefined) it.skip(`${name} (skipped: ${skipped.reason})`, () => undefined)
      else
        it(name, async () => {
          const instance = await make()
          try {
            await run(instance)
          } finally {
            await close(instance)
          }
        })
    }
  })
}

async function close(instance: unknown): Promise<void> {
  if (typeof instance !== 'object' || instance === null) return
  const dispose = (instance as Partial<AsyncDisposable>)[Symbol.asyncDispose]
  if (dispose !== undefined) await dispose.call(instance)
}
