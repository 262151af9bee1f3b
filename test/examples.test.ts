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

const expected: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  'quick-start': [],
  'custom-optimizer': [],
  'custom-indicator': [],
  'custom-data-source': [],
  'own-objective': [],
  'tune-any-function': [],
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
    const output = await outputOf(name)
    expect(output).toHaveLength(lines.length)
    output.forEach((line, i) => {
      const want = lines[i]
      if (typeof want === 'string') expect(line).toBe(want)
      else expect(line).toMatch(want)
    })
  })
})
