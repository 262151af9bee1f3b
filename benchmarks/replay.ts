// The table of the replay buffers: our figures, and in the same run what a peer or a plain form takes here; beside them
// what was recorded on other machines. A regression here makes every agent's training slower by as much.
//   npm run bench:replay
// TorchRL's tree is written in C (replay-peers.c, needs gcc); Stable-Baselines3's statements are run in numpy and torch, and
// cpprb where it is installed (replay-peers.py, needs PYTHON or python3 with numpy). What is missing is left out.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  addMany,
  addOne,
  cycle,
  plainAdd,
  plainGather,
  uniformSample,
} from '../packages/replay-buffers/bench/measure.ts'

const here = process.env.BENCHMARKS ?? import.meta.dirname

/** Figures by name that a program printed, one a line; none where it did not run. */
function run(command: string, args: readonly string[]): ReadonlyMap<string, string> {
  const { stdout, status } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) return new Map()
  return new Map(stdout.split('\n').map((line) => line.split(' ', 2) as [string, string]))
}

function peers(): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'replay-peers-'))
  const tree = join(folder, 'peers')
  const compiled = spawnSync('gcc', ['-O3', '-march=native', '-o', tree, join(here, 'replay-peers.c'), '-lm'])
  const figures = [
    ...(compiled.status === 0 ? run(tree, []) : []),
    ...run(process.env.PYTHON ?? 'python3', [join(here, 'replay-peers.py')]),
  ]
  rmSync(folder, { recursive: true })
  return new Map(figures)
}

const us = (value: number): string => (value < 1 ? value.toFixed(3) : value.toFixed(1))
const both = (values: readonly number[]): string => values.map(us).join(' / ')

const inSameRun = peers()
const peer = (...names: readonly string[]): string => {
  const found = names.flatMap((name) => {
    const figure = inSameRun.get(name)
    return figure === undefined ? [] : [us(Number(figure))]
  })
  return found.length < names.length ? '' : found.join(' / ')
}
const sizes = [32, 256]
const batch = sizes.map((size) => cycle({ normalizeBy: 'batch' }, size, true))
const buffer = sizes.map((size) => cycle({ normalizeBy: 'buffer' }, size, true))
const of = (figures: typeof batch, name: keyof (typeof batch)[number]): string => both(figures.map((f) => f[name]))
const beside = (text: string, figure: string): string => (figure === '' ? '' : `${text} ${figure}`)

const head = ['us', 'ours', 'ours, buffer-max', 'in the same run', 'reach', 'recorded: cpprb 11', 'JS trial', 'SB3']
const table = [
  head,
  [
    'add one',
    us(addOne(true, true)),
    '',
    `${beside("SB3's statements", peer('sb3Add'))}; JS without checks ${us(plainAdd())}; ${beside('cpprb', peer('cpprbAdd'))}`,
    '0.03',
    '19.3',
    '0.024 / 0.027',
    '3.3',
  ],
  ['add 256, an item', us(addMany(true)), '', '', '', '0.109', '0.017 to 0.084', ''],
  [
    'sample 32 / 256',
    of(batch, 'sample'),
    of(buffer, 'sample'),
    `${beside("TorchRL's tree in C, no rows", peer('treeSample32', 'treeSample256'))}; ${beside('cpprb', peer('cpprbSample32', 'cpprbSample256'))}`,
    '',
    '36.8 / 244',
    '13.6 / 101',
    '46 / 94',
  ],
  [
    'update 32 / 256',
    of(batch, 'update'),
    of(buffer, 'update'),
    beside("TorchRL's tree in C", peer('treeUpdate32', 'treeUpdate256')),
    '38 with minima',
    '7.1 / 78',
    '1.8 / 17.7',
    '',
  ],
  [
    'cycle 32 / 256',
    of(batch, 'cycle'),
    of(buffer, 'cycle'),
    beside('cpprb', peer('cpprbCycle32', 'cpprbCycle256')),
    '256: 100, buffer 130',
    '51.8 / 337',
    '16.2 / 123',
    '',
  ],
  [
    'uniform sample 256',
    us(uniformSample(true)),
    '',
    `${beside('C gather', peer('gather256'))}; JS gather ${us(plainGather(256))}; ${beside("SB3's statements", peer('sb3Sample256'))}`,
    '35',
    '56',
    '50',
    '94',
  ],
]
for (const [i, row] of table.entries()) {
  console.log(`| ${row.map((cell) => cell.replace(/^(; )+|(; )+$/g, '')).join(' | ')} |`)
  if (i === 0) console.log(`|${row.map(() => '---|').join('')}`)
}
const missing = [
  ...(inSameRun.has('gather256') ? [] : ['no gcc: no tree in C']),
  ...(inSameRun.has('sb3') ? [] : ['no numpy: no statements of SB3']),
  ...(inSameRun.has('cpprbAdd') ? [] : ['cpprb is not installed: recorded figures only']),
]
if (missing.length > 0) console.log(missing.join('; '))
