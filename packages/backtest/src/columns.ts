import type { Expr } from './expression.ts'

/** The symbolic columns that `signals`, `simulate` and features get. */
export interface Columns {
  readonly open: Expr
  readonly high: Expr
  readonly low: Expr
  readonly close: Expr
  readonly volume: Expr
  /** Epoch ms UTC of each bar's opening. */
  readonly timestamp: Expr
  /**
   * What the training's model expects of each bar's label, from models that never saw the bar; NaN where there is none
   * yet. Only in a training with a `model`: reading it elsewhere throws `BAD_STRATEGY`.
   */
  readonly prediction: Expr
}
