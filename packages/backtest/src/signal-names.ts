import { unknownName } from '@tradewright/core'
import type { NodeKind } from './operation.ts'

/** Forms of signals, as bits. */
const EVENTS = 1
const STATES = 2
const TARGET = 4

interface SignalKind {
  readonly form: number
  readonly kind: NodeKind
}

const SIGNALS: ReadonlyMap<string, SignalKind> = new Map<string, SignalKind>([
  ['entry', { form: EVENTS, kind: 'boolean' }],
  ['exit', { form: EVENTS, kind: 'boolean' }],
  ['shortEntry', { form: EVENTS, kind: 'boolean' }],
  ['shortExit', { form: EVENTS, kind: 'boolean' }],
  ['long', { form: STATES, kind: 'boolean' }],
  ['short', { form: STATES, kind: 'boolean' }],
  ['target', { form: TARGET, kind: 'value' }],
])

/** Which form a signal's name belongs to and what it must be. @throws TradewrightError `UNKNOWN_NAME`. */
export function signalKind(name: string): SignalKind {
  const known = SIGNALS.get(name)
  if (known === undefined) throw unknownName('signal', name, SIGNALS.keys())
  return known
}
