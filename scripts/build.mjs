// Builds every package into its dist: ESM, CJS and types.
// `node scripts/build.mjs [name...]` builds only those.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'tsup'
import { publishable, root } from './packages.mjs'

const only = process.argv.slice(2)
const begun = Date.now()

async function buildPackage({ dir, manifest }) {
  const entry = { index: join(dir, 'src/index.ts') }
  if (existsSync(join(dir, 'testing/index.ts'))) entry.testing = join(dir, 'testing/index.ts')
  // Entries of their own: the command line, and files that are loaded by their name (workers, tasks).
  for (const name of manifest.tradewright?.entries ?? []) entry[name] = join(dir, 'src', `${name}.ts`)
  const external = [
    ...Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }),
    manifest.name,
  ]
  rmSync(join(dir, 'dist'), { recursive: true, force: true })
  await build({
    config: false,
    silent: true,
    entry,
    outDir: join(dir, 'dist'),
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'neutral',
    external: [...external, /^node:/],
    splitting: true,
    shims: false,
    // import.meta.url is what workers are found by: CJS gets it from __filename, and import.meta.resolve from require.
    esbuildOptions(options, { format }) {
      // A user's module is ESM or CJS: import() must stay import() in both builds.
      options.supported = { ...options.supported, 'dynamic-import': true }
      if (format === 'cjs') {
        options.define = {
          ...options.define,
          'import.meta.url': '__importMetaUrl',
          'import.meta.resolve': '__importMetaResolve',
        }
        options.banner = {
          js: "const __importMetaUrl = typeof __filename === 'string' ? require('node:url').pathToFileURL(__filename).href : 'file:///bundle'; const __importMetaResolve = (name) => require('node:url').pathToFileURL(require.resolve(name)).href;",
        }
      }
    },
    // Types of other packages come from their sources, so that a build never waits for another's dist.
    dts: { compilerOptions: { ignoreDeprecations: '6.0', allowImportingTsExtensions: true, composite: false } },
    tsconfig: join(root, 'tsconfig.json'),
  })
  console.log(`built ${manifest.name}`)
}

const waiting = publishable().filter(
  ({ manifest: { name } }) =>
    only.length === 0 || only.includes(name) || only.includes(name.replace('@tradewright/', '')),
)
/** Two at a time: types are the slow part, and each runs in a thread of its own. */
async function lane() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await buildPackage(next)
}
await Promise.all([lane(), lane()])
console.log(`built in ${((Date.now() - begun) / 1000).toFixed(1)} s`)
