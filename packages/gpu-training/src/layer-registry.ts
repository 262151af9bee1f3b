import { TradewrightError, unknownName } from '@tradewright/core'
import type { LayerDefinition } from './layer.ts'
import { activationLayer } from './layers/activation.ts'
import { addLayer } from './layers/add.ts'
import { denseLayer } from './layers/dense.ts'
import { dropoutLayer } from './layers/dropout.ts'
import { embeddingLayer } from './layers/embedding.ts'
import { layerNormLayer } from './layers/layer-norm.ts'

/** Kinds of layers by name. Made by the caller: there is no global registry. */
export interface LayerRegistry {
  get(type: string): LayerDefinition
  readonly types: readonly string[]
}

/** The layers that are built in. */
export const builtInLayers: readonly LayerDefinition[] = Object.freeze([
  denseLayer,
  activationLayer,
  layerNormLayer,
  dropoutLayer,
  embeddingLayer,
  addLayer,
])

/**
 * The built-in layers and `more`.
 *
 * @throws TradewrightError `DUPLICATE_NAME`. `get` throws `UNKNOWN_NAME`, with the nearest.
 */
export function layerRegistry(more: readonly LayerDefinition[] = []): LayerRegistry {
  const definitions = new Map<string, LayerDefinition>()
  for (const definition of [...builtInLayers, ...more]) {
    if (definitions.has(definition.type))
      throw new TradewrightError('DUPLICATE_NAME', `layer types must be unique, was '${definition.type}' twice`, {
        name: definition.type,
      })
    definitions.set(definition.type, definition)
  }
  return {
    types: [...definitions.keys()],
    get(type) {
      const found = definitions.get(type)
      if (found === undefined) throw unknownName('layer type', type, definitions.keys())
      return found
    },
  }
}
