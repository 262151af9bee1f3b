import {
  type Binding,
  bindFeatures,
  type Columns,
  type FeatureProgram,
  featureMatrix,
  type Labels,
  lendPredictor,
  type Prediction,
  type Predictor,
  type Strategy,
  withPrediction,
} from '@tradewright/backtest'
import {
  type Bars,
  contentKey,
  type Data,
  type Fit,
  type FittedModel,
  type IndicatorStore,
  type Key,
  type ModelReference,
  type Params,
  type PendingTrial,
  type Slice,
  type Space,
  type SpaceShape,
  TradewrightError,
  toErrorData,
} from '@tradewright/core'
import type { SplitBars } from './holdout.ts'
import { latestFold, type ModelFold, modelFolds, timelineOf } from './model-folds.ts'
import { createModel, modelReference, type ResolvedSource, resolveModelSource } from './model-registry.ts'
import type { ModelRequest } from './model-request.ts'
import { checkedLabels, checkFeatures, type ModelSeries, testRows, trainingRows } from './model-rows.ts'
import { jointSpace, pick } from './model-space.ts'
import { type FoldReport, foldReport, type ModelSummary, ModelTally } from './model-summary.ts'
import type { SavedModel } from './saved-model.ts'
import { walkForwardPredictor } from './walk-forward-predictor.ts'

/** What {@link ModelTraining} works with. */
export interface ModelTrainingOptions<P> {
  readonly strategy: Strategy<P>
  readonly model: ModelRequest<P, SpaceShape>
  readonly symbols: readonly SplitBars[]
  readonly fit: Fit
  /** The same without what only approximates: for the winner. */
  readonly fitExactly: Fit
  readonly indicators: IndicatorStore
  /** Trainings at the same time. */
  readonly parallel: number
}

/** What a batch of trials is bound under. */
export interface BindContext {
  /** What the batch is evaluated on. */
  readonly slices: readonly Slice[]
  /** Trials below this number had finished before this generation began. */
  readonly earlier: number
  /** Name of the study. */
  readonly run: string
  readonly signal: AbortSignal
}

/** Bound trials, in the order of the batch. */
export interface BoundTrials {
  readonly bindings: readonly Binding[]
  /** Frees what the bound programs need, after they were evaluated. */
  release(): void
}

/** A fold with its model. */
interface TrainedFold {
  readonly fold: ModelFold
  readonly fitted: FittedModel
  readonly classes: readonly number[] | undefined
}

/** One trial's models as far as they have been trained. */
interface TrialModels {
  readonly earlier: number
  readonly program: FeatureProgram
  readonly reference: ModelReference
  readonly folds: TrainedFold[]
  readonly series: readonly ModelSeries[]
  /** Of features and labels, whatever the window. */
  key: Key | undefined
}

/** The winner's models: bound for validation, told of in the report, and ready to be saved. */
export interface FinalModel<P> {
  /** Reads predictions of the walk forward over every bar. */
  readonly strategy: Strategy<P>
  /** Reads predictions of the newest model, for bars to come. */
  readonly live: Strategy<P>
  readonly summary: ModelSummary
  /** The newest model as plain data. */
  readonly saved: SavedModel
  release(): void
}

/** How some folds of a trial are trained. */
interface Training {
  readonly params: Params
  readonly number: number
  readonly run: string
  readonly train: Fit
  readonly signal: AbortSignal
}

/** Trials whose models are kept while they wait at a stage. */
const MAX_WAITING = 64

/** Trains the models of a study's trials, walk-forward, and binds the strategy to their predictions. */
export class ModelTraining<P> {
  readonly space: Space
  /** What of the request a stored study depends on. */
  readonly content: Data
  readonly tally: ModelTally = new ModelTally()
  readonly #options: ModelTrainingOptions<P>
  readonly #source: ResolvedSource
  readonly #own: readonly string[]
  readonly #folds: readonly ModelFold[]
  /** By parameters: a trial's number may come again, in another search. */
  readonly #waiting = new Map<Key, TrialModels>()

