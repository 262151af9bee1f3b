import { readFileSync } from 'node:fs'
import * as core from '@tradewright/core'
import { transformSync } from 'esbuild'
import { describe, expect, it } from 'vitest'
import * as own from '../src/index.ts'
import { randomBars } from './arbitraries.ts'

const modules: Readonly<Record<string, unknown>> = { '@tradewright/core': core, '@tradewright/backtest': own }

/** The runnable examples of a page: its blocks of ts that begin with an import. */
function examples(page: string): readonly string[] {
  const text = readFileSync(new URL(`../../../${page}`, import.meta.url), 'utf8')
  return [...text.matchAll(/```ts\n(import[\s\S]*?)```/g)].map(([, code]) => code)
}

/** Runs an example; gives what it exports and prints. */
function run(code: string): {
  readonly exports: Readonly<Record<string, never>>
  readonly printed: readonly unknown[][]
} {
  const names = [...code.matchAll(/export const (\w+)/g)].map(([, name]) => name)
  const body = code
    .replace(
      /import \{([^}]*)\} from '([^']*)'/g,
      (_, list: string, from: string) => `const {${list}} = modules['${from}']`,
    )
    .replaceAll('export const', 'const')
  const { code: plain } = transformSync(body, { loader: 'ts' })
  const printed: unknown[][] = []
  const make = new Function('modules', 'console', `${plain}\nreturn { ${names.join(', ')} }`)
  return { exports: make(modules, { log: (...values: unknown[]) => printed.push(values) }), printed }
}

describe('the pages say what is so', () => {
  it('README', () => {
    const [quick] = examples('packages/backtest/README.md')
    const { printed } = run(quick)
    expect(printed[0][0]).toBeGreaterThan(10)
    expect(Number.isFinite(printed[0][1])).toBe(true)
    expect(printed[1][0]).toHaveLength(3)
  })

  it('docs/strategies.md', () => {
    const [strategy, indicator] = examples('docs/strategies.md')
    const { reversion } = run(strategy).exports as unknown as { reversion: own.Strategy<core.Params> }
    const params = { period: 5, low: 40, risk: 2, exit: { kind: 'time', bars: 10 } }
    const { trades } = own.backtest(reversion, params, randomBars(5, 400), { preset: 'reference' })
    expect(trades.length).toBeGreaterThan(3)
    expect(() => reversion.bind([{ ...params, exit: { kind: 'tim', bars: 10 } }])).toThrow(
      /'kind' is one of level, time/,
    )
    expect(run(indicator).exports).toHaveProperty('middle')
  })
})
