import type { CompileOptions } from './backend.ts'
import type { ResolvedLayer } from './model-spec.ts'

/** Layers from `from` to before `to` that run by themselves. */
export interface LayerRange {
  readonly from: number
  readonly to: number
}

/** Ranges as short as can be: nothing behind a range's end reads an output from within it but its last. */
function atoms(layers: readonly ResolvedLayer[]): LayerRange[] {
  const ranges: LayerRange[] = []
  let from = 0
  for (let to = 1; to <= layers.length; to++) {
    const cut = layers.slice(to).every(({ other }) => other === undefined || other >= to - 1)
    if (!cut) continue
    ranges.push({ from, to })
    from = to
  }
  return ranges
}

/** Ranges between whose ends outputs are computed again, as `checkpoint` says: of n layers or more, or as short as can be. */
export function checkpointRanges(
  layers: readonly ResolvedLayer[],
  checkpoint: NonNullable<CompileOptions['checkpoint']>,
): readonly LayerRange[] {
  if (checkpoint === 'all') return [{ from: 0, to: layers.length }]
  const least = checkpoint === 'recursive' ? 1 : checkpoint
  const ranges: LayerRange[] = []
  let from = 0
  for (const { to } of atoms(layers)) {
    if (to - from < least && to < layers.length) continue
    ranges.push({ from, to })
    from = to
  }
  return ranges
}
