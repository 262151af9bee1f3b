// The workspace's publishable packages, in an order in which each comes after what it imports.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

const read = (dir) => ({ dir, manifest: JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) })

/** @returns {{ dir: string, manifest: any }[]} */
export function publishable() {
  const found = readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .filter((dir) => existsSync(join(dir, 'package.json')) && existsSync(join(dir, 'src/index.ts')))
    .map(read)
  const all = [...found, read(root)]
  const names = new Map(all.map((p) => [p.manifest.name, p]))
  const ordered = []
  const visit = (pkg) => {
    if (ordered.includes(pkg)) return
    for (const dependency of Object.keys({ ...pkg.manifest.dependencies, ...pkg.manifest.optionalDependencies })) {
      const inside = names.get(dependency)
      if (inside !== undefined) visit(inside)
    }
    ordered.push(pkg)
  }
  for (const pkg of all) visit(pkg)
  return ordered
}
