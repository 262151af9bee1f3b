// What `npm start` runs, in a folder of its own, twice: the second run answers from the disk cache.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const scratch = await mkdtemp(join(tmpdir(), 'tradewright-main-'))
afterAll(() => rm(scratch, { recursive: true, force: true }))

const run = (): string =>
  execFileSync(
    process.execPath,
    [
      '--conditions=@tradewright/source',
      '--import',
      join(root, 'node_modules/tsx/dist/esm/index.mjs'),
      join(root, 'examples/main-job.ts'),
    ],
    { cwd: scratch, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, NODE_OPTIONS: '' } },
  )

it('tunes three strategies on the S&P 500, and answers from the disk cache the second time', () => {
  const first = run()
  for (const name of ['SMA cross', 'RSI reversion', 'Bollinger breakout']) {
    expect(first).toMatch(new RegExp(`${name} +in-sample +.*%`))
    expect(first).toMatch(new RegExp(`${name}: .* in-sample; deflated Sharpe ratio 0\\.\\d\\d over (399|400) trials`))
  }
  expect(first).toContain('in-sample 3,573 bars 2000-01-03 to 2014-03-18, held out 1,532 bars 2014-03-19 to 2020-04-17')
  expect(first).toContain('252 bars a year')
  expect(first).not.toContain('nothing was computed again')
  const report = join(scratch, 'reports/main-job.html')
  expect(first).toContain(`Report: ${report}`)
  expect(readFileSync(report, 'utf8').match(/data-chart="[^"]+"/g)).toHaveLength(6)
  const second = run()
  expect(second).toMatch(
    /All 1,212 evaluations were answered from the cache, [\d,]+ of them from disk: nothing was computed again\./,
  )
  const table = (output: string): string => output.slice(0, output.indexOf('S&P 500 1d'))
  expect(table(second)).toBe(table(first))
  expect(readFileSync(report, 'utf8')).toContain('nothing was computed again')
})
