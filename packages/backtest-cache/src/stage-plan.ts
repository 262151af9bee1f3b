import { type Rung, type Slice, TradewrightError } from '@tradewright/core'

/** A stage: which part of the data, from above 0 to 1, and its weight in what the pruner sees. */
export type Stage = readonly [fraction: number, weight: number]

/** A stretch of a slice that belongs to a regime, in bars of the slice's series. */
export interface RegimeSegment {
  readonly regime: string
  readonly start: number
  readonly end: number
}

/**
 * What the early stages look at.
 * - prefix: the first bars of each slice; later stages continue from saved states.
 * - recent: the last bars of each slice. They cannot be continued: a trial that passes pays for them again.
 * - symbol, fold: whole slices of some symbols or folds; later stages add the others.
 * - regime: of each regime the earliest segments, so that every regime is seen from the first stage on.
 */
export type StageOrder =
  | 'prefix'
  | 'recent'
  | 'symbol'
  | 'fold'
  | { readonly regime: (slice: Slice) => readonly RegimeSegment[] }

/** @throws TradewrightError `BAD_OPTION` unless fractions ascend to 1 and weights are above 0. */
export function checkStages(stages: readonly Stage[]): void {
  let before = 0
  for (const [fraction, weight] of stages) {
    if (!(fraction > before && fraction <= 1) || !(weight > 0 && Number.isFinite(weight)))
      throw new TradewrightError(
        'BAD_OPTION',
        `stages must be [fraction, weight] with fractions ascending to 1 and weights above 0, was ${JSON.stringify(stages)}`,
        { stages },
      )
    before = fraction
  }
  if (before !== 1)
    throw new TradewrightError('BAD_OPTION', `the last stage must have fraction 1, was ${JSON.stringify(stages)}`, {
      stages,
    })
}

/** How many of `count` things a fraction takes: at least one. */
const share = (fraction: number, count: number): number => Math.max(1, Math.round(fraction * count))

function byGroup(slices: readonly Slice[], fraction: number, groupOf: (slice: Slice) => string): readonly Slice[] {
  const groups = [...new Set(slices.map(groupOf))]
  const taken = new Set(groups.slice(0, share(fraction, groups.length)))
  return slices.filter((slice) => taken.has(groupOf(slice)))
}

function byRegime(slice: Slice, fraction: number, segments: readonly RegimeSegment[]): readonly Slice[] {
  const left = new Map<string, number>()
  for (const { regime, start, end } of segments) {
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < slice.start || end > slice.end || end <= start)
      throw new TradewrightError(
        'BAD_OPTION',
        `segments of a regime must lie in their slice (${slice.start} to ${slice.end}), was ${start} to ${end}`,
        { regime, start, end },
      )
    left.set(regime, (left.get(regime) ?? 0) + (end - start))
  }
  for (const [regime, bars] of left) left.set(regime, share(fraction, bars))
  const taken: Slice[] = []
  for (const { regime, start, end } of segments) {
    const bars = left.get(regime) ?? 0
    if (bars <= 0) continue
    const until = Math.min(end, start + bars)
    left.set(regime, bars - (until - start))
    taken.push({
      ...slice,
      id: `${slice.id}:${start}`,
      start,
      end: until,
      final: slice.final && until === slice.end,
      weight: (slice.weight * (until - start)) / (slice.end - slice.start),
    })
  }
  return taken
}

function sliceStage(slices: readonly Slice[], fraction: number, order: StageOrder): readonly Slice[] {
  if (fraction === 1) return slices
  if (order === 'symbol') return byGroup(slices, fraction, (slice) => slice.symbol)
  if (order === 'fold') return byGroup(slices, fraction, (slice) => slice.fold ?? slice.id)
  if (typeof order === 'object') return slices.flatMap((slice) => byRegime(slice, fraction, order.regime(slice)))
  return slices.map((slice): Slice => {
    const bars = share(fraction, slice.end - slice.start)
    if (bars === slice.end - slice.start) return slice
    if (order === 'recent') return { ...slice, start: slice.end - bars }
    return { ...slice, end: slice.start + bars, final: false }
  })
}

/**
 * The rungs of a study: the last is always its whole slices.
 *
 * @throws TradewrightError `BAD_OPTION` for stages or regime segments that break their rule.
 */
export function planStages(slices: readonly Slice[], stages: readonly Stage[], order: StageOrder): readonly Rung[] {
  checkStages(stages)
  return stages.map(([fraction, weight], step) => ({
    step,
    weight,
    slices: sliceStage(slices, fraction, order),
    last: step === stages.length - 1,
  }))
}
