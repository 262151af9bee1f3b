import { readFileSync } from 'node:fs'

/** The version of this package: from the manifest beside `dist` or `src`. */
export function packageVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'))
      const { name, version } = manifest as { readonly name?: string; readonly version?: string }
      if (name === 'tradewright' && version !== undefined) return version
    } catch {
      // the other place
    }
  }
  return '0.0.0'
}
