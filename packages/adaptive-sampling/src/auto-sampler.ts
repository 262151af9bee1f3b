import {
  type Data,
  type FinishedTrial,
  type Params,
  type SampleRequest,
  type Sampler,
  type Space,
  TradewrightError,
} from '@tradewright/core'
import { type CmaEsBeginning, cmaEsFrom } from './cma-es-sampler.ts'
import { differentialEvolutionSampler } from './differential-evolution-sampler.ts'
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { gpFrom } from './gp-sampler.ts'
import { refuseUnknown } from './known-options.ts'
import { Observations } from './observations.ts'
import { polishPoints } from './quadratic-polish.ts'
import { tpeSampler } from './tpe-sampler.ts'

/** Options of {@link autoSampler}. */
export interface AutoOptions extends DuplicatesOption {
  /** Trials after which the Gaussian process leaves the portfolio: its model would grow no more. @default 600 */
  readonly gpUntil?: number | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    auto: AutoOptions
  }
}

type Arm = 'gp' | 'polish' | 'cma-es' | 'differential-evolution' | 'tpe'

/** A stretch of trials by one arm. */
interface Segment {
  /** Number of its first trial. */
  readonly from: number
  readonly arm: Arm
  /** Which run of the arm: some see their own trials only. */
  readonly run: number
  /** Finished trials of the study when the run began. */
  readonly known: number
  /** Where a run begins: with all that is known, anew and on its own, in the middle and wide, or at the best point. */
  readonly mode: 'all' | 'fresh' | 'wide' | 'local' | 'best-wide'
  /** Whether it began because the Gaussian process could not foretell the best trials. */
  readonly rugged: boolean
  /** How often an arm had stagnated by then. */
  readonly turn: number
}

/** Trials between two reviews, and between two looks at whether the Gaussian process has become able. */
const SEGMENT = 8
const RECALL = 16
/** Trials after which the Gaussian process must foretell the best of what it has not seen: so many and so many a dimension. */
const SKILL_FROM = 24
const SKILL_FROM_A_DIMENSION = 5
/** The part of the trials, the best ones, that skill is measured on: converged or rugged, it fails there first. */
const SKILL_PART = 0.35
const LEAST_SKILL = 0.2
const RECALL_SKILL = 0.35
/** Standard deviations with which CMA-ES begins: over the whole space, and at least at the best point. */
const WIDE = 1 / 6
const NARROW = 0.002
const LOCAL = 0.1
/**
 * Rugged functions of up to so many numeric parameters begin with TPE, others with CMA-ES; and above it the process has
 * trust regions, which begin anew on their own.
 */
const FEW_DIMENSIONS = 8
/** Trials of a run of the Gaussian process before it can have stagnated. */
const SETTLED = 40
/**
 * Trials without an improvement after which an arm is relieved, and what counts as one: this part of the distance from
 * the best to the median.
 */
const PATIENCE: Readonly<Record<Arm, readonly [number, number]>> = {
  gp: [16, 1e-3],
  polish: [8, 1e-9],
  'cma-es': [20, 1e-6],
  'differential-evolution': [40, 1e-4],
  tpe: [20, 1e-4],
}
const PATIENCE_A_DIMENSION: Readonly<Record<Arm, number>> = {
  gp: 2,
  polish: 0.5,
  'cma-es': 4,
  'differential-evolution': 8,
  tpe: 4,
}

interface Known {
  readonly number: number
  /** Infinity where the trial failed or broke a constraint. */
  readonly loss: number
}

function lossesOf(history: readonly FinishedTrial[], maximize: boolean): Known[] {
  const sign = maximize ? -1 : 1
  return history.map((t) => {
    const loss = t.status === 'done' && !((t.violation ?? 0) > 0) ? sign * t.values[0] : Number.POSITIVE_INFINITY
    return { number: t.number, loss: Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss }
  })
}

class Portfolio {
  readonly #gpUntil: number
  #segments: Segment[] = []
  readonly #gp = gpFrom()
  #fresh = { run: -1, sampler: gpFrom() }
  readonly #tpe = tpeSampler({ duplicates: true })
  readonly #observations = new Observations()
  readonly #evolution = differentialEvolutionSampler({ duplicates: true })
  /** The sampler of the run in charge, where it sees its own trials only. */
  #own: { readonly run: number; readonly sampler: Sampler } | undefined

