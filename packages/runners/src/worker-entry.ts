import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** A file that a worker starts with, and what node needs to start it. */
export interface WorkerEntry {
  readonly file: string
  readonly execArgv: readonly string[]
}

/** Options for node that a worker needs when everything runs from source. */
const sourceArgv = (): readonly string[] => [
  ...process.execArgv.flatMap((arg, i, all) => {
    // Both forms: --conditions=name, and --conditions name (also -C name).
    if (/^(--conditions|-C)=/.test(arg)) return [arg]
    return /^(--conditions|-C)$/.test(arg) && all[i + 1] !== undefined ? [`--conditions=${all[i + 1]}`] : []
  }),
  '--import',
  'tsx',
]

function fileOf(url: URL): string | undefined {
  if (url.protocol !== 'file:') return undefined
  const path = fileURLToPath(url)
  return existsSync(path) ? path : undefined
}

/** The folder of this package as it was installed, for an application that was bundled into one file. */
function installedFolder(): string | undefined {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'index.js')).href]) {
    if (!from.startsWith('file:')) continue
    try {
      return dirname(createRequire(from).resolve('@tradewright/runners/package.json'))
    } catch {
      // not installed beside that place
    }
  }
  return undefined
}

/**
 * Finds a worker's file: beside this one (source or built), else in the installed package, for a bundled application.
 * Undefined where there is none: then the work runs in line.
 */
export function findWorker(name: 'worker' | 'process-worker'): WorkerEntry | undefined {
  if (import.meta.url.endsWith('.ts')) {
    const source = fileOf(new URL(`./${name}.ts`, import.meta.url))
    if (source !== undefined) return { file: source, execArgv: sourceArgv() }
  }
  const beside = fileOf(new URL(`./${name}.js`, import.meta.url))
  if (beside !== undefined) return { file: beside, execArgv: [] }
  const folder = installedFolder()
  if (folder === undefined) return undefined
  const installed = join(folder, 'dist', `${name}.js`)
  return existsSync(installed) ? { file: installed, execArgv: [] } : undefined
}
