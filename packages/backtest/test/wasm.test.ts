import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { buildWasm } from '../scripts/build-wasm.mjs'

it('holds the binary that assembly/ compiles to', async () => {
  const committed = await readFile(new URL('../src/generated/kernels-wasm.ts', import.meta.url), 'utf8')
  expect(await buildWasm()).toBe(committed)
})
