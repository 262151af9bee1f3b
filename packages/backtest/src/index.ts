export type { AnyExpr, BooleanExpr, Expr } from './expression.ts'
export { NodeGraph } from './node-graph.ts'
export type { SimulationSettings, StopSetting } from './simulation-settings.ts'
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
export type { BollingerExprs, TechnicalAnalysis } from './ta.ts'
export { ta } from './ta.ts'
