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
import { type DuplicatesOption, unlessWanted } from './distinct.ts'
import { gpSampler, gpSkill } from './gp-sampler.ts'
import { tpeSampler } from './tpe-sampler.ts'

/** Options of {@link autoSampler}. */
export interface AutoOptions extends DuplicatesOption {
  /** Trials after which the Gaussian process leaves the portfolio: its model would not grow any more. @default 600 */
  readonly gpUntil?: number | undefined
}

declare module '@tradewright/core' {
  interface SamplerOptionsByName {
    auto: AutoOptions
  }
}

type Arm = 'gp' | 'cma-es' | 'tpe'

/** A stretch of trials by one arm. */
interface Segment {
  /** Number of its first trial. */
  readonly from: number
  readonly arm: Arm
  /** Which run of the arm: those of CMA-ES learn from their own trials only. */
  readonly run: number
  /** Finished trials of the study when the run began. */
  readonly known: number
}

const SEGMENT = 8
/** Trials after which the Gaussian process must foretell this part of the variance of what it has not seen. */
const SKILL_FROM = 48
const LEAST_SKILL = 0.6
/** Standard deviations with which CMA-ES begins: over the whole space, and at least at the best point. */
const WIDE = 1 / 6
const NARROW = 0.03
/** An improvement counts where it is more than this part of the distance from the best to the median. */
const LEAST_GAIN = 1e-4
/** Trials without an improvement after which an arm is relieved: this many and so many a dimension. */
const PATIENCE = 20
const PATIENCE_A_DIMENSION = 4

interface Known {
  readonly number: number
  readonly loss: number
}

function lossesOf(history: readonly FinishedTrial[], maximize: boolean): Known[] {
  const sign = maximize ? -1 : 1
  return history.flatMap((t) =>
    t.status === 'done' && (t.violation ?? 0) <= 0 && Number.isFinite(t.values[0])
      ? [{ number: t.number, loss: sign * t.values[0] }]
      : [],
  )
}

class Portfolio {
  readonly #gpUntil: number
  #segments: Segment[] = []
  #gp = gpSampler({ duplicates: true })
  #tpe = tpeSampler({ duplicates: true })
  #cma: { readonly run: number; readonly sampler: Sampler } | undefined

  constructor(gpUntil: number) {
    this.#gpUntil = gpUntil
  }

  sample(request: SampleRequest): readonly Params[] {
    const { firstTrial, history } = request
    // A new study with the same instance begins anew.
    if (history.length === 0) this.#segments = []
    const last = this.#segments.at(-1)
    if (last === undefined || firstTrial >= this.#reviewAt(last)) {
      const next = this.#decide(request, last)
      if (last === undefined || next.arm !== last.arm || next.run !== last.run) this.#segments.push(next)
    }
    const segment = this.#segments[this.#segments.length - 1]
    switch (segment.arm) {
      case 'gp':
        return this.#gp.sample(request)
      case 'tpe':
        return this.#tpe.sample(request)
      case 'cma-es':
        return this.#cmaOf(segment, request).sample({ ...request, history: this.#own(segment, history) })
      default:
        return segment.arm satisfies never
    }
  }

