import {
  coreSamplers,
  type Pruner,
  type Sampler,
  type SamplerRegistry,
  TradewrightError,
  unknownName,
} from '@tradewright/core'
import { autoSampler } from './auto-sampler.ts'
import { cmaEsSampler } from './cma-es-sampler.ts'
import { differentialEvolutionSampler } from './differential-evolution-sampler.ts'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { extrapolationPruner } from './extrapolation-pruner.ts'
import { gpSampler } from './gp-sampler.ts'
import { bruteForceSampler, gridSampler } from './grid-sampler.ts'
import { haltonSampler } from './halton-sampler.ts'
import { hyperbandPruner } from './hyperband-pruner.ts'
import { nonePruner } from './none-pruner.ts'
import { nsga2Sampler, nsga3Sampler } from './nsga-sampler.ts'
import { type PatientOptions, patientPruner } from './patient-pruner.ts'
import { medianPruner, percentilePruner } from './percentile-pruner.ts'
import { perturbationSampler } from './perturbation-sampler.ts'
import { successiveHalvingPruner } from './successive-halving-pruner.ts'
import { thresholdPruner } from './threshold-pruner.ts'
import { tpeSampler } from './tpe-sampler.ts'
import { wilcoxonPruner } from './wilcoxon-pruner.ts'

type Make = (options: never) => Sampler

/** Every sampler by its name: those of core (asking no point twice) and those of this package. */
export const adaptiveSamplers: SamplerRegistry = new Map<string, Make>([
  ...[...coreSamplers].map(([name, make]): [string, Make] => [
    name,
    (options: never) => unlessWanted(make(options), options as DuplicatesOption),
  ]),
  ['auto', autoSampler],
  ['tpe', tpeSampler],
  ['cma-es', cmaEsSampler],
  ['gp', gpSampler],
  ['perturbation', perturbationSampler],
  ['grid', gridSampler],
  ['brute-force', () => bruteForceSampler()],
  ['halton', haltonSampler],
  ['differential-evolution', differentialEvolutionSampler],
  ['nsga2', nsga2Sampler],
  ['nsga3', nsga3Sampler],
])

/** The options of pruners by name; packages add lines by declaration merging. */
export interface PrunerOptionsByName {
  none: Record<never, never>
  threshold: Parameters<typeof thresholdPruner>[0]
  median: NonNullable<Parameters<typeof medianPruner>[0]>
  percentile: Parameters<typeof percentilePruner>[0]
  'successive-halving': NonNullable<Parameters<typeof successiveHalvingPruner>[0]>
  hyperband: NonNullable<Parameters<typeof hyperbandPruner>[0]>
  wilcoxon: NonNullable<Parameters<typeof wilcoxonPruner>[0]>
  extrapolation: NonNullable<Parameters<typeof extrapolationPruner>[0]>
  patient: PatientOptions & { readonly inner?: PrunerSpec | undefined }
}

/** A pruner, or its name with its options. */
export type PrunerSpec =
  | Pruner
  | { [K in keyof PrunerOptionsByName]: { readonly type: K } & PrunerOptionsByName[K] }[keyof PrunerOptionsByName]

const pruners: ReadonlyMap<string, (options: never) => Pruner> = new Map<string, (options: never) => Pruner>([
  ['none', () => nonePruner()],
  ['threshold', thresholdPruner],
  ['median', medianPruner],
  ['percentile', percentilePruner],
  ['successive-halving', successiveHalvingPruner],
  ['hyperband', hyperbandPruner],
  ['wilcoxon', wilcoxonPruner],
  ['extrapolation', extrapolationPruner],
  [
    'patient',
    ({ inner, ...options }: PrunerOptionsByName['patient']) =>
      patientPruner(inner === undefined ? undefined : resolvePruner(inner), options),
  ],
])

/**
 * A pruner from a spec: an instance as it is, a name with its options.
 *
 * @throws TradewrightError `UNKNOWN_NAME` with the nearest name; `BAD_OPTION` for what is neither.
 */
export function resolvePruner(spec: PrunerSpec): Pruner {
  const isObject = typeof spec === 'object' && spec !== null
  if (isObject && 'decide' in spec && typeof spec.decide === 'function') return spec
  if (!isObject || !('type' in spec))
    throw new TradewrightError('BAD_OPTION', 'a pruner must be an instance or { type: name, ...options }', { spec })
  const make = pruners.get(spec.type)
  if (make === undefined) throw unknownName('pruner', String(spec.type), pruners.keys())
  return make(spec as never)
}
