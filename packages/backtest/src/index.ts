export type { BacktestOptions, BacktestResult } from './backtest.ts'
export { backtest } from './backtest.ts'
export type { CalendarField } from './calendar-fields.ts'
export { engineVersion } from './engine-version.ts'
export type { EvaluateOptions } from './evaluate.ts'
export { createEvaluate } from './evaluate.ts'
export type { AnyExpr, BooleanExpr, Expr } from './expression.ts'
export { createFastPath } from './fast-path.ts'
export type { Intent, LiveStep, LiveStop, LiveStrategy, StreamOptions } from './live-strategy.ts'
export { deflatedSharpe, expectedMaxSharpe } from './luck-deflated-sharpe.ts'
export { minTrackRecordLength, probabilisticSharpe, sharpePerBar } from './luck-probabilistic-sharpe.ts'
export type { WalkForwardFold, WalkForwardOptions } from './luck-walk-forward.ts'
export { walkForwardSlices } from './luck-walk-forward.ts'
export type { MetricColumns } from './metric-columns.ts'
export { NodeGraph } from './node-graph.ts'
export type { LiveBar } from './node-steps.ts'
export type { Order, Trade } from './orders.ts'
export { programKey } from './program-key.ts'
export type { SavedStrategy } from './saved-strategy.ts'
export { parseStrategy } from './saved-strategy.ts'
export type { SimulationSettings, StopSetting } from './simulation-settings.ts'
export type { FastPath, PreparedTrial, SliceBatch } from './slice-batch.ts'
export type {
  Binding,
  Columns,
  EventSignals,
  Signals,
  StateSignals,
  Strategy,
  StrategyDefinition,
  TargetSignals,
} from './strategy.ts'
export { defineStrategy } from './strategy.ts'
export type { SweepColumns, SweepOptions } from './sweep.ts'
export { sweep, sweepPrograms } from './sweep.ts'
export type { RankedTrial, SweepResult } from './sweep-result.ts'
export { createSweepResult } from './sweep-result.ts'
export type { BandExprs, MacdExprs, StochasticExprs, TechnicalAnalysis } from './ta.ts'
export { ta } from './ta.ts'
export type { SessionOptions } from './time-nodes.ts'
export { barsSince, calendar, session, tf, valueWhen, where } from './time-nodes.ts'
export type { IndicatorOptions, Kernel, KernelStream } from './user-kernel.ts'
export { defineIndicator } from './user-kernel.ts'