  constructor(options: ModelTrainingOptions<P>) {
    const { strategy, model, symbols } = options
    this.#options = options
    this.#source = resolveModelSource(model.create)
    this.#own = Object.keys(strategy.space.shape)
    this.space = jointSpace(strategy.space as unknown as Space<never>, model.params)
    this.#folds = modelFolds(timelineOf(symbols.map(({ training }) => training)), model.walkForward)
    const { name: _, ...source } = this.#source
    this.content = { source, walkForward: { ...model.walkForward }, version: model.version ?? '' }
  }

  /**
   * Trains what the batch's slices need and binds its trials. A trial whose models cannot be trained is one that failed;
   * the others go on.
   */
  async bind(
    batch: readonly Pick<PendingTrial, 'number' | 'params' | 'rung'>[],
    context: BindContext,
  ): Promise<BoundTrials> {
    const { signal } = context
    const bindings: Binding[] = new Array(batch.length)
    const loans: (() => void)[] = []
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < batch.length) {
        const place = next++
        signal.throwIfAborted()
        try {
          const { binding, giveBack } = await this.#bindOne(batch[place], context)
          bindings[place] = binding
          loans.push(giveBack)
        } catch (error) {
          signal.throwIfAborted()
          bindings[place] = { status: 'failed', error: toErrorData(error) }
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#options.parallel, batch.length) }, lane))
    return {
      bindings,
      release() {
        for (const giveBack of loans) giveBack()
      },
    }
  }

  async #bindOne(
    { number, params, rung }: Pick<PendingTrial, 'number' | 'params' | 'rung'>,
    { slices, earlier, run, signal }: BindContext,
  ): Promise<{ readonly binding: Binding; giveBack(): void }> {
    const { symbols } = this.#options
    const key = contentKey(params)
    const trial =
      this.#waiting.get(key) ??
      this.#trial(
        params,
        symbols.map(({ symbol, training }) => ({ symbol, bars: training })),
        earlier,
      )
    const end = Math.max(...slices.map((slice) => this.#endOf(slice)))
    await this.#train(trial, this.#folds.filter(({ from }) => from <= end).slice(trial.folds.length), {
      params,
      number,
      run,
      train: this.#options.fit,
      signal,
    })
    this.#wait(key, trial, rung !== undefined && !rung.last)
    const predictor = await this.#predictor(trial, trial.folds)
    const giveBack = lendPredictor(predictor)
    const [binding] = this.#withPrediction(predictor, params, () =>
      this.#options.strategy.tryBind([pick(params, this.#own) as P]),
    )
    return { binding, giveBack }
  }

  /** The time of a slice's last bar. */
  #endOf({ data, end }: Slice): number {
    const found = this.#options.symbols.find(({ training }) => training.fingerprint === data)
    if (found === undefined)
      throw new TradewrightError('INTERNAL', `a slice names bars that no model knows, was ${data}`)
    return found.training.timestamp[end - 1]
  }

  #wait(key: Key, trial: TrialModels, waits: boolean): void {
    this.#waiting.delete(key)
    if (!waits) return
    this.#waiting.set(key, trial)
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size > MAX_WAITING) this.#waiting.delete(oldest)
  }

  #trial(
    params: Params,
    series: readonly { readonly symbol: string; readonly bars: Bars }[],
    earlier: number,
  ): TrialModels {
    const { model, indicators } = this.#options
    const program = bindFeatures((columns) => this.#features(columns, params))
    const { options = pick(params, Object.keys(model.params ?? {})) as Data } = model
    const made = typeof options === 'function' ? (options as (params: unknown) => Data)(params) : options
    return {
      earlier,
      program,
      reference: modelReference(this.#source, made),
      folds: [],
      series: series.map(({ symbol, bars }) => {
        const one = { symbol, bars, features: featureMatrix(bars, program, { store: indicators }) }
        checkFeatures(one)
        return one
      }),
      key: undefined,
    }
  }

  #features(columns: Columns, params: Params): ReturnType<ModelRequest['features']> {
    return this.#options.model.features(columns, params as never)
  }

  #labels(params: Params): (bars: Bars) => Labels {
    return (bars) => this.#options.model.labels(bars, params as never)
  }

  #withPrediction<T>({ key }: Pick<Predictor, 'key'>, params: Params, body: () => T): T {
    const prediction: Prediction = { key, features: (columns) => this.#features(columns, params) }
    return withPrediction(prediction, body)
  }

  async #train(
    trial: TrialModels,
    folds: readonly ModelFold[],
    { params, number, run, train, signal }: Training,
  ): Promise<void> {
    const labels = this.#labels(params)
    for (const fold of folds) {
      signal.throwIfAborted()
      const rows = trainingRows(trial.series, fold, labels)
      // Labels are made by the user's code, which no key can read: what they say of the first window stands for it.
      trial.key ??= contentKey([
        'model series',
        trial.program.key,
        trial.series.map(({ symbol, bars }) => [symbol, bars.timeframe, bars.timestamp[0]]),
        rows.y,
        rows.weight,
      ])
      const { X, y, weight, times } = rows
      const fitted = await train({
        trial: number,
        model: trial.reference,
        X,
        y,
        sampleWeight: weight,
        times,
        series: trial.key,
        run,
        earlier: trial.earlier,
        signal,
      })
      this.tally.add(fitted)
      trial.folds.push({ fold, fitted, classes: rows.classes })
    }
  }

  async #predictor({ reference, program }: TrialModels, folds: readonly TrainedFold[]): Promise<Predictor> {
    return walkForwardPredictor({
      model: await createModel(reference),
      source: this.#source,
      options: reference.options,
      names: program.names,
      classes: folds.at(0)?.classes,
      folds: folds.map(({ fold: { from, to }, fitted: { model } }) => ({ from, to, model })),
    })
  }

  /**
   * Trains the winner's models over every bar, the held-out ones too, each model on bars before those it predicts, and
   * one more on the newest bars. Nothing approximate is left in them: they are what a cold training gives.
   */
  async finish(number: number, params: Params, signal: AbortSignal): Promise<FinalModel<P>> {
    const { model, symbols } = this.#options
    const series = symbols.map(({ symbol, bars }) => ({ symbol, bars }))
    const timeline = timelineOf(series.map(({ bars }) => bars))
    const folds = modelFolds(timeline, model.walkForward)
    const trial = this.#trial(params, series, 0)
    const searched = this.tally.summary()
    await this.#train(trial, [...folds, latestFold(timeline, model.walkForward, folds.length)], {
      params,
      number,
      run: '',
      train: this.#options.fitExactly,
      signal,
    })
    const tested = trial.folds.slice(0, folds.length)
    const newest = trial.folds.slice(folds.length)
    const [walk, live] = [await this.#predictor(trial, tested), await this.#predictor(trial, newest)]
    const labels = trial.series.map(({ bars }) => checkedLabels(this.#labels(params)(bars), bars))
    const judge = await createModel(trial.reference)
    const reports = trial.folds.map(({ fold, fitted }): FoldReport => {
      judge.load(fitted.model)
      const rows = trainingRows(trial.series, fold, this.#labels(params))
      const test = fold.fold < folds.length ? testRows(trial.series, fold, labels) : undefined
      return foldReport(judge, { fold, fitted, rows, test })
    })
    return {
      strategy: this.#bound(walk, params),
      live: this.#bound(live, params),
      summary: {
        name: this.#source.name,
        features: trial.program.names,
        classes: newest[0].classes,
        folds: reports,
        search: searched,
      },
      saved: {
        source: { ...this.#source },
        options: trial.reference.options,
        names: trial.program.names,
        classes: newest[0].classes,
        from: newest[0].fold.from,
        key: live.key,
        state: newest[0].fitted.model,
      },
      release: lendPredictor(walk),
    }
  }

  /** The strategy with a predictor's column. */
  #bound(predictor: Predictor, params: Params): Strategy<P> {
    const { strategy } = this.#options
    const within = <T>(body: () => T): T => this.#withPrediction(predictor, params, body)
    const own = (of: P): P => pick(of as Params, this.#own) as P
    return {
      kind: 'strategy',
      name: strategy.name,
      space: this.space as unknown as Space<P>,
      bind: (list) => within(() => strategy.bind(list.map(own))),
      tryBind: (list) => within(() => strategy.tryBind(list.map(own))),
      stream: (of, options) => within(() => strategy.stream(own(of), options)),
      save: (of, options) => within(() => strategy.save(own(of), options)),
    }
  }
}
