// Writes numbered entries into a cache folder: `writer.mjs <folder> <first> <count> <kill at batch> <after us>`.
// The process kills itself while that batch is on its way; with a negative batch it ends in order.
import { diskCache } from '../../src/disk-cache.ts'
import { numberedEntry } from './content.ts'

const [directory, first, count, killAt, afterUs] = process.argv.slice(2)
const cache = await diskCache({ directory })
for (let i = Number(first), batch = 0; i < Number(first) + Number(count); i += 20, batch++) {
  const written = cache.setMany(Array.from({ length: 20 }, (_, k) => numberedEntry(i + k)))
  if (batch === Number(killAt)) {
    const until = performance.now() + Number(afterUs) / 1000
    const wait = (): unknown => (performance.now() < until ? setImmediate(wait) : process.kill(process.pid, 'SIGKILL'))
    wait()
  }
  await written
}
await cache[Symbol.asyncDispose]()
