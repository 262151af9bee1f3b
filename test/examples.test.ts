// Every example runs, stays short, and prints what it is meant to print.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'

const folder = join(import.meta.dirname, '../examples')

afterEach(() => vi.restoreAllMocks())

/** What an example prints, line by line. */
async function outputOf(name: string): Promise<readonly string[]> {
  const lines: string[] = []
  vi.spyOn(console, 'log').mockImplementation((...parts: unknown[]) => {
    lines.push(parts.map((part) => (typeof part === 'object' ? JSON.stringify(part) : String(part))).join(' '))
  })
  await import(join(folder, `${name}.ts`))
  return lines
}

const expected: Readonly<Record<string, readonly string[]>> = {
  'quick-start': [
    'best 20 34 0.013',
    'Sharpe in-sample 1.47 held out 1.20',
    'buy and hold, held out 1.22',
    'deflated Sharpe ratio 0.90',
  ],
  'custom-optimizer': ['first trial {"period":14}', 'journal 33 trials, 113827 bars'],
  'custom-indicator': ['trials 55 n 57 enter 0.21', 'Sharpe 0.32 trades 16'],
  'custom-data-source': [
    'bars a year 12 best months 4',
    'AAPL 86 months, Sharpe 0.79',
    'IBM 86 months, Sharpe -0.06',
    'MSFT 86 months, Sharpe -0.49',
  ],
  'model-gradient-boosting': [
    'best {"enter":0.4025114240948412,"leave":0.2604933107379867,"depth":3,"rounds":30,"span":17}',
    'models 18 trainings 176 exact 176',
    'loss on bars never seen/by guessing 0.861/0.720 0.701/0.679 0.708/0.713 0.696/0.688',
    'Sharpe in-sample 0.08 held out 0.31',
    'live trust the trees entry,exit',
  ],
  'own-objective': [
    'calm {"fast":43,"slow":163} score 1.273 refused 45',
    'front 3 of 200 trials',
    'answered from the cache true',
  ],
  'tune-any-function': ['trials 2000 budget', 'best 0.41 at 3.1 2.3 off', 'asked 20 best dose 12'],
}

describe('examples', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && file !== 'main-job.ts')

  it('are all known here', () => {
    expect(files.map((file) => file.replace('.ts', '')).sort()).toEqual(Object.keys(expected).sort())
  })

  it.each(files)('%s is at most 60 lines', (file) => {
    expect(readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(60)
  })

  it.each(Object.entries(expected))('%s prints what it should', async (name, lines) => {
    expect(await outputOf(name)).toEqual(lines)
  })
})
