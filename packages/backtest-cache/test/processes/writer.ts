// Writes numbered entries into a cache folder: `writer.mjs <folder> <first> <count> <kill after ms, 0 for never>`.
import { diskCache } from '../../src/index.ts'
import { numberedEntry } from './content.ts'

const [directory, first, count, killAfterMs] = process.argv.slice(2)
const cache = await diskCache({ directory })
if (Number(killAfterMs) > 0) setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(killAfterMs))
for (let i = Number(first); i < Number(first) + Number(count); i += 20)
  await cache.setMany(Array.from({ length: 20 }, (_, k) => numberedEntry(i + k)))
await cache[Symbol.asyncDispose]()
