import { nearestName, TradewrightError, unknownName } from '@tradewright/core'
import type * as z from 'zod'

/** Whether a value is an object with keys. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Sections that the design names and this version does not have. */
const NOT_YET: readonly string[] = [
  ...['memoryManagement', 'dataStreaming', 'monitoring'].map((name) => `computationalOptimization.${name}`),
]

type Path = readonly PropertyKey[]

const valueAt = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, key) => (isRecord(value) ? value[String(key)] : undefined), root)

/** The keys a section may have, by its path in the schema. */
function keysAt(root: unknown, path: Path): readonly string[] {
  let schema: unknown = root
  for (const key of [...path, undefined]) {
    for (;;) {
      const def: unknown = isRecord(schema) ? schema.def : undefined
      if (!isRecord(def)) break
      if (def.innerType !== undefined) schema = def.innerType
      else if (Array.isArray(def.options)) schema = def.options.at(-1)
      else break
    }
    const shape: unknown = isRecord(schema) ? schema.shape : undefined
    if (!isRecord(shape)) return []
    if (key === undefined) return Object.keys(shape)
    schema = shape[String(key)]
  }
  return []
}

const show = (value: unknown): string => {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return String(value)
}

function unknownKey(schema: unknown, path: Path, key: string): TradewrightError {
  const name = [...path, key].join('.')
  if (NOT_YET.includes(name))
    return new TradewrightError('NOT_AVAILABLE', `configuration '${name}' is not available yet; leave it out`, {
      name,
      available: keysAt(schema, path),
    })
  const known = keysAt(schema, path)
  const soon = NOT_YET.filter((full) => full.startsWith(`${path.join('.')}.`)).map((full) => full.split('.').at(-1))
  const later = nearestName(
    key,
    soon.map((n) => String(n)),
  )
  if (nearestName(key, known) === undefined && later !== undefined)
    return new TradewrightError(
      'NOT_AVAILABLE',
      `configuration '${name}' must be a known key; the nearest, '${later}', is not available yet; leave it out`,
      { name, nearest: later, available: known },
    )
  return unknownName('config key', name, path.length === 0 ? known : known.map((k) => [...path, k].join('.')))
}

/**
 * The first thing that is wrong, in our words. Unknown keys go before values: a typing error explains the rest.
 *
 * @param schema the whole configuration's, for the names that a section may have
 */
export function configurationFault(
  schema: unknown,
  options: unknown,
  issues: readonly z.core.$ZodIssue[],
  base: Path = [],
): TradewrightError {
  for (const issue of issues)
    if (issue.code === 'unrecognized_keys') return unknownKey(schema, [...base, ...issue.path], issue.keys[0])
  const issue = issues[0]
  const path = [...base, ...issue.path]
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.at(-1)
    const value = valueAt(options, path)
    if (isRecord(value) && inner !== undefined && inner.length > 0)
      return configurationFault(schema, options, inner, path)
    return refuse(path, 'false or an object', value)
  }
  return refuse(path, issue.message, valueAt(options, path))
}

function refuse(path: Path, rule: string, value: unknown): TradewrightError {
  const name = path.length === 0 ? 'the configuration' : path.join('.')
  return new TradewrightError('BAD_OPTION', `${name} must be ${rule}, was ${show(value)}`, { name, value })
}
