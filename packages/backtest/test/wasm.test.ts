import { expect, it } from 'vitest'
import { wasm } from '../scripts/build-wasm.mjs'

it('holds the binary that assembly/ compiles to', async () => {
  expect(await wasm.stale()).toEqual([])
})
