// What users install: every package packed, installed into an empty project, and used from there in every way.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

interface Package {
  readonly dir: string
  readonly manifest: {
    readonly name: string
    readonly version: string
    readonly exports: Readonly<Record<string, unknown>>
  }
}

const root = join(import.meta.dirname, '../..')

import { publishable } from '../../scripts/packages.mjs'

const packages = publishable() as readonly Package[]
const scratch = mkdtempSync(join(tmpdir(), 'tradewright-packed-'))
const tarballs = join(scratch, 'tarballs')
const consumer = join(scratch, 'consumer')
const contents = new Map<string, readonly string[]>()

function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): string {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}

const bin = (name: string): string => join(root, 'node_modules/.bin', name)

beforeAll(() => {
  mkdirSync(tarballs)
  mkdirSync(consumer)
  for (const { dir, manifest } of packages) {
    const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', tarballs], dir)) as {
      files: { path: string }[]
    }[]
    contents.set(
      manifest.name,
      packed.files.map((f) => f.path),
    )
  }
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  const files = readdirSync(tarballs).map((file) => join(tarballs, file))
  run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', ...files], consumer)
}, 300_000)

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe.each(packages.map((p) => [p.manifest.name, p] as const))('%s as packed', (name, { manifest }) => {
  it('holds its builds, its types and its README, and nothing of the workspace', () => {
    const files = contents.get(name) ?? []
    for (const file of [
      'dist/index.js',
      'dist/index.cjs',
      'dist/index.d.ts',
      'dist/index.d.cts',
      'README.md',
      'package.json',
    ])
      expect(files).toContain(file)
    const foreign = files.filter((f) => !/^(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(f))
    expect(foreign).toEqual([])
  })

  it('loads from ESM and from CJS with the same names', () => {
    const script = `import(${JSON.stringify(name)}).then((m) => console.log(Object.keys(m).filter((k) => k !== 'default' && k !== 'module.exports').sort().join()))`
    const esm = run(process.execPath, ['--input-type=module', '-e', script], consumer).trim()
    const cjs = run(
      process.execPath,
      ['--input-type=commonjs', '-e', `console.log(Object.keys(require(${JSON.stringify(name)})).sort().join())`],
      consumer,
    ).trim()
    expect(esm.length).toBeGreaterThan(0)
    expect(cjs).toBe(esm)
    expect(manifest.exports).toHaveProperty(['./package.json'])
  })
})

const quickStart = readFileSync(join(root, 'examples/quick-start.ts'), 'utf8')

describe('a consumer of the packed tarballs', () => {
  it.each(['node16', 'bundler'])('type-checks under moduleResolution %s', (moduleResolution) => {
    writeFileSync(join(consumer, 'quick-start.ts'), quickStart)
    const imports = packages.map(({ manifest }, i) => `import * as p${i} from '${manifest.name}'`).join('\n')
    writeFileSync(
      join(consumer, 'all.ts'),
      `${imports}\nexport const all: readonly object[] = [${packages.map((_, i) => `p${i}`).join(', ')}]\n`,
    )
    const config = {
      compilerOptions: {
        target: 'ES2022',
        lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
        module: moduleResolution === 'node16' ? 'node16' : 'esnext',
        moduleResolution,
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: ['quick-start.ts', 'all.ts'],
    }
    writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(config))
    expect(run(bin('tsc'), ['-p', '.'], consumer)).toBe('')
  })

  it('runs the quick start, and runs it bundled', () => {
    writeFileSync(join(consumer, 'quick-start.ts'), quickStart)
    run(
      bin('esbuild'),
      ['quick-start.ts', '--format=esm', '--platform=node', '--packages=external', '--outfile=quick-start.mjs'],
      consumer,
    )
    const plain = run(process.execPath, ['quick-start.mjs'], consumer)
    expect(plain.length).toBeGreaterThan(0)
    const bundled = join(scratch, 'bundled')
    mkdirSync(bundled, { recursive: true })
    for (const [format, extension] of [
      ['esm', 'mjs'],
      ['cjs', 'cjs'],
    ] as const) {
      const outfile = join(bundled, `app.${extension}`)
      // Optional engines stay outside: a bundled app has them only where its author installs them.
      const banner =
        format === 'esm'
          ? [
              "--banner:js=import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
            ]
          : []
      const source =
        format === 'cjs' && /^\s*(const .*= )?await /m.test(quickStart) ? wrapTopLevelAwait() : 'quick-start.ts'
      run(
        bin('esbuild'),
        [
          source,
          '--bundle',
          `--format=${format}`,
          '--platform=node',
          '--external:lmdb',
          '--external:apache-arrow',
          '--external:ioredis',
          '--external:koffi',
          '--external:@tensorflow/*',
          ...banner,
          `--outfile=${outfile}`,
        ],
        consumer,
      )
      expect(run(process.execPath, [outfile], bundled)).toBe(plain)
    }
  })

  it('makes a starter that works with npm install and npm start', () => {
    const starter = join(scratch, 'starter')
    run(join(consumer, 'node_modules/.bin/tradewright'), ['init', starter, '--local', tarballs], consumer)
    run('npm', ['install', '--no-audit', '--no-fund'], starter)
    const output = run('npm', ['start'], starter)
    expect(output).toMatch(/sharpe/i)
  }, 180_000)
})

/** A CJS bundle has no top-level await: the quick start's body goes into an async function. */
function wrapTopLevelAwait(): string {
  const lines = quickStart.split('\n')
  const lastImport = lines.findLastIndex((line) => /^(import|\} from)/.test(line))
  const wrapped = [...lines.slice(0, lastImport + 1), 'void (async () => {', ...lines.slice(lastImport + 1), '})()']
  writeFileSync(join(consumer, 'quick-start-wrapped.ts'), wrapped.join('\n'))
  return 'quick-start-wrapped.ts'
}

describe('changesets', () => {
  it('version the workspace root with its packages', () => {
    const copy = join(scratch, 'versions')
    for (const { dir, manifest } of packages) {
      const target = join(copy, dir.slice(root.length))
      mkdirSync(target, { recursive: true })
      writeFileSync(join(target, 'package.json'), JSON.stringify(manifest))
    }
    mkdirSync(join(copy, '.changeset'))
    writeFileSync(join(copy, '.changeset/config.json'), readFileSync(join(root, '.changeset/config.json')))
    writeFileSync(join(copy, '.changeset/try.md'), '---\n"tradewright": minor\n---\n\nA try.\n')
    run('npm', ['install', '--package-lock-only', '--offline', '--no-audit'], copy, {
      npm_config_ignore_scripts: 'true',
    })
    run(bin('changeset'), ['version'], copy)
    const version = (file: string): string =>
      (JSON.parse(readFileSync(join(copy, file), 'utf8')) as { version: string }).version
    const rootPackage = packages.find((p) => p.manifest.name === 'tradewright')
    expect(version('package.json')).not.toBe(rootPackage?.manifest.version)
    expect(version('packages/core/package.json')).toBe(version('package.json'))
    expect(readFileSync(join(copy, 'CHANGELOG.md'), 'utf8')).toContain('A try.')
    expect(existsSync(join(copy, '.changeset/try.md'))).toBe(false)
  })
})
