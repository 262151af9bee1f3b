// What the documents say exists: names that they import, files that they link to, defaults that they state.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import * as tradewright from 'tradewright'
import { describe, expect, it } from 'vitest'
import { resolveConfiguration } from '../src/configuration.ts'

const root = join(import.meta.dirname, '..')
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`),
].filter((file) => file.endsWith('.md'))

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(root, document), 'utf8')

  it('links only to what is there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, link]) => link)
    const missing = links.filter((link) => !existsSync(resolve(root, dirname(document), link)))
    expect(missing).toEqual([])
  })

  it("imports only what 'tradewright' exports", () => {
    const names = [...text.matchAll(/import \{([^}]+)\} from 'tradewright'/g)]
      .flatMap(([, list]) => list.split(','))
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type '))
    expect(names.filter((name) => !(name in tradewright))).toEqual([])
  })
})

describe('docs/configuration.md', () => {
  const text = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
  const load = (): Promise<never> => Promise.reject(new Error('not asked'))
  const config = resolveConfiguration({ dataSource: { name: 'none', load } })

  it.each([
    ...Object.entries(config.training).filter(([, value]) => typeof value === 'number'),
    ['maxCacheSize', config.computationalOptimization.caching.maxCacheSize],
    ['cacheTtl', config.computationalOptimization.caching.cacheTtl],
  ])('states the default of %s', (name, value) => {
    expect(text).toMatch(new RegExp(`\\| \`${name}\` +\\| ${value} `))
  })
})
