import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const made: string[] = []
afterAll(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
})

/** A fresh folder, removed after the file's tests. */
export function temporaryFolder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tradewright-cache-'))
  made.push(directory)
  return directory
}
