import { createRng, TradewrightError } from '@tradewright/core'
import type { LayerDefinition, LayerShape, LayerSpec, ParameterInit } from './layer.ts'
import { type LayerRegistry, layerRegistry } from './layer-registry.ts'

/** A network as plain data: layers one behind the other (an `add` layer also reads one further back). */
export interface ModelSpec {
  /** Columns of the input. */
  readonly inputs: number
  readonly layers: readonly LayerSpec[]
}

/** A layer with its name, place and shape settled. */
export interface ResolvedLayer {
  readonly name: string
  readonly spec: LayerSpec
  readonly definition: LayerDefinition
  /** Columns of its input. */
  readonly inputs: number
  readonly shape: LayerShape
  /** Index of the layer whose output is the second input; -1 for the model's input. */
  readonly other: number | undefined
}

/** A parameter of a model: `name` is unique in it, as in `dense_0/kernel`. */
export interface ModelParameter {
  readonly name: string
  readonly layer: string
  readonly shape: readonly number[]
  readonly size: number
  readonly init: ParameterInit
  readonly decay: boolean
}

/** A model that was checked. */
export interface ResolvedModel {
  readonly inputs: number
  readonly outputs: number
  readonly layers: readonly ResolvedLayer[]
  readonly parameters: readonly ModelParameter[]
}

/**
 * A network of layers one behind the other.
 *
 * @param inputs columns of the input.
 * @param layers made by `dense`, `activation`, `layerNorm`, `dropout`, `embedding`, `residual`.
 * @example
 * ```ts
 * import { dense, dropout, sequential } from '@tradewright/gpu-training'
 * const model = sequential(64, [dense(256, { activation: 'relu' }), dropout(0.1), dense(3)])
 * console.log(model.layers.map((layer) => layer.type).join(' ')) // dense dropout dense
 * ```
 */
export function sequential(inputs: number, layers: readonly (LayerSpec | readonly LayerSpec[])[]): ModelSpec {
  return { inputs, layers: layers.flat() }
}

/**
 * Checks a model and settles names and shapes.
 *
 * @throws TradewrightError `BAD_OPTION`, `BAD_SHAPE` (naming the layer and both shapes), `UNKNOWN_NAME` (layer type),
 *   `DUPLICATE_NAME` (layer).
 */
export function resolveModel(model: ModelSpec, registry: LayerRegistry = layerRegistry()): ResolvedModel {
  if (!(Number.isInteger(model.inputs) && model.inputs >= 1))
    throw new TradewrightError('BAD_OPTION', `inputs must be an integer >= 1, was ${model.inputs}`)
  if (model.layers.length === 0)
    throw new TradewrightError('BAD_OPTION', 'a model must have a layer, was an empty list')
  const layers: ResolvedLayer[] = []
  const counts = new Map<string, number>()
  const names = new Set<string>()
  let columns = model.inputs
  for (const spec of model.layers) {
    const count = counts.get(spec.type) ?? 0
    counts.set(spec.type, count + 1)
    const name = spec.name ?? `${spec.type}_${count}`
    if (names.has(name)) throw new TradewrightError('DUPLICATE_NAME', `layer names must be unique, was '${name}' twice`)
    names.add(name)
    const definition = registry.get(spec.type)
    const shape = definition.shape(spec.options, columns, name)
    const other = shape.back === undefined ? undefined : secondInput(model, layers, shape.back, columns, name)
    layers.push({ name, spec: { ...spec, name }, definition, inputs: columns, shape, other })
    columns = shape.columns
  }
  return { inputs: model.inputs, outputs: columns, layers, parameters: layers.flatMap(parametersOf) }
}

function secondInput(
  model: ModelSpec,
  layers: readonly ResolvedLayer[],
  back: number,
  columns: number,
  name: string,
): number {
  const index = layers.length - 1 - back
  if (index < -1)
    throw new TradewrightError('BAD_OPTION', `layer '${name}' must read a layer that is there, was ${back} back`, {
      back,
    })
  const width = index === -1 ? model.inputs : layers[index].shape.columns
  if (width !== columns)
    throw new TradewrightError(
      'BAD_SHAPE',
      `layer '${name}' must add equal shapes, was [rows, ${columns}] and [rows, ${width}]`,
      { layer: name, shapes: [columns, width] },
    )
  return index
}

function parametersOf({ name, shape }: ResolvedLayer): ModelParameter[] {
  return shape.parameters.map((parameter) => ({
    name: `${name}/${parameter.name}`,
    layer: name,
    shape: parameter.shape,
    size: parameter.shape.reduce((a, b) => a * b, 1),
    init: parameter.init,
    decay: parameter.decay,
  }))
}

/** Fills a parameter's first values: a function of seed and place, the same on every backend. */
export function initialize({ init }: ModelParameter, index: number, seed: number, out: Float32Array): void {
  if (init === 'zeros') out.fill(0)
  else if (init === 'ones') out.fill(1)
  else {
    const rng = createRng(seed, index + 1)
    if ('uniform' in init) for (let i = 0; i < out.length; i++) out[i] = (2 * rng.uniform() - 1) * init.uniform
    else for (let i = 0; i < out.length; i++) out[i] = rng.normal() * init.normal
  }
}