  #reviewAt({ from }: Segment): number {
    return from + SEGMENT
  }

  #decide(request: SampleRequest, last: Segment | undefined): Segment {
    const { firstTrial, history, space, directions } = request
    const gpAllowed = firstTrial < this.#gpUntil && directions.length === 1
    const known = history.length
    if (last === undefined) return { from: firstTrial, arm: directions.length > 1 ? 'tpe' : 'gp', run: 0, known }
    if (directions.length > 1) return last
    const losses = lossesOf(history, directions[0] === 'maximize')
    const relieved = last.arm === 'gp' && !gpAllowed
    // CMA-ES begins wide, so it is measured by its own progress; the others by that of the study.
    const judged = last.arm === 'cma-es' ? losses.filter((t) => t.number >= last.from) : losses
    const patience = PATIENCE + PATIENCE_A_DIMENSION * space.dimensions.length
    const rugged = last.arm === 'gp' && this.#segments.length === 1 && this.#rugged(request)
    if (!relieved && !rugged && this.#idle(judged, losses, last.from) < patience) return last
    const numbers = space.dimensions.some((d) => d.kind !== 'categorical' && d.count > 1)
    const categories = space.dimensions.some((d) => d.kind === 'categorical' && d.count > 1)
    const order: Arm[] = []
    if (gpAllowed) order.push('gp')
    if (numbers) order.push('cma-es')
    if (categories || !gpAllowed) order.push('tpe')
    const arm = order[(order.indexOf(last.arm) + 1) % order.length]
    return { from: firstTrial, arm, run: this.#segments.length, known }
  }

  /** Whether the Gaussian process, after its first trials, still cannot foretell what it has not seen. */
  #rugged(request: SampleRequest): boolean {
    const { history, firstTrial } = request
    if (firstTrial < SKILL_FROM || firstTrial >= SKILL_FROM + 2 * SEGMENT) return false
    const skills = [history, history.slice(0, Math.max(SKILL_FROM - SEGMENT, history.length - SEGMENT))].map((seen) =>
      gpSkill({ ...request, history: seen }),
    )
    return (skills[0] + skills[1]) / 2 < LEAST_SKILL
  }

  /** Trials since the last improvement worth the name among `judged`, counted from trial `from` at the earliest. */
  #idle(judged: readonly Known[], all: readonly Known[], from: number): number {
    if (all.length === 0) return 0
    const sorted = Float64Array.from(all, (t) => t.loss).sort()
    const least = LEAST_GAIN * (sorted[sorted.length >> 1] - sorted[0])
    let best = Number.POSITIVE_INFINITY
    let at = -1
    judged.forEach(({ loss }, i) => {
      if (best !== Number.POSITIVE_INFINITY && !(loss < best - least)) return
      best = loss
      at = i
    })
    return judged.filter((t, i) => i > at && t.number >= from).length
  }

  /** Trials of one run, of all its segments. */
  #own(segment: Segment, history: readonly FinishedTrial[]): readonly FinishedTrial[] {
    let s = 0
    return history.filter((trial) => {
      while (s + 1 < this.#segments.length && this.#segments[s + 1].from <= trial.number) s++
      while (s > 0 && this.#segments[s].from > trial.number) s--
      return this.#segments[s].run === segment.run
    })
  }

  /** CMA-ES from the best point known when its run began, as wide as the best eight lie apart. */
  #cmaOf(segment: Segment, { space, history, directions }: SampleRequest): Sampler {
    if (this.#cma?.run === segment.run) return this.#cma.sampler
    const { mean, sigma } = this.#beginning(
      segment,
      space,
      history.slice(0, segment.known),
      directions[0] === 'maximize',
    )
    const sampler = cmaEsFrom({
      beginning: { mean, sigma },
      population: undefined,
      sigma: 1 / 6,
      restarts: 'bipop',
      warmStart: [],
    })
    this.#cma = { run: segment.run, sampler }
    return sampler
  }

  #beginning(segment: Segment, space: Space, history: readonly FinishedTrial[], maximize: boolean): CmaEsBeginning {
    const sign = maximize ? -1 : 1
    const sorted = history
      .filter((t) => t.status === 'done' && (t.violation ?? 0) <= 0)
      .sort((a, b) => sign * (a.values[0] - b.values[0]))
      .map((t) => space.toUnit(t.params))
    const best = sorted[0]
    if (best === undefined) return { mean: new Float64Array(space.dimensions.length).fill(0.5), sigma: 1 / 6 }
    const distance = (a: Float64Array): number => Math.sqrt(a.reduce((s, u, i) => s + (u - best[i]) ** 2, 0) / a.length)
    const turn = this.#segments.filter((other) => other.arm === 'cma-es' && other.from <= segment.from).length
    // The Gaussian process was relieved early: nothing is converged, and everything is still to be found.
    if (turn === 1 && segment.from < SKILL_FROM + 3 * SEGMENT) return { mean: best, sigma: WIDE }
    // After a convergence: first a search of the whole space, then from the best itself, and so on in turn.
    if (turn % 2 === 1) return { mean: new Float64Array(best.length).fill(0.5), sigma: WIDE }
    const spread = sorted.slice(0, 8).reduce((s, unit) => s + distance(unit) ** 2, 0) / Math.min(8, sorted.length)
    return { mean: best, sigma: Math.min(0.2, Math.max(NARROW, Math.sqrt(spread))) }
  }

  save(): Data {
    return { version: 1, segments: this.#segments.map((segment) => ({ ...segment })) } as unknown as Data
  }

  restore(data: Data): void {
    this.#segments = [...(data as unknown as { readonly segments: readonly Segment[] }).segments]
    this.#cma = undefined
  }
}

/**
 * The default: a portfolio of samplers that begins where the space and the budget say and moves between them by what
 * they earn.
 *
 * It begins with scrambled Sobol points and a Gaussian process, which earns most while trials are few. When the arm in
 * charge has not improved the best for a while (by more than a ten-thousandth of the way to the median), the next one
 * takes over: CMA-ES, in turn over the whole space and from the best point; then TPE where there are
 * categories or no Gaussian process; then the first again. Where the Gaussian process cannot foretell what it has not
 * seen (leave-one-out, after 48 trials), CMA-ES takes over at once, from the best point and wide. After
 * `gpUntil` trials the Gaussian process, whose model grows no more, is left out. Several objectives are left to TPE.
 *
 * @throws TradewrightError `BAD_OPTION` for a negative gpUntil.
 * @see Hutter, Kotthoff, Vanschoren (eds., 2019), "Automated machine learning", chapter 1 (portfolios); the arms' papers
 *   stand with them.
 */
export function autoSampler(options: AutoOptions = {}): Sampler {
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
