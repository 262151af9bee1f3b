import { TradewrightError } from '@tradewright/core'
import { findIndicator, type IndicatorDefinition, indicatorTable } from '@tradewright/indicators'
import { type Expr, nodeOf, valueExpr } from './expression.ts'
import type { NodeGraph } from './node-graph.ts'
import { Op, operationCode } from './operation.ts'

/** An indicator's output as an operation: `sma`, or `bollinger.upper` where there are several. */
export interface IndicatorOperation {
  readonly definition: IndicatorDefinition
  /** Index of the output this operation gives. */
  readonly output: number
  /** Code of each output's operation. */
  readonly codes: readonly number[]
}

const operations = new Map<number, IndicatorOperation>()
const outputCodes = new Map<IndicatorDefinition, readonly number[]>()

for (const definition of indicatorTable.values()) {
  const { name, outputs } = definition
  const codes = outputs.map((output) => operationCode(outputs.length === 1 ? name : `${name}.${output}`))
  outputCodes.set(definition, codes)
  codes.forEach((code, output) => {
    operations.set(code, { definition, output, codes })
  })
}

/** The indicator behind an operation's code; undefined for built-ins and users' kernels. */
export function indicatorOperation(code: number): IndicatorOperation | undefined {
  return operations.get(code)
}

const COLUMN: ReadonlyMap<string, number> = new Map([
  ['open', Op.open],
  ['high', Op.high],
  ['low', Op.low],
  ['close', Op.close],
  ['volume', Op.volume],
])

/** A definition with what its nodes need, looked up once a process. */
export interface IndicatorBuilder {
  readonly definition: IndicatorDefinition
  readonly codes: readonly number[]
  readonly check: (constants: readonly unknown[]) => void
}

/** @throws TradewrightError `UNKNOWN_NAME`. */
export function indicatorBuilder(name: string): IndicatorBuilder {
  const definition = findIndicator(name)
  const codes = outputCodes.get(definition)
  if (codes === undefined) throw new TradewrightError('INTERNAL', `indicator ${name} has no codes`)
  return { definition, codes, check: (constants) => definition.check(constants as readonly number[]) }
}

/** The operand nodes of an indicator: `source` is given, the others are the bars' own columns. */
export function indicatorOperands(
  graph: NodeGraph,
  definition: IndicatorDefinition,
  source: Expr | number | undefined,
): readonly number[] {
  return definition.inputs.map((input) => {
    if (input === 'source') return nodeOf(graph, source, 'value', `ta.${definition.name}`)
    const column = COLUMN.get(input)
    if (column === undefined)
      throw new TradewrightError('INTERNAL', `${definition.name} reads an unknown column ${input}`)
    return graph.intern(column, [])
  })
}

/** The expression of one output. */
export function indicatorExpr(
  graph: NodeGraph,
  builder: IndicatorBuilder,
  operands: readonly number[],
  params: readonly number[],
  output: number,
): Expr {
  return valueExpr(graph, graph.intern(builder.codes[output], operands, params, builder.check))
}
