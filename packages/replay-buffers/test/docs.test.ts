// Every TypeScript example of the README and of docs/replay-buffers.md runs and prints what its comments say.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, expect, it, vi } from 'vitest'

const documents = ['../README.md', '../../../docs/replay-buffers.md']
const examples = documents.flatMap((document) => {
  const text = readFileSync(new URL(document, import.meta.url), 'utf8')
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code], n) => ({
    name: `${document}, example ${n + 1}`,
    code,
  }))
})
const written: URL[] = []
afterAll(() => {
  for (const file of written) rmSync(file, { force: true })
})

it.each(examples)('$name', async ({ code }) => {
  const file = new URL(`./example-${written.length}-${process.pid}.tmp.ts`, import.meta.url)
  written.push(file)
  writeFileSync(file, code)
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...parts: unknown[]) => void lines.push(parts.join(' ')))
  try {
    await import(/* @vite-ignore */ file.href)
  } finally {
    log.mockRestore()
  }
  const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)/g)].map(([, said]) => said)
  expect(expected.length).toBeGreaterThan(0)
  expect(lines).toEqual(expected)
})

it('there are examples to run', () => {
  expect(examples.length).toBe(3)
})