  constructor(gpUntil: number) {
    this.#gpUntil = gpUntil
  }

  sample(request: SampleRequest): readonly Params[] {
    const { firstTrial, history } = request
    // A new study with the same instance begins anew.
    if (history.length === 0) this.#segments = []
    const last = this.#segments.at(-1)
    if (last === undefined || firstTrial >= last.from + SEGMENT) {
      const next = this.#decide(request, last)
      if (next !== last) this.#segments.push(next)
    }
    const segment = this.#segments[this.#segments.length - 1]
    switch (segment.arm) {
      case 'gp':
        return segment.mode === 'fresh'
          ? this.#freshOf(segment).sample(this.#ownRequest(segment, request))
          : this.#gp.sample(request)
      case 'polish': {
        this.#observations.sync(request)
        const points = polishPoints(request, this.#observations)
        return points.length > 0 ? points : this.#evolution.sample(request)
      }
      case 'tpe':
        return this.#tpe.sample(request)
      case 'differential-evolution':
        return this.#evolution.sample(request)
      case 'cma-es':
        return this.#ownOf(segment, () => this.#cmaOf(segment, request)).sample(this.#ownRequest(segment, request))
      default:
        return segment.arm satisfies never
    }
  }

  #decide(request: SampleRequest, last: Segment | undefined): Segment {
    const { firstTrial, history, directions } = request
    const begin = (arm: Arm, mode: Segment['mode'], rugged = false): Segment => ({
      from: firstTrial,
      arm,
      mode,
      rugged,
      run: this.#segments.length,
      known: history.length,
      turn: last?.turn ?? 0,
    })
    const several = directions.length > 1
    if (last === undefined)
      return several
        ? begin('tpe', 'all')
        : firstTrial < this.#gpUntil
          ? begin('gp', 'all')
          : this.#evolved(request, begin)
    if (several) return last
    const gpAllowed = firstTrial < this.#gpUntil
    if (last.arm === 'gp' && (!gpAllowed || this.#unable(last, request))) return this.#evolved(request, begin)
    // What could not be foretold may be, once more of it is known.
    if (
      last.rugged &&
      gpAllowed &&
      (firstTrial - last.from) % RECALL < request.count &&
      this.#gp.skill(request, SKILL_PART) >= RECALL_SKILL
    )
      return begin('gp', 'all')
    return this.#stagnates(last, request) ? this.#next(request, last, begin) : last
  }

  /** What searches where no model helps. */
  #evolved(
    { space, firstTrial }: SampleRequest,
    begin: (arm: Arm, mode: Segment['mode'], rugged?: boolean) => Segment,
  ): Segment {
    if (numbersOf(space) > FEW_DIMENSIONS) return begin('cma-es', 'best-wide', true)
    // TPE's time grows with the trials, too.
    return begin(firstTrial < this.#gpUntil ? 'tpe' : 'differential-evolution', 'all', true)
  }

  /** What follows an arm that has not improved anything for a while: another every time. */
  #next(
    { space, firstTrial }: SampleRequest,
    last: Segment,
    begin: (arm: Arm, mode: Segment['mode'], rugged?: boolean) => Segment,
  ): Segment {
    const gpAllowed = firstTrial < this.#gpUntil
    const numbers = numbersOf(space)
    const categories = space.dimensions.some((d) => d.kind === 'categorical' && d.count > 1)
    const order: (readonly [Arm, Segment['mode']])[] = []
    const continuous = space.dimensions.some((d) => d.count === Number.POSITIVE_INFINITY)
    if (last.rugged && numbers <= FEW_DIMENSIONS && gpAllowed)
      order.push(['differential-evolution', 'all'], ['cma-es', 'best-wide'], ['tpe', 'all'])
    else if (last.rugged) order.push(['cma-es', 'best-wide'], ['differential-evolution', 'all'], ['cma-es', 'wide'])
    else {
      // The bottom of the basin, then another basin: of many parameters by the process's own next trust region.
      const another = numbers > FEW_DIMENSIONS ? 'all' : 'fresh'
      if (continuous) order.push(['polish', 'local'])
      if (gpAllowed) order.push(['gp', another])
      if (numbers > 0) order.push(['cma-es', 'local'])
      if (gpAllowed) order.push(['gp', another])
      if (another === 'fresh') {
        if (continuous) order.push(['polish', 'local'])
        if (gpAllowed) order.push(['gp', 'all'])
        if (numbers > 0) order.push(['cma-es', 'wide'])
      } else if (gpAllowed) order.push(['gp', 'fresh'])
      if (categories || numbers === 0) order.push(['tpe', 'all'])
    }
    order.push(['differential-evolution', 'all'])
    const [arm, mode] = order[last.turn % order.length]
    return { ...begin(arm, mode, last.rugged), turn: last.turn + 1 }
  }

  /** Whether the Gaussian process, after its first trials, cannot foretell the best of what it has not seen. */
  #unable(segment: Segment, request: SampleRequest): boolean {
    const fresh = segment.mode === 'fresh'
    const own = fresh ? this.#ownRequest(segment, request) : request
    const since = request.firstTrial - segment.from
    const enough = SKILL_FROM + SKILL_FROM_A_DIMENSION * request.space.dimensions.length
    if (own.history.length < enough || (segment.from > 0 && since < RECALL)) return false
    if (since % SEGMENT >= request.count) return false
    return (fresh ? this.#freshOf(segment) : this.#gp).skill(own, SKILL_PART) < LEAST_SKILL
  }

  /** Whether the arm in charge has found nothing better for a while. */
  #stagnates(last: Segment, request: SampleRequest): boolean {
    const { history, directions, space } = request
    const d = space.dimensions.length
    const all = lossesOf(history, directions[0] === 'maximize')
    // What began on its own is measured by its own progress; the others by that of the study.
    const alone = last.mode === 'fresh' || last.mode === 'wide' || last.mode === 'best-wide'
    if (last.arm === 'gp' && request.firstTrial - (alone ? last.from : 0) < SETTLED) return false
    const judged = alone ? all.filter((t) => t.number >= last.from) : all
    const [patience, gain] = PATIENCE[last.arm]
    return idle(judged, all, last.from, gain) >= patience + PATIENCE_A_DIMENSION[last.arm] * d
  }

