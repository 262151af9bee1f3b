import { describe, expect, it } from 'vitest'
import {
  barsPerYear,
  copyToShared,
  createBars,
  createEvents,
  createIndicatorStore,
  createManualClock,
  DisposeStack,
  inlineTaskPool,
  parseTimeframe,
  periodStart,
  timeframeMs,
  viewBars,
  viewRange,
} from '../src/index.ts'

const columns = (n: number): Parameters<typeof createBars>[0] => {
  const column = Array.from({ length: n }, (_, i) => 100 + i)
  return {
    timestamp: column.map((_, i) => i * 86_400_000),
    open: column,
    high: column,
    low: column,
    close: column,
    volume: column,
  }
}

describe('createBars', () => {
  it('copies what it keeps, and keeps shared memory as it is', () => {
    const close = new Float64Array([1, 2, 3])
    const shared = new Float64Array(new SharedArrayBuffer(24))
    const bars = createBars({ ...columns(3), close, open: shared })
    close[0] = 99
    expect(bars.close[0]).toBe(1)
    expect(bars.open).toBe(shared)
    const view = viewBars({ ...columns(3), close })
    expect(view.close).toBe(close)
    expect(bars.shared).toBe(false)
    const copy = copyToShared(bars)
    expect(copy.shared).toBe(true)
    expect(copy.fingerprint).toBe(bars.fingerprint)
    expect(copyToShared(copy)).toBe(copy)
  })

  it('has a fingerprint of its content', () => {
    const a = createBars({ ...columns(5), symbol: 'A', timeframe: '1d', calendar: 'equity' })
    expect(createBars({ ...columns(5), symbol: 'A', timeframe: '1d', calendar: 'equity' }).fingerprint).toBe(
      a.fingerprint,
    )
    expect(createBars({ ...columns(5), symbol: 'B', timeframe: '1d', calendar: 'equity' }).fingerprint).not.toBe(
      a.fingerprint,
    )
    expect(
      createBars({ ...columns(5), close: [1, 2, 3, 4, 6], symbol: 'A', timeframe: '1d', calendar: 'equity' })
        .fingerprint,
    ).not.toBe(a.fingerprint)
    expect(viewRange(a, 1, 4).length).toBe(3)
    expect(viewRange(a, 1, 4).close.buffer).toBe(a.close.buffer)
    expect(a.barsPerYear).toBe(252)
    expect(createBars(columns(5)).barsPerYear).toBeUndefined()
  })

  it.each([
    [{ close: [1, 2] }, /\[BAD_SHAPE\].*close had 2/],
    [{ timestamp: [0, 2, 1] }, /\[BAD_DATA\].*bar 2 has 1 after 2/],
    [{ timestamp: [0, 1, 1] }, /strictly ascending/],
    [{ timestamp: [0, Number.NaN, 1] }, /bar 1 has NaN/],
    [{ close: 'abc' }, /column 'close' must be an array/],
    [{ volume: undefined }, /column 'volume'/],
    [{ timeframe: '1x' }, /\[BAD_OPTION\] timeframe/],
    [{ calendar: 'crypt' }, /did you mean 'crypto'/],
  ])('refuses %j', (wrong, message) => {
    expect(() => createBars({ ...columns(3), ...wrong } as never)).toThrow(message)
  })

  it('refuses a range outside', () => {
    expect(() => viewRange(createBars(columns(3)), 1, 4)).toThrow(/within 0 to 3/)
  })
})

describe('timeframes', () => {
  it('counts bars of a year by calendar', () => {
    expect(barsPerYear('1h', 'crypto')).toBe(8760)
    expect(barsPerYear('5m', 'crypto')).toBe(105_120)
    expect(barsPerYear('1d', 'crypto')).toBe(365)
    expect(barsPerYear('1d', 'equity')).toBe(252)
    expect(barsPerYear('1h', 'equity')).toBe(1638)
    expect(barsPerYear('1h', 'fx')).toBe(6240)
    expect(barsPerYear('1w', 'fx')).toBe(52)
    expect(barsPerYear('1M', 'equity')).toBe(12)
    expect(() => barsPerYear('1d', 'moon' as never)).toThrow(/\[UNKNOWN_NAME\]/)
  })

  it('knows where periods begin', () => {
    const at = Date.UTC(2024, 1, 29, 13, 47)
    const begin = (timeframe: string): string => new Date(periodStart(at, parseTimeframe(timeframe))).toISOString()
    expect(begin('15m')).toBe('2024-02-29T13:45:00.000Z')
    expect(begin('4h')).toBe('2024-02-29T12:00:00.000Z')
    expect(begin('1d')).toBe('2024-02-29T00:00:00.000Z')
    expect(begin('1w')).toBe('2024-02-26T00:00:00.000Z')
    expect(begin('1M')).toBe('2024-02-01T00:00:00.000Z')
    expect(begin('3M')).toBe('2024-01-01T00:00:00.000Z')
    expect(new Date(periodStart(-1, parseTimeframe('1d'))).toISOString()).toBe('1969-12-31T00:00:00.000Z')
    expect(new Date(periodStart(Date.UTC(1999, 11, 31), parseTimeframe('1M'))).toISOString()).toBe(
      '1999-12-01T00:00:00.000Z',
    )
    expect(timeframeMs('1M')).toBeUndefined()
    expect(timeframeMs('2h')).toBe(7_200_000)
  })

  it.each(['', '0h', 'h', '1', '1H', '1.5h', '-1d', '1y'])("refuses '%s'", (timeframe) => {
    expect(() => parseTimeframe(timeframe)).toThrow(/\[BAD_OPTION\] timeframe/)
  })
})

