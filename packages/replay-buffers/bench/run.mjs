// Bundles a bench and runs it by Node alone: what users run is compiled too, and a loader in the process (tsx) costs
// the shortest figures a fifth.
//   node packages/replay-buffers/bench/run.mjs replay-buffer
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const folder = mkdtempSync(join(tmpdir(), 'replay-bench-'))
const outfile = join(folder, 'bench.mjs')
const name = process.argv[2] ?? 'replay-buffer'
await build({
  entryPoints: [new URL(`./${name}.bench.ts`, import.meta.url).pathname],
  bundle: true,
  platform: 'node',
  format: 'esm',
  conditions: ['@tradewright/source'],
  external: ['lz4-napi'],
  outfile,
})
const { status } = spawnSync(process.execPath, [outfile, ...process.argv.slice(3)], {
  stdio: 'inherit',
  env: { ...process.env, REPLAY_PACKAGE: fileURLToPath(new URL('..', import.meta.url)) },
})
rmSync(folder, { recursive: true })
process.exit(status ?? 1)
