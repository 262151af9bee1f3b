import { accessSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { formatBytes } from '../report/number-format.ts'
import { textTable } from '../terminal/text-table.ts'
import { type CommandContext, toJson, writeLine } from './command-context.ts'
import { exitCodes, exitCodesHelp } from './exit-codes.ts'

/** One thing that this machine has or lacks. */
export interface DoctorCheck {
  readonly name: string
  /** 'no' of something that is needed fails the check-up; 'absent' of something optional does not. */
  readonly state: 'ok' | 'absent' | 'no'
  readonly found: string
  /** What it is for, and how to get it where it is not there. */
  readonly advice: string
}

/** Oldest supported Node. */
const NODE: readonly [number, number] = [20, 19]

// A module whose one function does i32x4.splat: it validates only where SIMD is supported.
const SIMD = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 17, 11],
)

// The compiler's library for Node has no WebAssembly.
const wasm = globalThis as unknown as { readonly WebAssembly?: { validate(bytes: Uint8Array): boolean } }

/** Packages that Tradewright uses where they are installed. */
const OPTIONAL: readonly { readonly name: string; readonly use: string }[] = [
  { name: 'apache-arrow', use: 'tables in and out (Arrow)' },
]

function nodeCheck(): DoctorCheck {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const fits = major > NODE[0] || (major === NODE[0] && minor >= NODE[1])
  return {
    name: 'Node',
    state: fits ? 'ok' : 'no',
    found: process.versions.node,
    advice: `needed: ${NODE.join('.')} or newer (nodejs.org)`,
  }
}

function optionalCheck(require: NodeJS.Require, { name, use }: (typeof OPTIONAL)[number]): DoctorCheck {
  try {
    require.resolve(name)
    return { name, state: 'ok', found: 'installed', advice: use }
  } catch {
    return { name, state: 'absent', found: 'not installed', advice: `${use}: npm install ${name}` }
  }
}

function writableCheck(directory: string): DoctorCheck {
  try {
    accessSync(directory, constants.W_OK)
    return {
      name: 'disk cache',
      state: 'ok',
      found: `${directory} can be written`,
      advice: 'results outlive the process',
    }
  } catch {
    return {
      name: 'disk cache',
      state: 'absent',
      found: `${directory} cannot be written`,
      advice: 'runs go on without it; choose a folder with --cache <dir>',
    }
  }
}

/** Looks at this machine. */
export function checkMachine(directory: string): readonly DoctorCheck[] {
  const cores = availableParallelism()
  const memory = totalmem()
  const require = createRequire(join(directory, 'package.json'))
  const simd = wasm.WebAssembly?.validate(SIMD) === true
  return [
    nodeCheck(),
    {
      name: 'cores',
      state: 'ok',
      found: `${cores} (${cpus()[0]?.model.trim() ?? 'unknown'})`,
      advice: cores > 1 ? 'workers use them once a search takes long' : 'everything runs in one thread',
    },
    {
      name: 'memory',
      state: memory < 1024 ** 3 ? 'absent' : 'ok',
      found: `${formatBytes(memory)}, ${formatBytes(freemem())} free`,
      advice: memory < 1024 ** 3 ? 'below 1 GiB: load fewer symbols at a time' : 'bars take 48 bytes each',
    },
    {
      name: 'WebAssembly SIMD',
      state: simd ? 'ok' : 'absent',
      found: simd ? 'supported' : 'not supported',
      advice: 'fast kernels; plain ones are used without it',
    },
    writableCheck(directory),
    ...OPTIONAL.map((each) => optionalCheck(require, each)),
  ]
}

async function doctor(flags: { readonly json?: boolean }, { stdout }: CommandContext): Promise<number> {
  const checks = checkMachine(process.cwd())
  const healthy = checks.every(({ state }) => state !== 'no')
  if (flags.json === true) writeLine(stdout, toJson({ healthy, checks }))
  else {
    const heads = ['', 'what', 'found', 'advice']
    const mark = { ok: '✓', absent: '–', no: '✗' } as const
    writeLine(
      stdout,
      textTable(
        heads.map((head) => ({ head, align: 'left' })),
        checks.map(({ name, state, found, advice }) => [mark[state], name, found, advice]),
      ),
    )
  }
  return healthy ? exitCodes.done : exitCodes.failed
}

/** Adds `tradewright doctor`. */
export function addDoctorCommand(
  program: Command,
  run: (work: (context: CommandContext) => Promise<number>) => Promise<void>,
): void {
  program
    .command('doctor')
    .description('what this machine has: cores, memory, Node, WASM SIMD, optional engines, each with how to get it')
    .option('--json', 'print JSON')
    .addHelpText('after', exitCodesHelp)
    .action((flags: { readonly json?: boolean }) => run((context) => doctor(flags, context)))
}