describe('DisposeStack', () => {
  it('closes last first, once, and joins failures', async () => {
    const log: string[] = []
    const stack = new DisposeStack()
    stack.use({ close: () => void log.push('a') })
    stack.use({
      async [Symbol.asyncDispose]() {
        log.push('b')
        throw new Error('b failed')
      },
    })
    stack.use({
      dispose: () => {
        log.push('c')
        throw new Error('c failed')
      },
    })
    stack.defer(() => log.push('d'))
    expect(stack.use(5)).toBe(5)
    const closing = stack[Symbol.asyncDispose]()
    expect(stack[Symbol.asyncDispose]()).toBe(closing)
    await expect(closing).rejects.toSatisfy((e) => e instanceof AggregateError && e.errors.length === 2)
    expect(log).toEqual(['d', 'c', 'b', 'a'])
    expect(stack.disposed).toBe(true)
  })
})

describe('events', () => {
  it('go to every listener, whatever one of them does', () => {
    const events = createEvents()
    const seen: string[] = []
    events.on('warning:raised', () => {
      throw new Error('first')
    })
    const off = events.on('warning:raised', ({ message }) => seen.push(message))
    events.on('listener:failed', ({ event, error }) => {
      seen.push(`${event} ${error.message}`)
      throw new Error('again')
    })
    events.emit('warning:raised', { source: 's', message: 'm' })
    expect(seen).toEqual(['warning:raised [INTERNAL] Error: first', 'm'])
    off()
    events.clear()
    events.emit('warning:raised', { source: 's', message: 'm2' })
    expect(seen).toHaveLength(2)
  })
})

describe('createIndicatorStore', () => {
  it('is bounded in bytes, least recently used first', () => {
    const store = createIndicatorStore({ maxBytes: 24 })
    const [a, b, c] = [1, 2, 3].map((x) => Float64Array.of(x))
    store.put('a', 'd', a)
    store.put('b', 'd', b)
    store.put('c', 'd', c)
    expect(store.get('a', 'd')).toBe(a)
    store.put('e', 'd', Float64Array.of(4))
    expect(store.get('b', 'd')).toBeUndefined()
    expect(store.get('a', 'd')).toBe(a)
    expect(store.get('a', 'other')).toBeUndefined()
    store.put('big', 'd', new Float64Array(10))
    expect(store.get('big', 'd')).toBeUndefined()
    store.put('a', 'd', b)
    expect(store.stats()).toMatchObject({ columns: 3, bytes: 24, evicted: 1, hits: 2, misses: 3 })
    store.clear()
    expect(store.stats()).toMatchObject({ columns: 0, bytes: 0 })
  })
})

describe('inlineTaskPool', () => {
  it('runs a function of a module with data and shared memory', async () => {
    const pool = inlineTaskPool(async () => ({
      double: (x: number) => x * 2,
      boom: () => {
        throw new Error('boom')
      },
    }))
    expect(await pool.run({ module: 'm', export: 'double', data: 4 })).toBe(8)
    await expect(pool.run({ module: 'm', export: 'boom', data: 4 })).rejects.toThrow('boom')
    await expect(pool.run({ module: 'm', export: 'none', data: 4 })).rejects.toThrow(/\[TASK_FAILED\].*'none'/)
    await expect(
      pool.run({ module: 'm', export: 'double', data: 1, signal: AbortSignal.abort(new Error('off')) }),
    ).rejects.toThrow('off')
  })
})

describe('createManualClock', () => {
  it('runs what falls due, in order', () => {
    const clock = createManualClock(100)
    const log: number[] = []
    clock.after(20, () => log.push(clock.now()))
    clock.after(10, () => {
      log.push(clock.now())
      clock.after(5, () => log.push(clock.now()))
    })
    const cancel = clock.after(12, () => log.push(-1))
    cancel()
    clock.advance(30)
    expect(log).toEqual([110, 115, 120])
    expect(clock.elapsed()).toBe(30)
  })
})
