// Imports only go down: holds the layers of docs/architecture.md, and that no two files import each other in a circle.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { root } from './packages.mjs'

/** What each package may import of the workspace. A new package gets a line here. */
const data = ['core']
const engine = ['core', 'indicators', 'market-data']
const plugin = [...engine, 'backtest']
const ALLOWED = {
  core: [],
  indicators: data,
  'market-data': data,
  backtest: engine,
  'backtest-cache': plugin,
  runners: plugin,
  'adaptive-sampling': plugin,
  'incremental-training': plugin,
  'gpu-training': plugin,
  'replay-buffers': plugin,
}
/** Packages that also run in a browser: no Node-only module in the files that their index reaches statically. */
const BROWSER = ['core', 'indicators', 'backtest', 'adaptive-sampling', 'replay-buffers']

const problems = []
const files = []
const walk = (dir) => {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory() && entry.name !== 'node_modules' && entry.name !== 'dist') walk(path)
    else if (/\.tsx?$/.test(entry.name)) files.push(path)
  }
}
walk(join(root, 'src'))
for (const name of readdirSync(join(root, 'packages')))
  for (const part of ['src', 'testing'])
    if (existsSync(join(root, 'packages', name, part))) walk(join(root, 'packages', name, part))

const IMPORT =
  /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|(\bimport\()\s*['"]([^'"]+)['"]/g
const graph = new Map() // static imports of values between files
const nodeOnly = new Map()
for (const file of files) {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
  const place = relative(root, file)
  const owner = place.startsWith('packages/') ? place.split('/')[1] : undefined
  const edges = []
  for (const [, keyword, typeOnly, from, dynamic, lazy] of text.matchAll(IMPORT)) {
    const target = from ?? lazy
    if (target.startsWith('.')) {
      const path = resolve(dirname(file), target)
      if (keyword !== undefined && typeOnly === undefined) edges.push(path)
      if (owner !== undefined && !path.startsWith(join(root, 'packages', owner)))
        problems.push(`${place} reaches out of its package: ${target}`)
      if (dynamic === undefined && !/\.(ts|json)$/.test(target))
        problems.push(`${place} imports without an extension: ${target}`)
      continue
    }
    if (target.startsWith('node:') && keyword !== undefined && typeOnly === undefined) nodeOnly.set(file, target)
    const inside =
      /^@tradewright\/([a-z-]+)/.exec(target)?.[1] ?? (target === 'tradewright' ? 'tradewright' : undefined)
    if (inside === undefined || inside === owner || owner === undefined) continue
    const allowed = ALLOWED[owner]
    if (allowed === undefined) problems.push(`packages/${owner} has no line in scripts/check-layers.mjs`)
    else if (!allowed.includes(inside))
      problems.push(`${place} imports ${target}: ${owner} may import ${allowed.join(', ') || 'nothing'}`)
  }
  graph.set(file, edges)
}

const state = new Map()
const visit = (file, path) => {
  if (state.get(file) === 'done') return
  if (state.get(file) === 'open') {
    const circle = [...path.slice(path.indexOf(file)), file].map((f) => relative(root, f))
    problems.push(`circle: ${circle.join(' -> ')}`)
    return
  }
  state.set(file, 'open')
  for (const next of graph.get(file) ?? []) visit(next, [...path, file])
  state.set(file, 'done')
}
for (const file of graph.keys()) visit(file, [])

for (const name of BROWSER) {
  const entry = join(root, 'packages', name, 'src/index.ts')
  const seen = new Set()
  const reach = (file) => {
    if (seen.has(file)) return
    seen.add(file)
    if (nodeOnly.has(file))
      problems.push(
        `${relative(root, file)} imports ${nodeOnly.get(file)}, but ${name} also runs in a browser: import it lazily`,
      )
    for (const next of graph.get(file) ?? []) reach(next)
  }
  if (existsSync(entry)) reach(entry)
}

if (problems.length > 0) {
  console.error([...new Set(problems)].join('\n'))
  process.exit(1)
}
console.log(`layers: ${files.length} files, imports only go down`)
