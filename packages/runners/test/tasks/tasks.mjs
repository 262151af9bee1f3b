// Tasks that behave well and badly, for the pools' tests.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { isMainThread, threadId } from 'node:worker_threads'

export const double = ({ n }) => ({ n: n * 2, thread: threadId, main: isMainThread, pid: process.pid })
export const slow = async ({ ms, n = 0 }) => {
  const until = performance.now() + ms
  while (performance.now() < until);
  return n
}
const attempt = (file) => {
  appendFileSync(file, 'x')
  return readFileSync(file, 'utf8').length
}
export const failsOnce = ({ file, how }) => (attempt(file) === 1 ? misbehave(how) : 'second time')
export const failsAlways = ({ file, how }) => {
  attempt(file)
  return misbehave(how)
}
function misbehave(how) {
  if (how === 'throws') throw Object.assign(new TypeError('bad luck'), { details: { luck: 0 } })
  if (how === 'tradewright') {
    const error = Object.assign(new Error('[BAD_DATA] rows must ascend, was 3'), {
      code: 'BAD_DATA',
      details: { row: 3 },
    })
    Object.defineProperty(error, Symbol.for('tradewright.error'), { value: true })
    throw error
  }
  if (how === 'exits') process.exit(3)
  if (how === 'killed') process.kill(process.pid, 'SIGKILL')
  if (how === 'loops') for (;;);
  if (how === 'memory') {
    const kept = []
    for (;;) kept.push(new Array(100_000).fill(Math.sqrt(kept.length)))
  }
  if (how === 'uncloneable') return () => 1
  return undefined
}
export const bytes = (_data, { shared }) => shared.map((memory) => memory.byteLength)
export const write = (_data, { shared }) => {
  new Int32Array(shared[0])[0] = 42
}
export const grow = ({ mb }) => {
  globalThis.kept = Buffer.alloc(mb * 1024 ** 2, 1)
  return process.pid
}
export const order = ({ file, name }) => appendFileSync(file, name)
export const exists = ({ file }) => existsSync(file)
export const environment = ({ name }) => process.env[name]
export const notAFunction = 3