  /** The request with the trials of one run only. */
  #ownRequest(segment: Segment, request: SampleRequest): SampleRequest {
    let s = 0
    const history = request.history.filter((trial) => {
      while (s + 1 < this.#segments.length && this.#segments[s + 1].from <= trial.number) s++
      while (s > 0 && this.#segments[s].from > trial.number) s--
      return this.#segments[s].run === segment.run
    })
    return { ...request, history }
  }

  #freshOf({ run }: Segment): ReturnType<typeof gpFrom> {
    if (this.#fresh.run !== run) this.#fresh = { run, sampler: gpFrom() }
    return this.#fresh.sampler
  }

  #ownOf(segment: Segment, make: () => Sampler): Sampler {
    if (this.#own?.run !== segment.run) this.#own = { run: segment.run, sampler: make() }
    return this.#own.sampler
  }

  #cmaOf(segment: Segment, { space, history, directions }: SampleRequest): Sampler {
    const known = history.slice(0, segment.known)
    return cmaEsFrom({
      beginning: beginningOf(segment.mode, space, known, directions[0] === 'maximize'),
      population: undefined,
      sigma: WIDE,
      restarts: 'bipop',
      warmStart: [],
    })
  }

  save(): Data {
    return { version: 2, segments: this.#segments.map((segment) => ({ ...segment })) } as unknown as Data
  }

  restore(data: Data): void {
    const { version, segments } = data as unknown as { readonly version: number; readonly segments: readonly Segment[] }
    if (version !== 2)
      throw new TradewrightError('BAD_OPTION', `the state of auto must be of version 2, was ${version}`, { version })
    this.#segments = [...segments]
    this.#own = undefined
  }
}

/** Numeric parameters that can take more than one value. */
const numbersOf = (space: Space): number =>
  space.dimensions.filter((d) => d.kind !== 'categorical' && d.count > 1).length

/** Trials since the last improvement worth the name among `judged`, counted from trial `from` at the earliest. */
function idle(judged: readonly Known[], all: readonly Known[], from: number, gain: number): number {
  const sorted = Float64Array.from(all.flatMap(({ loss }) => (Math.abs(loss) < 1e150 ? [loss] : []))).sort()
  const least = sorted.length === 0 ? 0 : gain * (sorted[sorted.length >> 1] - sorted[0])
  let best = Number.POSITIVE_INFINITY
  let at = -1
  judged.forEach(({ loss }, i) => {
    if (best === Number.POSITIVE_INFINITY ? !(loss < best) : !(loss < best - least)) return
    best = loss
    at = i
  })
  return judged.filter((t, i) => i > at && t.number >= from).length
}

/** CMA-ES begins over the whole space, or at the best point: wide, or as wide as the next best lie from it. */
function beginningOf(
  mode: Segment['mode'],
  space: Space,
  history: readonly FinishedTrial[],
  maximize: boolean,
): CmaEsBeginning {
  const sign = maximize ? -1 : 1
  const sorted = history
    .filter((t) => t.status === 'done' && (t.violation ?? 0) <= 0 && !Number.isNaN(t.values[0]))
    .sort((a, b) => sign * (a.values[0] - b.values[0]))
    .map((t) => space.toUnit(t.params))
  const best = sorted[0]
  if (best === undefined || mode === 'wide')
    return { mean: new Float64Array(space.dimensions.length).fill(0.5), sigma: WIDE }
  if (mode === 'best-wide') return { mean: best, sigma: WIDE }
  const distance = (a: Float64Array): number => Math.sqrt(a.reduce((s, u, i) => s + (u - best[i]) ** 2, 0) / a.length)
  // Other basins may be among the best, so it is the median that counts.
  const spread = sorted
    .slice(1, 8)
    .map(distance)
    .sort((a, b) => a - b)
  return { mean: best, sigma: Math.min(LOCAL, Math.max(NARROW, spread[spread.length >> 1] ?? LOCAL)) }
}

/**
 * The default: a portfolio of samplers that begins where the space and the budget say and moves between them by what
 * they can and what they earn.
 *
 * It begins with scrambled Sobol points and a Gaussian process, which earns most while trials are few. Where the process
 * cannot foretell the best trials (leave-one-out, among the best 35 %), what needs no model takes over: TPE, then
 * differential evolution and CMA-ES in turn, or CMA-ES first above 8 numeric parameters; and gives back once it can. When
 * the process has not improved the best for a while (by more than a thousandth of the way to the median), others take
 * turns: a quadratic through the neighbours of the best point, a new process on its own (for another basin; above 8
 * numeric parameters the old one with its trust regions), CMA-ES from the best point and over the whole space, TPE where
 * there are categories, differential evolution. A failed trial is one without an improvement. After `gpUntil`
 * trials the process, whose model grows no more, is left out. Several objectives are left to TPE.
 *
 * @throws TradewrightError `BAD_OPTION` for a negative gpUntil; by `restore` for a state of another version.
 * @see Hutter, Kotthoff, Vanschoren (eds., 2019), "Automated machine learning", chapter 1 (portfolios); Rasmussen,
 *   Williams (2006), equation 5.12 (leave-one-out); the arms' papers stand with them.
 */
export function autoSampler(options: AutoOptions = {}): Sampler {
  refuseUnknown('auto', options, ['gpUntil', 'duplicates'])
  const { gpUntil = 600 } = options
  if (!(gpUntil >= 0))
    throw new TradewrightError('BAD_OPTION', `gpUntil must be at least 0, was ${gpUntil}`, { gpUntil })
  const portfolio = new Portfolio(gpUntil)
  return unlessWanted(
    {
      name: 'auto',
      flags: { generationSize: 4, multiObjective: true },
      sample: (request) => portfolio.sample(request),
      save: () => portfolio.save(),
      restore: (data) => portfolio.restore(data),
    },
    options,
  )
}
