import { type Data, type FeatureMatrix, type FitOptions, type Model, TradewrightError } from '@tradewright/core'

/** Several models by name: their states are kept by name too. */
export class MemberModels {
  readonly names: readonly string[]
  readonly #models: ReadonlyMap<string, Model>
  readonly #trained = new Set<string>()

  constructor(models: Readonly<Record<string, Model>>) {
    this.#models = new Map(Object.entries(models))
    this.names = [...this.#models.keys()]
    if (this.names.length === 0) throw new TradewrightError('BAD_OPTION', 'an ensemble must have a model, was empty')
    if (new Set(this.#models.values()).size !== this.names.length)
      throw new TradewrightError('DUPLICATE_NAME', 'an ensemble must have each model once')
  }

  get bytes(): number {
    let sum = 0
    for (const model of this.#models.values()) sum += model.bytes
    return sum
  }

  get continuation(): Model['continuation'] {
    const all = [...this.#models.values()].map((model) => model.continuation)
    if (all.includes(undefined)) return undefined
    return all.every((each) => each === 'exact') ? 'exact' : 'approximate'
  }

  get truncates(): boolean {
    return [...this.#models.values()].every((model) => model.truncates === true)
  }

  /** Means of the members' importances, of those that tell. */
  get importances(): Model['importances'] {
    const told = [...this.#models.values()].flatMap(({ importances }) =>
      importances === undefined ? [] : [importances],
    )
    if (told.length === 0) return undefined
    const sums = new Map<string, number>()
    for (const each of told)
      for (const [name, value] of Object.entries(each)) sums.set(name, (sums.get(name) ?? 0) + value / told.length)
    return Object.fromEntries(sums)
  }

  /** One after another, each from its own state where there is one. */
  async fit(
    X: FeatureMatrix,
    y: Float32Array,
    options: FitOptions,
    states: Readonly<Record<string, Data>> = {},
  ): Promise<void> {
    this.#trained.clear()
    const known = new Map(Object.entries(states))
    for (const [name, model] of this.#models) {
      const initial = known.get(name)
      const rounds = model.continuation === undefined ? undefined : options.rounds
      this.#trained.add(name)
      try {
        await model.fit(X, y, { ...options, initial, rounds })
      } catch (error) {
        this.#trained.delete(name)
        throw error
      }
    }
  }

  /** Predictions of each, and their outputs a row. @throws TradewrightError `BAD_SHAPE` where outputs differ. */
  predict(X: FeatureMatrix): { readonly predictions: ReadonlyMap<string, Float32Array>; readonly outputs: number } {
    const predictions = new Map<string, Float32Array>()
    let length: number | undefined
    for (const [name, model] of this.#models) {
      const predicted = model.predict(X)
      length ??= predicted.length
      if (predicted.length !== length)
        throw new TradewrightError(
          'BAD_SHAPE',
          `the models of an ensemble must have the same outputs, '${name}' gave ${predicted.length} numbers, others ${length}`,
          { name, length: predicted.length },
        )
      predictions.set(name, predicted)
    }
    return { predictions, outputs: X.rows === 0 ? 0 : (length ?? 0) / X.rows }
  }

  save(): Readonly<Record<string, Data>> {
    return Object.fromEntries(
      [...this.#models].filter(([name]) => this.#trained.has(name)).map(([name, model]) => [name, model.save()]),
    )
  }

  /** @throws TradewrightError `BAD_DATA` where a member's state is missing. */
  load(states: Readonly<Record<string, Data>>): void {
    const known = new Map(Object.entries(states))
    for (const [name, model] of this.#models) {
      if (!known.has(name))
        throw new TradewrightError('BAD_DATA', `a state of an ensemble must have the model '${name}'`, { name })
      model.load(known.get(name))
      this.#trained.add(name)
    }
  }
}
