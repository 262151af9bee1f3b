import type { FinishedTrial, Params, Rng, SampleRequest, Sampler, Space } from '@tradewright/core'

const NEIGHBOUR_TRIES = 24
const RANDOM_TRIES = 64
const MAX_ENUMERATED = 1_000_000

/** The points of one study that were asked before. Only spaces without continuous parameters can repeat one. */
class Asked {
  readonly #keys = new Set<string>()
  #read = 0
  #space: Space | undefined
  #first: FinishedTrial | undefined
  #last: FinishedTrial | undefined
  #point = new Float64Array(0)

  sync({ space, history }: SampleRequest): void {
    const continued =
      space === this.#space &&
      history.length >= this.#read &&
      (this.#read === 0 || (history[0] === this.#first && history[this.#read - 1] === this.#last))
    if (!continued) {
      this.#keys.clear()
      this.#read = 0
      this.#point = new Float64Array(space.dimensions.length)
    }
    this.#space = space
    for (; this.#read < history.length; this.#read++) this.#keys.add(this.key(space, history[this.#read].params))
    this.#first = history[0]
    this.#last = history[history.length - 1]
  }

  key(space: Space, params: Params): string {
    return space.toPoint(params, this.#point).join()
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }
}

const keeps = (space: Space, params: Params): boolean => space.where === undefined || space.where(params)

/** One parameter moved to another value: a step of up to `reach` values, or any other one of a categorical one. */
function neighbour(space: Space, params: Params, rng: Rng, reach: number): Params {
  const unit = space.toUnit(params)
  const { dimensions } = space
  if (dimensions.length === 0) return params
  for (let moved = 0; moved < 1 + Math.floor(reach / 8); moved++) {
    const d = rng.below(dimensions.length)
    const { count, kind } = dimensions[d]
    if (count === 1) continue
    const cell = Math.min(count - 1, Math.floor(unit[d] * count))
    const shift = 1 + rng.below(kind === 'categorical' ? count - 1 : Math.min(count - 1, reach))
    const target = kind === 'categorical' ? (cell + shift) % count : cell + (rng.below(2) === 0 ? shift : -shift)
    unit[d] = (Math.min(count - 1, Math.max(0, target)) + 0.5) / count
  }
  return space.fromUnit(unit) as Params
}

function replacement(
  space: Space,
  params: Params,
  rng: Rng,
  taken: (key: string) => boolean,
  keyOf: (p: Params) => string,
): Params | undefined {
  for (let i = 0; i < NEIGHBOUR_TRIES; i++) {
    const other = neighbour(space, params, rng, 1 + i)
    if (!taken(keyOf(other)) && keeps(space, other)) return other
  }
  for (let i = 0; i < RANDOM_TRIES; i++) {
    const other = space.sample(rng)
    if (!taken(keyOf(other))) return other
  }
  if (space.size > MAX_ENUMERATED) return params
  // Reservoir of one over what is left (Vitter 1985).
  let kept: Params | undefined
  let seen = 0
  for (const other of space.enumerate()) if (!taken(keyOf(other)) && rng.below(++seen) === 0) kept = other
  return kept
}

/**
 * A sampler that asks no point twice, where points can repeat (no continuous parameter): a duplicate is replaced by an
 * untried neighbour, else by a random untried point; an exhausted space ends the study.
 */
export function distinct(inner: Sampler): Sampler {
  const asked = new Asked()
  return {
    ...inner,
    flags: { ...inner.flags },
    sample(request) {
      const { space, firstTrial, rng } = request
      const answer = inner.sample(request)
      if (space.size === Number.POSITIVE_INFINITY) return answer
      asked.sync(request)
      const batch = new Set<string>()
      const keyOf = (params: Params): string => asked.key(space, params)
      const taken = (key: string): boolean => batch.has(key) || asked.has(key)
      const out: Params[] = []
      answer.forEach((params, i) => {
        let chosen: Params | undefined = params
        if (taken(keyOf(params)))
          chosen = replacement(space, params, rng(firstTrial + i + DISTINCT_STREAM), taken, keyOf)
        if (chosen === undefined) return
        batch.add(keyOf(chosen))
        out.push(chosen)
      })
      return out
    },
  }
}

/** Keeps replacement draws apart from the sampler's own of the same trial. */
const DISTINCT_STREAM = 2 ** 48

/** The option every sampler of this package has. */
export interface DuplicatesOption {
  /** Ask a point again in a space without continuous parameters. @default false */
  readonly duplicates?: boolean | undefined
}

/** `sampler`, distinct unless its user wants duplicates. */
export function unlessWanted(sampler: Sampler, { duplicates = false }: DuplicatesOption): Sampler {
  return duplicates ? sampler : distinct(sampler)
}
