import type { Data } from '@tradewright/core'

/** What a node gives per bar: a number (NaN where there is none), or true or false. */
export type NodeKind = 'value' | 'boolean'

/**
 * Codes of the built-in operations: what `NodeGraph` keeps instead of names. Indicators and users' kernels get codes
 * from {@link firstDynamicCode} on, by {@link operationCode}.
 *
 * `lt`, `lte`, `crossesBelow` do not exist: they are bound as `gt`, `gte`, `crossesAbove` with swapped operands,
 * which is the same to the last bit.
 */
export const Op = {
  // Sources: no operands.
  timestamp: 0,
  open: 1,
  high: 2,
  low: 3,
  close: 4,
  volume: 5,
  /** constant[0] is the number. */
  constant: 6,
  /** constant[0] is true or false. */
  always: 7,
  // Arithmetic on values. NaN in, NaN out.
  add: 8,
  sub: 9,
  mul: 10,
  div: 11,
  neg: 12,
  abs: 13,
  min: 14,
  max: 15,
  sqrt: 16,
  log: 17,
  exp: 18,
  pow: 19,
  sign: 20,
  floor: 21,
  // Comparisons of two values: false where one is NaN (`ne` too).
  gt: 22,
  gte: 23,
  eq: 24,
  ne: 25,
  // Logic on booleans.
  and: 26,
  or: 27,
  xor: 28,
  not: 29,
  /** a[i] > b[i] and a[i - 1] <= b[i - 1]; false where any of the four is NaN and on the first bar. */
  crossesAbove: 30,
  /** Operands condition, then, otherwise (values): then[i] where condition[i], else otherwise[i]. */
  select: 31,
  /** Value n = constant[0] bars before, NaN on the first n bars. */
  lag: 32,
  /** Boolean n = constant[0] bars before, false on the first n bars. */
  lagBoolean: 33,
  /** Value: number of true bars among the last n = constant[0], this one included; counts from the first bar. */
  count: 34,
  /** Value: bars since the condition was last true, 0 where it is; NaN before it ever was. */
  barsSince: 35,
  /** Operands condition, value: the value on the n-th last (constant[0], 0 the last) bar where condition; NaN before. */
  valueWhen: 36,
  /** Value of a field of the bar's opening time: constants field, time zone. */
  calendar: 37,
  /** Boolean: within a session; constants from and to (minutes of the day), time zone, list of weekdays. */
  session: 38,
  /** Operand evaluated on the larger timeframe constant[0], as of the last bar of it that is closed. */
  timeframe: 39,
  /** The same for a boolean operand; false before the first closed bar. */
  timeframeBoolean: 40,
} as const

/** Codes below are {@link Op}'s, codes from here on are indicators and users' kernels, in no fixed order. */
export const firstDynamicCode = 64

const names: string[] = []
const kinds: NodeKind[] = []
const codes = new Map<string, number>()

const BOOLEAN: ReadonlySet<number> = new Set<number>([
  Op.always,
  Op.gt,
  Op.gte,
  Op.eq,
  Op.ne,
  Op.and,
  Op.or,
  Op.xor,
  Op.not,
  Op.crossesAbove,
  Op.lagBoolean,
  Op.session,
  Op.timeframeBoolean,
])

/** Operations whose result does not depend on the order of their two operands. */
const COMMUTATIVE: ReadonlySet<number> = new Set<number>([
  Op.add,
  Op.mul,
  Op.min,
  Op.max,
  Op.eq,
  Op.ne,
  Op.and,
  Op.or,
  Op.xor,
])

for (const [name, code] of Object.entries(Op)) {
  names[code] = name
  kinds[code] = BOOLEAN.has(code) ? 'boolean' : 'value'
  codes.set(name, code)
}
for (let code = Object.keys(Op).length; code < firstDynamicCode; code++) {
  names[code] = ''
  kinds[code] = 'value'
}

/** The code of an operation's name; a name not seen before gets the next code and gives values. */
export function operationCode(name: string): number {
  const known = codes.get(name)
  if (known !== undefined) return known
  const code = names.length
  names.push(name)
  kinds.push('value')
  codes.set(name, code)
  return code
}

/** Users' kernels: constants name, version, where to load it from (`module#export`, empty for nowhere), then parameters. */
export const kernelCode: number = operationCode('kernel')

/** The name of an operation. */
export function operationName(code: number): string {
  return names[code]
}

/** What an operation gives. */
export function operationKind(code: number): NodeKind {
  return kinds[code]
}

/** Whether an operation gives the same with its two operands swapped. */
export function isCommutative(code: number): boolean {
  return code < firstDynamicCode && COMMUTATIVE.has(code)
}

/** The operands a built-in operation takes, by kind. Undefined for codes that are no built-in. */
export function operandKinds(code: number): readonly NodeKind[] | undefined {
  return OPERANDS.get(code)
}

const V: NodeKind = 'value'
const B: NodeKind = 'boolean'
const OPERANDS: ReadonlyMap<number, readonly NodeKind[]> = new Map<number, readonly NodeKind[]>([
  ...[Op.timestamp, Op.open, Op.high, Op.low, Op.close, Op.volume, Op.constant, Op.always].map(
    (code) => [code, []] as const,
  ),
  ...[Op.calendar, Op.session].map((code) => [code, [V]] as const),
  ...[Op.neg, Op.abs, Op.sqrt, Op.log, Op.exp, Op.sign, Op.floor, Op.lag, Op.timeframe].map(
    (code) => [code, [V]] as const,
  ),
  ...[Op.add, Op.sub, Op.mul, Op.div, Op.min, Op.max, Op.pow, Op.gt, Op.gte, Op.eq, Op.ne, Op.crossesAbove].map(
    (code) => [code, [V, V]] as const,
  ),
  ...[Op.and, Op.or, Op.xor].map((code) => [code, [B, B]] as const),
  ...[Op.not, Op.lagBoolean, Op.count, Op.barsSince, Op.timeframeBoolean].map((code) => [code, [B]] as const),
  [Op.select, [B, V, V]],
  [Op.valueWhen, [B, V]],
])

/** Constants of a node. */
export type Constants = readonly Data[]
