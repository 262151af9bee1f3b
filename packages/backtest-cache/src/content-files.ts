import { mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Hasher } from '@tradewright/core'

/** The name of a file with this content: its 128-bit hash. */
export function contentName(content: Uint8Array): string {
  return new Hasher().word(content.length).bytes(content).digest()
}

/** Files named by the hash of their content, in 256 folders. */
export class ContentFiles {
  readonly directory: string
  #written = 0

  constructor(directory: string) {
    this.directory = directory
  }

  path(name: string): string {
    return join(this.directory, name.slice(0, 2), name)
  }

  /** Writes a file unless it is there: to a temporary name, synced, renamed. */
  async write(name: string, content: Uint8Array): Promise<void> {
    const path = this.path(name)
    const there = await stat(path).catch(() => undefined)
    if (there?.size === content.length) return
    const temporary = `${path}.${process.pid}-${this.#written++}.tmp`
    await mkdir(join(this.directory, name.slice(0, 2)), { recursive: true })
    try {
      const file = await open(temporary, 'wx')
      try {
        await file.writeFile(content)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw error
    }
  }

  /** The content, or undefined where the file is not there, cut off or changed. */
  async read(name: string): Promise<Uint8Array | undefined> {
    let content: Uint8Array
    try {
      content = await readFile(this.path(name))
    } catch {
      return undefined
    }
    return contentName(content) === name
      ? new Uint8Array(content.buffer, content.byteOffset, content.length)
      : undefined
  }

  async remove(name: string): Promise<void> {
    await unlink(this.path(name)).catch(() => undefined) // another process may have been first
  }

  /** All files there are, those included that a killed process left half-written. */
  async list(): Promise<readonly { readonly name: string; readonly path: string }[]> {
    const found: { name: string; path: string }[] = []
    for (const folder of await readdir(this.directory).catch(() => []))
      for (const name of await readdir(join(this.directory, folder)).catch(() => []))
        found.push({ name, path: join(this.directory, folder, name) })
    return found
  }
}
