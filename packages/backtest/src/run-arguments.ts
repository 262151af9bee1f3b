import { type Bars, type IndicatorStore, TradewrightError } from '@tradewright/core'

/** A value for an error message: what JSON loses or refuses is written out. */
export function shown(value: unknown): string {
  if (typeof value === 'string' || (typeof value === 'object' && value !== null))
    try {
      return JSON.stringify(value) ?? typeof value
    } catch {
      return typeof value
    }
  return typeof value === 'function' ? 'a function' : String(value)
}

function refuse(name: string, rule: string, value: unknown): TradewrightError {
  return new TradewrightError('BAD_OPTION', `${name} must be ${rule}, was ${shown(value)}`, { name, value })
}

/** Which bars a run takes, and what else is no simulation option. */
export interface RunOptions {
  readonly warmupStart?: number | undefined
  readonly start?: number | undefined
  readonly end?: number | undefined
  readonly final?: boolean | undefined
  readonly indicators?: IndicatorStore | undefined
}

/** The same, with its defaults. */
export interface RunRange {
  readonly warmupStart: number
  readonly start: number
  readonly end: number
  readonly final: boolean
}

const isColumn = (value: unknown): boolean => value instanceof Float64Array

/**
 * Checks the bars and the options of `backtest` and `sweep` that are no simulation options.
 *
 * @param what who asks, for the message: 'a backtest'.
 * @throws TradewrightError `BAD_OPTION`.
 */
export function checkRun(what: string, bars: Bars, options: RunOptions): RunRange {
  if (
    typeof bars !== 'object' ||
    bars === null ||
    !['open', 'high', 'low', 'close'].every((name) => isColumn(bars[name as 'open']))
  )
    throw refuse('bars', 'what createBars gives', bars === null ? null : typeof bars)
  if (typeof options !== 'object' || options === null) throw refuse('options', 'an object', options)
  const { warmupStart = 0, start = warmupStart, end = bars.length, final = true, indicators } = options
  const whole = [warmupStart, start, end].every(Number.isInteger)
  if (!whole || !(0 <= warmupStart && warmupStart <= start && start < end && end <= bars.length))
    throw new TradewrightError(
      'BAD_OPTION',
      `${what} needs 0 <= warmupStart <= start < end <= ${bars.length} bars, was ${[warmupStart, start, end].map(shown).join(', ')}`,
      { warmupStart, start, end, bars: bars.length },
    )
  if (typeof final !== 'boolean') throw refuse('final', 'true or false', final)
  const store: Partial<IndicatorStore> | undefined = indicators
  if (store !== undefined && (typeof store?.get !== 'function' || typeof store.put !== 'function'))
    throw refuse('indicators', 'an indicator store, with get and put', indicators)
  return { warmupStart, start, end, final }
}

/** @throws TradewrightError `BAD_OPTION` for what can not be bound. */
export function checkStrategy(strategy: unknown): void {
  const value = strategy as { readonly bind?: unknown; readonly program?: unknown; readonly kind?: unknown } | null
  const fits =
    typeof value === 'object' &&
    value !== null &&
    (typeof value.bind === 'function' || typeof value.program === 'object' || value.kind === 'graph')
  if (!fits)
    throw refuse('strategy', 'what defineStrategy or parseStrategy gives', value === null ? null : typeof value)
}
