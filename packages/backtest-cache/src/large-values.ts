import { mkdir, rm } from 'node:fs/promises'
import { ContentFiles, contentName } from './content-files.ts'

/** The file that a record points to. */
function fileOf(reference: string): { readonly name: string; readonly length: number } {
  const [name, length] = reference.split(' ')
  return { name, length: Number(length) }
}

/** Values too large for the logs, in files named by their content: one file however many records point to it. */
export class LargeValues {
  readonly #files: ContentFiles
  /** How many records point to each file, and its length. */
  readonly #users = new Map<string, { count: number; readonly length: number }>()
  /** Files that lost their last record, to be removed. */
  readonly #unused = new Set<string>()
  #bytes = 0

  constructor(directory: string) {
    this.#files = new ContentFiles(directory)
  }

  /** Of all files that records point to. */
  get bytes(): number {
    return this.#bytes
  }

  /** One record more or less points to a file; the last one frees it. */
  count(reference: string, change: 1 | -1): void {
    const { name, length } = fileOf(reference)
    const users = this.#users.get(name) ?? { count: 0, length }
    if (users.count === 0 && change === 1) this.#bytes += length
    users.count += change
    if (users.count > 0) {
      this.#users.set(name, users)
      this.#unused.delete(name)
      return
    }
    this.#users.delete(name)
    this.#unused.add(name)
    this.#bytes -= length
  }

  /** Removes the files that lost their last record. */
  async removeUnused(): Promise<void> {
    for (const name of [...this.#unused]) {
      this.#unused.delete(name)
      if (!this.#users.has(name)) await this.#files.remove(name)
    }
  }

  /** @returns undefined where the file is missing or changed. */
  read(reference: string): Promise<Uint8Array | undefined> {
    return this.#files.read(fileOf(reference).name)
  }

  /** @returns what a record is to hold. */
  async write(value: Uint8Array): Promise<string> {
    const name = contentName(value)
    await this.#files.write(name, value)
    return `${name} ${value.length}`
  }

  async clear(): Promise<void> {
    this.#unused.clear()
    await rm(this.#files.directory, { recursive: true, force: true })
    await mkdir(this.#files.directory, { recursive: true })
  }

  /** Removes files that no record points to, and half-written ones. @returns how many. */
  async removeOrphans(): Promise<number> {
    const files = await this.#files.list()
    const orphans = files.filter(({ name, path }) => !this.#users.has(name) || path !== this.#files.path(name))
    for (const { path } of orphans) await rm(path, { force: true })
    return orphans.length
  }
}
