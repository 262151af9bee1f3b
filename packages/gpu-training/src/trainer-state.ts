import { type Data, TradewrightError } from '@tradewright/core'
import { dtypeOf } from './check-batch.ts'
import type { ModelParameter } from './model-spec.ts'

/** Everything that a resumed training needs, by name. */
export interface SavedState {
  readonly version: 1
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
  readonly rule: string
  readonly step: number
  readonly epoch: number
  readonly values: Readonly<Record<string, Float32Array>>
  readonly updates: Data
  readonly loader: Data
  readonly epochSum: number
  readonly epochWeight: number
  readonly tricks: Readonly<Record<string, Data>>
}

const show = (each: { readonly name: string; readonly shape: readonly number[] } | undefined): string =>
  each === undefined ? 'nothing' : `${each.name} [${each.shape.join(', ')}]`

/**
 * A saved state that is of this model and rule.
 *
 * @throws TradewrightError `BAD_DATA` (no such state), `BAD_SHAPE` (another architecture: the differing layer),
 *   `BAD_OPTION` (another rule).
 */
export function readState(data: Data, ours: readonly ModelParameter[], rule: string): SavedState {
  const state = data as unknown as SavedState
  if (state?.version !== 1)
    throw new TradewrightError('BAD_DATA', `a training state must be of version 1, was ${String(state?.version)}`)
  for (const part of ['parameters', 'values', 'updates', 'tricks'] as const)
    if (typeof state[part] !== 'object' || state[part] === null)
      throw new TradewrightError('BAD_DATA', `a training state must have its ${part}, had none`, { part })
  const most = Math.max(ours.length, state.parameters.length)
  for (let i = 0; i < most; i++)
    if (show(ours[i]) !== show(state.parameters[i]))
      throw new TradewrightError(
        'BAD_SHAPE',
        `a training state must be of the same architecture: layer '${(ours[i] ?? state.parameters[i]).name.split('/')[0]}' has ${show(ours[i])}, the state ${show(state.parameters[i])}`,
        { ours: show(ours[i]), state: show(state.parameters[i]) },
      )
  for (const { name, shape, size } of ours) {
    const values = state.values[name]
    if (values instanceof Float32Array && values.length === size) continue
    throw new TradewrightError(
      'BAD_SHAPE',
      `a training state must have layer '${name.split('/')[0]}' as it is here: ${name} is float32 [${shape.join(', ')}], in the state ${dtypeOf(values)} of ${values?.length ?? 0} numbers`,
      { parameter: name, expected: 'float32', dtype: dtypeOf(values) },
    )
  }
  if (state.rule !== rule)
    throw new TradewrightError('BAD_OPTION', `a training state must be of update rule '${rule}', was '${state.rule}'`)
  return state
}
