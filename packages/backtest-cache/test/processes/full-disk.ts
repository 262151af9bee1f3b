// Fills a small disk through a cache and prints what happened as JSON: `full-disk.mjs <folder>`.
import { diskCache } from '../../src/disk-cache.ts'
import { memoryCache } from '../../src/memory-cache.ts'
import { tieredCache } from '../../src/tiered-cache.ts'
import { numberedEntry } from './content.ts'

const [directory] = process.argv.slice(2)
const disk = await diskCache({ directory })
const cache = tieredCache([memoryCache({ maxEntries: 20 }), disk], { retryMs: 1 })
const warnings: string[] = []
cache.onWarning(({ message }) => warnings.push(message))
for (let i = 0; i < 4000; i += 20) {
  await cache.setMany(Array.from({ length: 20 }, (_, k) => numberedEntry(i + k)))
  await cache.flush()
}
let wrong = 0
let found = 0
for (let i = 0; i < 4000; i++) {
  const { key, value } = numberedEntry(i)
  const bytes = (await disk.getMany([key]))[0]
  if (bytes === undefined) continue
  found++
  if (Buffer.compare(bytes, value) !== 0) wrong++
}
await cache[Symbol.asyncDispose]()
console.log(JSON.stringify({ wrong, found, warnings }))
