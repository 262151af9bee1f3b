import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { TradewrightError } from '@tradewright/core'
import type { Command } from 'commander'
import { type CommandContext, writeLine } from './command-context.ts'
import { exitCodes, exitCodesHelp } from './exit-codes.ts'
import { packageVersion } from './package-version.ts'
import { starterFiles } from './starter.ts'

/** Name of a package, as npm packs it: `tradewright-core-0.1.0.tgz` is `@tradewright/core`. */
function packageOf(tarball: string): string | undefined {
  const match = /^tradewright(?:-([a-z-]+?))?-\d+\.\d+\.\d+[^/]*\.tgz$/.exec(tarball)
  if (match === null) return undefined
  return match[1] === undefined ? 'tradewright' : `@tradewright/${match[1]}`
}

/** Packed tarballs of a folder as `file:` dependencies of a project. */
async function localDependencies(folder: string, project: string): Promise<Record<string, string>> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new TradewrightError(
      'NOT_FOUND',
      `--local must be a folder of packed tarballs, was '${folder}'`,
      {},
      { cause },
    )
  })
  const found = names.flatMap((file) => {
    const name = packageOf(file)
    return name === undefined ? [] : [[name, `file:${relative(project, resolve(folder, file))}`] as const]
  })
  const dependencies = Object.fromEntries(found)
  if (dependencies.tradewright === undefined)
    throw new TradewrightError('NOT_FOUND', `--local must hold tradewright-<version>.tgz, '${folder}' does not`, {
      folder,
    })
  return dependencies
}

async function init(dir: string, flags: { readonly local?: string }, { stdout }: CommandContext): Promise<number> {
  const project = resolve(dir)
  if (existsSync(project) && (await readdir(project)).length > 0)
    throw new TradewrightError('BAD_OPTION', `init needs a new or empty folder, '${dir}' has files in it`, { dir })
  const dependencies =
    flags.local === undefined ? { tradewright: `^${packageVersion()}` } : await localDependencies(flags.local, project)
  const name =
    basename(project)
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'strategy'
  for (const { path, text } of starterFiles({ name, dependencies })) {
    await mkdir(dirname(join(project, path)), { recursive: true })
    await writeFile(join(project, path), text, { flag: 'wx' })
  }
  writeLine(stdout, `made ${dir}: strategy.ts, package.json, README.md, data/DEMO-1d.csv`)
  writeLine(stdout, `next: cd ${dir} && npm install && npm start`)
  return exitCodes.done
}

/** Adds `tradewright init`. */
export function addInitCommand(
  program: Command,
  run: (work: (context: CommandContext) => Promise<number>) => Promise<void>,
): void {
  program
    .command('init')
    .argument('<dir>', 'folder to make')
    .description('write a starter: a strategy, bars made from a seed, package.json and README')
    .option('--local <dir>', 'for development of Tradewright: depend on the packed tarballs in this folder')
    .addHelpText('after', exitCodesHelp)
    .action((dir: string, flags: { readonly local?: string }) => run((context) => init(dir, flags, context)))
}
