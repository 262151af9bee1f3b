#!/usr/bin/env node
import { runCli } from './cli/run-cli.ts'

// Only here are signals handled: the first Ctrl-C ends in order, the second at once.
const stop = new AbortController()
const abort = new AbortController()
const interrupt = (): void => {
  if (!stop.signal.aborted) {
    process.stderr.write('\nending in order; once more ends at once\n')
    stop.abort(new Error('interrupted'))
  } else abort.abort(new Error('interrupted'))
}
process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)
runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stop: stop.signal,
  signal: abort.signal,
}).then(
  (code) => {
    process.exitCode = code
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    process.exitCode = 1
  },
)
