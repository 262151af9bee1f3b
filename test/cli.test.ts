// The command as users run it: in real processes where processes matter, else in this one.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { diskCache } from '@tradewright/backtest-cache'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../src/cli/run-cli.ts'

const root = join(import.meta.dirname, '..')
const tsx = join(root, 'node_modules/tsx/dist/esm/index.mjs')
const scratch = await mkdtemp(join(tmpdir(), 'tradewright-cli-'))
const project = join(scratch, 'my project')

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Run>
}

function start(args: readonly string[], cwd: string = scratch, onError?: (text: string) => void): Running {
  const child = spawn(
    process.execPath,
    ['--conditions=@tradewright/source', '--import', tsx, join(root, 'src/cli.ts'), ...args],
    { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } },
  )
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    onError?.(stderr)
  })
  const ended = new Promise<Run>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
  return { child, ended }
}

const spawned = (args: readonly string[], cwd?: string): Promise<Run> => start(args, cwd).ended

/** The same in this process, in the starter's folder. */
async function run(args: readonly string[]): Promise<Run> {
  const text = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (chunk: string) => {
      text[name] += chunk
    },
  })
  const never = new AbortController().signal
  const before = process.cwd()
  process.chdir(existsSync(project) ? project : scratch)
  try {
    const code = await runCli(args, { stdout: stream('stdout'), stderr: stream('stderr'), stop: never, signal: never })
    return { code, ...text }
  } finally {
    process.chdir(before)
  }
}
const market = ['--strategy', 'strategy.ts', '--data', 'data', '--symbol', 'DEMO', '--calendar', 'crypto']

