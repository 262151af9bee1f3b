import { type Data, TradewrightError } from '@tradewright/core'
import { currentGraph } from './ambient.ts'
import { type Expr, nodeOf, valueExpr } from './expression.ts'
import type { NodeGraph } from './node-graph.ts'
import { kernelCode } from './operation.ts'

/** An indicator of a user, bar by bar. */
export interface KernelStream {
  /** Takes one value an input and gives this bar's value; NaN while there is none. */
  next(inputs: readonly number[]): number
  save(): Data
  restore(state: Data): void
}

/** An indicator of a user. A value may depend on its own bar and the bars before it, never on later ones. */
export interface Kernel {
  /**
   * @param inputs columns of one length [n]. Read only.
   * @param params the numbers the indicator was called with.
   * @param length n.
   * @returns shape [n], fresh; NaN where there is no value yet.
   */
  compute(inputs: readonly Float64Array[], params: readonly number[], length: number): Float64Array
  /**
   * The same bar by bar, to the last bit. Without it a stream keeps all bars and computes them anew on every bar:
   * right, but slow on long histories.
   */
  createStream?(params: readonly number[]): KernelStream
}

/** What {@link defineIndicator} takes. */
export interface IndicatorOptions {
  readonly name: string
  /** Goes into every key: a new version never meets old results. */
  readonly version: string
  readonly kernel: Kernel
  /**
   * URL or path of a module that exports the kernel, for workers and for saved strategies. Without it the indicator
   * runs only in the process that defined it.
   */
  readonly module?: string | undefined
  /** Name of the export. @default the indicator's name */
  readonly export?: string | undefined
}

/** A kernel as a node calls it. */
export interface UserKernel extends Kernel {
  readonly name: string
  readonly params: readonly number[]
}

const kernels = new Map<string, Kernel>()
const identity = (name: string, version: string): string => `${name}@${version}`

/**
 * An indicator of one's own, to be called within `signals` and `simulate`.
 *
 * @returns a builder: its source columns, then its parameters.
 * @throws TradewrightError `BAD_OPTION` without name, version or kernel.
 * @example
 * ```ts
 * import { defineIndicator, defineStrategy } from '@tradewright/backtest'
 * const range = defineIndicator({
 *   name: 'range', version: '1',
 *   kernel: { compute: ([high, low]) => high.map((h, i) => h - low[i]) },
 * })
 * defineStrategy({ name: 'wide', params: {}, signals: ({ high, low, close }) => ({ entry: range([high, low]).gt(close.mul(0.02)) }) })
 * ```
 */
export function defineIndicator(
  options: IndicatorOptions,
): (sources: Expr | readonly (Expr | number)[], ...params: readonly number[]) => Expr {
  const { name, version, kernel, module } = options
  if (typeof name !== 'string' || name === '' || typeof version !== 'string' || version === '')
    throw new TradewrightError('BAD_OPTION', `an indicator needs a name and a version, was '${name}' and '${version}'`)
  if (typeof kernel?.compute !== 'function')
    throw new TradewrightError('BAD_OPTION', `indicator '${name}' needs a kernel with compute`, { name })
  kernels.set(identity(name, version), kernel)
  const address = module === undefined ? '' : `${module}#${options.export ?? name}`
  return (sources, ...params) => {
    const graph = currentGraph(name)
    const list = Array.isArray(sources) ? (sources as readonly unknown[]) : [sources]
    if (list.length === 0)
      throw new TradewrightError('BAD_OPTION', `indicator '${name}' needs at least one source column`, { name })
    const operands = list.map((source) => nodeOf(graph, source, 'value', name))
    for (const param of params)
      if (typeof param !== 'number' || param !== param)
        throw new TradewrightError('BAD_OPTION', `indicator '${name}' takes numbers, was ${String(param)}`, { name })
    return valueExpr(graph, graph.intern(kernelCode, operands, [name, version, address, ...params]))
  }
}

/** The kernel that a node calls. @throws TradewrightError `NOT_AVAILABLE` where it is not loaded in this process. */
export function userKernel(graph: NodeGraph, node: number): UserKernel {
  const [name, version, , ...params] = graph.constants(node)
  const kernel = kernels.get(identity(String(name), String(version)))
  if (kernel === undefined)
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `indicator '${String(name)}' (version ${String(version)}) is not loaded in this process: import the module that defines it, or give defineIndicator its module`,
      { name, version },
    )
  const createStream = kernel.createStream?.bind(kernel)
  return {
    name: String(name),
    params: params as readonly number[],
    compute: kernel.compute.bind(kernel),
    ...(createStream === undefined ? {} : { createStream }),
  }
}

/**
 * Loads the modules of users' kernels that a table calls and this process has not seen.
 *
 * @param load imports a module. @default the runtime's own `import()`
 * @throws TradewrightError `NOT_FOUND` where a module does not export its kernel.
 */
export async function loadKernels(
  graph: NodeGraph,
  load: (module: string) => Promise<unknown> = (module) => import(module),
): Promise<void> {
  for (let node = 0; node < graph.size; node++) {
    if (graph.code(node) !== kernelCode) continue
    const [name, version, address] = graph.constants(node)
    const id = identity(String(name), String(version))
    if (kernels.has(id) || typeof address !== 'string' || address === '') continue
    const at = address.lastIndexOf('#')
    const module = address.slice(0, at)
    const exported = address.slice(at + 1)
    const exports = (await load(module)) as Readonly<Record<string, unknown>>
    if (kernels.has(id)) continue // the module defined it itself
    const kernel = exports[exported] as Partial<Kernel> | undefined
    if (typeof kernel?.compute !== 'function')
      throw new TradewrightError('NOT_FOUND', `module ${module} must export a kernel '${exported}' with compute`, {
        module,
        export: exported,
      })
    kernels.set(id, kernel as Kernel)
  }
}
