// Bundles a bench of this folder, or without a name the table of benchmarks/replay.ts, and runs it by Node alone: what
// users run is compiled too, and a loader in the process (tsx) costs the shortest figures a fifth.
//   npm run bench:replay [-- replay-buffer|frames|producers|disk]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const folder = mkdtempSync(join(tmpdir(), 'replay-bench-'))
const outfile = join(folder, 'bench.mjs')
const name = process.argv[2]
const entry = name === undefined ? '../../../benchmarks/replay.ts' : `./${name}.bench.ts`
await build({
  entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
  bundle: true,
  platform: 'node',
  format: 'esm',
  conditions: ['@tradewright/source'],
  external: ['lz4-napi'],
  outfile,
})
const { status } = spawnSync(process.execPath, [outfile, ...process.argv.slice(3)], {
  stdio: 'inherit',
  env: { ...process.env, BENCHMARKS: fileURLToPath(new URL('../../../benchmarks', import.meta.url)) },
})
rmSync(folder, { recursive: true })
process.exit(status ?? 1)
