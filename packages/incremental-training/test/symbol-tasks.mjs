// Functions that train a symbol, as a user's module has them.
import { appendFileSync } from 'node:fs'

export async function train({ symbol, options }, { signal }) {
  signal.throwIfAborted()
  if (options.log !== undefined) appendFileSync(options.log, `${symbol}\n`)
  if (options.fail === symbol) throw new Error(`no bars of ${symbol}`)
  return { symbol, weights: new Float32Array(options.size ?? 3000).fill(symbol.length) }
}

/** Fills memory, and waits until it is looked at. */
export async function hold({ symbol, options }) {
  const bytes = new Uint8Array(options.hold[symbol] ?? 1000).fill(1)
  if (bytes.length > 1000) await new Promise((resolve) => setTimeout(resolve, 5000))
  return { pid: process.pid, bytes: bytes.length }
}
