import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { TradewrightError } from '@tradewright/core'

let written = 0

/**
 * Writes a file as a whole or not at all: to a temporary name beside it, synced, then renamed. Folders are made.
 *
 * @throws TradewrightError `IO` with the system's reason.
 */
export async function writeFileAtomically(file: string, content: string | Uint8Array): Promise<void> {
  const target = resolve(file)
  const temporary = join(dirname(target), `.${process.pid}-${written++}.tmp`)
  try {
    await mkdir(dirname(target), { recursive: true })
    const handle = await open(temporary, 'wx')
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    const reason = error instanceof Error ? error.message : String(error)
    throw new TradewrightError('IO', `the file must be writable, was '${file}': ${reason}`, { file }, { cause: error })
  }
}