beforeAll(async () => {
  expect(await spawned(['init', 'my project'])).toMatchObject({ code: 0, stderr: '' })
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

describe('init', () => {
  it('writes a starter whose bars are the same everywhere', () => {
    const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
    expect(manifest).toMatchObject({ name: 'my-project', scripts: { start: expect.stringContaining('optimize') } })
    const bars = readFileSync(join(project, 'data/DEMO-1d.csv'), 'utf8').trim().split('\n')
    expect(bars).toHaveLength(1501)
    expect(bars[1].startsWith('2020-01-01,100.0000,')).toBe(true)
  })

  it('never writes over what is there', async () => {
    const { code, stderr } = await run(['init', '.'])
    expect(code).toBe(2)
    expect(stderr).toContain('[BAD_OPTION] init needs a new or empty folder')
  })
})

describe('optimize', () => {
  it('gives the same result in two processes, one of them from the cache, and writes report and strategy', async () => {
    const flags = ['optimize', ...market, '--trials', '30', '--json', '--quiet']
    const cold = await spawned([...flags, '--no-cache'], project)
    expect(cold.code).toBe(0)
    const warm = await spawned([...flags, '--out', 'r.html', '--save', 'b.json'], project)
    expect(warm.code).toBe(0)
    const [first, second] = [cold, warm].map(({ stdout }) => JSON.parse(stdout).results[0])
    expect(second.best).toEqual(first.best)
    expect(second.validation).toEqual(first.validation)
    expect(first).toMatchObject({
      strategy: 'sma-cross',
      symbols: ['DEMO'],
      timeframe: '1d',
      trials: 30,
      why: 'budget',
    })
    expect(readFileSync(join(project, 'r.html'), 'utf8')).toContain('<!doctype html>')
    expect(JSON.parse(readFileSync(join(project, 'b.json'), 'utf8')).params).toEqual(first.best.params)
  })

  it('prints a table, and plain lines of progress where there is no terminal', async () => {
    const { code, stdout, stderr } = await run(['optimize', ...market, '-n', '20', '--seed', '3', '--no-cache'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/strategy +bars +return +Sharpe +drawdown +trades +buy & hold/)
    expect(stdout).toMatch(/sma-cross +in-sample .+\n +held out /)
    expect(stdout).toContain('365 bars a year')
    expect(stderr).toContain('sma-cross  20/20 trials')
    expect(stderr).not.toContain('\u001b')
  })

  it('ends in order at Ctrl-C, and prints and writes what is finished', async () => {
    let told = false
    const flags = ['optimize', ...market, '-n', '5000000', '--json', '--no-cache', '--out', 'stopped.html']
    const { child, ended } = start(flags, project, (stderr) => {
      if (told || !/ \d{2,}\/5000000 trials/.test(stderr)) return
      told = true
      child.kill('SIGINT')
    })
    const { code, stdout, stderr } = await ended
    expect(code).toBe(130)
    const { interrupted, results } = JSON.parse(stdout)
    expect(interrupted).toBe(true)
    expect(results[0].why).toBe('stopped')
    expect(results[0].trials).toBeGreaterThan(9)
    expect(results[0].trials).toBeLessThan(5_000_000)
    expect(stderr).toContain(`interrupted: ${results[0].trials} trials were finished`)
    expect(existsSync(join(project, 'stopped.html'))).toBe(true)
  })

  it('ends at once at the second Ctrl-C', async () => {
    let signals = 0
    const { child, ended } = start(['optimize', ...market, '-n', '5000000', '--no-cache'], project, (stderr) => {
      const due = /5000000 trials/.test(stderr) ? (stderr.includes('once more') ? 2 : 1) : 0
      if (signals < due) {
        signals++
        child.kill('SIGINT')
      }
    })
    expect((await ended).code).toBe(130)
  })

  it.each([
    [['--trails', '3'], 2, "error: unknown option '--trails'"],
    [['--trials', 'many'], 2, 'must be a number'],
    [['--objective', 'sharp'], 2, "did you mean 'sharpe'?"],
    [['--params', '{"fats":3}'], 2, "did you mean 'fast'?"],
    [['--symbol', 'DEMOS'], 1, "did you mean 'DEMO'?"],
    [['--strategy', 'strategi.ts'], 1, "did you mean 'strategy.ts'?"],
    [['--export', 'smaCros'], 2, "did you mean 'smaCross'?"],
    [['--data', 'dat'], 1, '[NOT_FOUND]'],
  ])('refuses %j with code %i', async (flags, expected, text) => {
    const { code, stdout, stderr } = await run(['optimize', ...market, '--no-cache', ...flags])
    expect(stderr).toContain(text)
    expect(code).toBe(expected)
    expect(stdout).toBe('')
    expect(stderr).not.toContain('    at ')
  })

  const head = 'date,open,high,low,close,volume\n'
  it.each([
    ['no close', 'date,open,high,low,volume\n2024-01-01,1,1,1,1\n', /column.*close/],
    ['unsorted', `${head}2024-01-02,1,1,1,1,1\n2024-01-01,1,1,1,1,1\n`, /line 3/],
    ['twice the same day', `${head}2024-01-01,1,1,1,1,1\n2024-01-01,1,1,1,1,1\n`, /line 3/],
    ['a NaN', `${head}2024-01-01,1,1,1,1,1\n2024-01-02,1,1,NaN,1,1\n`, /line 3, column 'low'/],
    ['nothing', '', /empty|no rows|header/i],
    ['a head alone', head, /row|bars/i],
  ])('refuses a CSV file with %s, with its place', async (_what, text, place) => {
    await writeFile(join(project, 'bad.csv'), text)
    const { code, stderr } = await run(['optimize', '-s', 'strategy.ts', '-d', 'bad.csv', '-c', 'crypto', '--no-cache'])
    expect(stderr).toMatch(/^\[BAD_DATA\] /)
    expect(stderr).toMatch(place)
    expect(code).toBe(1)
  })

  it('wants the calendar stated', async () => {
    const { code, stderr } = await run(['optimize', ...market.slice(0, -2)])
    expect(code).toBe(2)
    expect(stderr).toContain('--calendar must be stated (crypto, equity, fx)')
  })

  it('says what a broken strategy module did', async () => {
    await writeFile(join(project, 'broken.ts'), "throw new Error('not today')\n")
    const { code, stderr } = await run(['optimize', ...market, '--strategy', 'broken.ts'])
    expect(code).toBe(1)
    expect(stderr).toContain("[BAD_STRATEGY] 'broken.ts' could not be loaded: not today")
  })

  it("runs an indicator that the strategy's own module defines", async () => {
    await writeFile(
      join(project, 'own.ts'),
      `import { defineIndicator, defineStrategy, int } from 'tradewright'
const middle = defineIndicator({ name: 'middle', version: '1', kernel: { compute: ([h, l]) => h.map((v, i) => (v + l[i]) / 2) } })
export const own = defineStrategy({
  name: 'own', params: { lag: int(1, 9) },
  signals: ({ high, low, close }, { lag }) => ({ long: close.gt(middle([high, low]).lag(lag)) }),
})
`,
    )
    const { code, stdout, stderr } = await spawned(
      ['optimize', ...market, '--strategy', 'own.ts', '-n', '9', '--json', '-q', '--no-cache'],
      project,
    )
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(JSON.parse(stdout).results[0].stats).toMatchObject({ done: 9, failed: 0 })
  })
})

describe('backtest', () => {
  const flags = ['backtest', ...market, '--params', '{"fast":10,"slow":50,"stop":0.05}']

  it('prints metrics, or everything as JSON', async () => {
    const json = JSON.parse((await run([...flags, '--json'])).stdout)
    expect(json.metrics.trades).toBe(json.trades.length)
    expect(json.barsPerYear).toBe(365)
    const { code, stdout } = await run([...flags, '--orders'])
    expect(code).toBe(0)
    expect(stdout).toContain('365 bars a year')
    expect(stdout.match(/\n\d{4}-\d\d-\d\d \d\d:\d\d +(buy|sell) /g)).toHaveLength(json.orders.length)
  })

  it('refuses missing parameters', async () => {
    const { code, stderr } = await run(['backtest', ...market])
    expect(code).toBe(2)
    expect(stderr).toContain("parameter 'fast' must be given")
  })
})

describe('cache', () => {
  it('shows, verifies, prunes and clears what a run kept', async () => {
    const dir = join(project, 'kept')
    const json = async (...args: string[]) => JSON.parse((await run(['cache', ...args, '--dir', dir, '--json'])).stdout)
    const missing = await run(['cache', 'stats', '--dir', dir])
    expect(missing).toMatchObject({ code: 1, stdout: '' })
    expect(missing.stderr).toContain('[NOT_FOUND]')
    const cache = await diskCache({ directory: dir })
    await cache.setMany([{ key: 'a'.repeat(32), value: Uint8Array.of(1, 2, 3), costMs: 1 }])
    await cache[Symbol.asyncDispose]()
    expect(await json('stats')).toMatchObject({ action: 'stats', entries: 1 })
    expect(await json('verify')).toMatchObject({ entries: 1, damaged: 0 })
    expect((await run(['cache', 'clear', '--dir', dir])).stdout).toMatch(/1 entries removed/)
    expect(await json('prune', '--max-bytes', '0')).toMatchObject({ entries: 0, removed: 0 })
  })
})

describe('doctor', () => {
  it('says what this machine has', async () => {
    const { code, stdout } = await run(['doctor', '--json'])
    expect(code).toBe(0)
    const { healthy, checks } = JSON.parse(stdout)
    expect(healthy).toBe(true)
    const find = (name: string) => checks.find((check: { name: string }) => check.name === name)
    expect(find('Node').found).toBe(process.versions.node)
    expect(find('WebAssembly SIMD').state).toBe('ok')
  })
})

describe('--help', () => {
  it.each([[[]], [['init']], [['optimize']], [['backtest']], [['doctor']], [['cache']], [['cache', 'prune']]])(
    'of %j names flags and exit codes',
    async (command) => {
      const { code, stdout } = await run([...command, '--help'])
      expect(code).toBe(0)
      expect(stdout).toContain('Usage: tradewright')
      expect(stdout).toMatch(/Exit codes:\n {2}0 {4}done\n {2}1 {4}failed.*\n {2}2 .*\n {2}130 /)
    },
  )
})
