// Budget and regret of every pruner on the seeded objectives (20 seeds), beside Optuna 4.9's recorded medians.
import { readFileSync } from 'node:fs'
import type { Pruner } from '@tradewright/core'
import {
  extrapolationPruner,
  hyperbandPruner,
  medianPruner,
  nonePruner,
  patientPruner,
  percentilePruner,
  successiveHalvingPruner,
  wilcoxonPruner,
} from '../src/index.ts'
import { runPruning } from './pruning-objectives.ts'
import { quantile } from './rank-tests.ts'

interface Recorded {
  readonly budget_fraction_median: number
  readonly regret_median: number
}
const golden = JSON.parse(
  readFileSync(new URL('../test/golden/pruners-optuna-4.9.json', import.meta.url), 'utf8'),
) as Readonly<Record<'learning_curve' | 'wilcoxon_instances', Readonly<Record<string, Recorded>>>>

const cases: readonly ['curve' | 'folds', string, Pruner, string?][] = [
  ['curve', 'none', nonePruner(), 'none'],
  ['curve', 'median', medianPruner(), 'median_default'],
  ['curve', 'median, warm-up 10', medianPruner({ warmupSteps: 10 }), 'median_warm10'],
  ['curve', 'percentile 25', percentilePruner({ percentile: 25 }), 'percentile25'],
  ['curve', 'patient 5, median', patientPruner(medianPruner(), { patience: 5 }), 'patient5_median'],
  ['curve', 'successive halving', successiveHalvingPruner(), 'asha_rf4_min1'],
  ['curve', 'hyperband', hyperbandPruner({ maxResource: 81 }), 'hyperband_rf3'],
  ['curve', 'extrapolation', extrapolationPruner()],
  ['folds', 'wilcoxon 0.1', wilcoxonPruner({ pThreshold: 0.1 }), 'wilcoxon_p0.1'],
  ['folds', 'wilcoxon (0.2)', wilcoxonPruner(), 'wilcoxon_p0.2'],
]
for (const [kind, name, pruner, namesake] of cases) {
  const rows = Array.from({ length: 20 }, (_, s) => runPruning(pruner, s, kind))
  const other =
    namesake === undefined ? undefined : golden[kind === 'curve' ? 'learning_curve' : 'wilcoxon_instances'][namesake]
  const budget = quantile(
    rows.map((r) => r.budget),
    0.5,
  )
  const regret = quantile(
    rows.map((r) => r.regret),
    0.5,
  )
  console.log(
    `${kind}  ${name.padEnd(20)} budget ${budget.toFixed(4)}  regret ${regret.toFixed(5)}${other === undefined ? '' : `   Optuna ${other.budget_fraction_median}  ${other.regret_median}`}`,
  )
}
