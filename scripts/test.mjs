// Everything that must hold: types, lint, layers, dead code, the builds and what they pack, and every test.
// Ends with the count of the test runner's own report. `--fast` leaves out the builds and what needs them.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publishable, root } from './packages.mjs'

const fast = process.argv.includes('--fast')
const failures = []

function step(name, command, args, env = {}) {
  const begun = Date.now()
  console.log(`\n== ${name}`)
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  const seconds = ((Date.now() - begun) / 1000).toFixed(1)
  console.log(`== ${name}: ${status === 0 ? 'ok' : `failed (${signal ?? status})`} in ${seconds} s`)
  if (status !== 0) failures.push(name)
  return status === 0
}

/** Like step, beside others: prints only what failed. */
async function quietStep(name, command, args) {
  const begun = Date.now()
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [status] = await once(child, 'close')
  const seconds = ((Date.now() - begun) / 1000).toFixed(1)
  console.log(`== ${name}: ${status === 0 ? 'ok' : `failed (${status})\n${output}`} in ${seconds} s`)
  if (status !== 0) failures.push(name)
}

const bin = (name) => join(root, 'node_modules/.bin', name)
step('types', bin('tsc'), ['-p', 'tsconfig.json'])
step('types of tests', bin('tsc'), ['-p', 'tsconfig.test.json'])
step('lint', bin('biome'), ['check', '--error-on-warnings', '.'])
step('layers', process.execPath, ['scripts/check-layers.mjs'])
step('dead code', bin('knip'), [])
if (!fast && step('build', process.execPath, ['scripts/build.mjs'])) {
  const waiting = publishable()
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await quietStep(`publint ${next.manifest.name}`, bin('publint'), ['--strict', next.dir])
      const attw = ['--pack', next.dir, '--profile', 'node16', '--quiet']
      await quietStep(`types as packed ${next.manifest.name}`, bin('attw'), attw)
    }
  }
  await Promise.all([lane(), lane()])
}

const scratch = mkdtempSync(join(tmpdir(), 'tradewright-test-'))
const report = join(scratch, 'report.json')
step(
  'tests',
  bin('vitest'),
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  fast ? {} : { TRADEWRIGHT_DIST: '1' },
)
let line = 'tests: 0 passed, 1 failed'
try {
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  )
  // A file that could not even be loaded has no failed test, but it failed.
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((t) => t.status !== 'failed'),
  ).length
  if (numFailedTestSuites > 0) failures.push('test files')
  line = `tests: ${numPassedTests} passed, ${numFailedTests + broken} failed, ${numPendingTests} skipped`
} catch (error) {
  failures.push(`the test runner left no report: ${error.message}`)
}
rmSync(scratch, { recursive: true, force: true })
if (failures.length > 0) console.log(`\nfailed: ${[...new Set(failures)].join(', ')}`)
console.log(line)
process.exitCode = failures.length > 0 ? 1 : 0
