import { TradewrightError } from '@tradewright/core'

/** A signal's column: a boolean node, or its negation. */
export interface EventRef {
  readonly node: number
  readonly negate: boolean
}

/** Which column opens and closes which side; a signal that is undefined is never true. */
export interface EventPlan {
  readonly kind: 'events'
  readonly longEntry: EventRef | undefined
  readonly longExit: EventRef | undefined
  readonly shortEntry: EventRef | undefined
  readonly shortExit: EventRef | undefined
}

/** A target position: a value node. */
export interface TargetPlan {
  readonly kind: 'target'
  readonly node: number
}

/** How a program's signals drive positions. */
export type SignalPlan = EventPlan | TargetPlan

function ref(node: number | undefined, negate = false): EventRef | undefined {
  return node === undefined ? undefined : { node, negate }
}

function lacks(direction: string, name: string): TradewrightError {
  return new TradewrightError('BAD_STRATEGY', `direction '${direction}' needs a signal '${name}', had none`, {
    direction,
    signal: name,
  })
}

/**
 * The columns that open and close each side.
 *
 * Events: `long` uses `entry` and `exit`. `short` uses `shortEntry` and `shortExit`, or without them `entry` and `exit`
 * for the short side. `both` uses all four, or without short signals `entry` goes long and `exit` goes short.
 * States: a side is entered on every bar where its state is true and left on every bar where it is false.
 *
 * @throws TradewrightError `BAD_STRATEGY` where the signals cannot open any position in this direction.
 */
export function planSignals(
  signals: Readonly<Record<string, number | undefined>>,
  direction: 'long' | 'short' | 'both',
): SignalPlan {
  const { target, long, short, entry, exit, shortEntry, shortExit } = signals
  if (target !== undefined) return { kind: 'target', node: target }
  const none = { longEntry: undefined, longExit: undefined, shortEntry: undefined, shortExit: undefined }
  if (long !== undefined || short !== undefined) {
    if (direction === 'long' && long === undefined) throw lacks(direction, 'long')
    if (direction === 'short' && short === undefined) throw lacks(direction, 'short')
    const longs = direction === 'short' ? {} : { longEntry: ref(long), longExit: ref(long, true) }
    const shorts = direction === 'long' ? {} : { shortEntry: ref(short), shortExit: ref(short, true) }
    return { kind: 'events', ...none, ...longs, ...shorts }
  }
  const separate = shortEntry !== undefined || shortExit !== undefined
  if (direction === 'long') {
    if (entry === undefined) throw lacks(direction, 'entry')
    return { kind: 'events', ...none, longEntry: ref(entry), longExit: ref(exit) }
  }
  if (direction === 'short') {
    if ((separate ? shortEntry : entry) === undefined) throw lacks(direction, separate ? 'shortEntry' : 'entry')
    return separate
      ? { kind: 'events', ...none, shortEntry: ref(shortEntry), shortExit: ref(shortExit) }
      : { kind: 'events', ...none, shortEntry: ref(entry), shortExit: ref(exit) }
  }
  if (entry === undefined && shortEntry === undefined && exit === undefined) throw lacks(direction, 'entry')
  if (!separate) return { kind: 'events', ...none, longEntry: ref(entry), shortEntry: ref(exit) }
  return {
    kind: 'events',
    longEntry: ref(entry),
    longExit: ref(exit),
    shortEntry: ref(shortEntry),
    shortExit: ref(shortExit),
  }
}
