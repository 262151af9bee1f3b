import { checkChoice, checkInteger, checkNumber } from '../models/check-options.ts'
import type { MissingPolicy } from './column-scale.ts'
import type { LinearKind } from './linear-model.ts'
import type { OnlineUpdate } from './online.ts'

/** Options that all linear models have. */
export interface LinearOptions {
  /** Lasso penalty of the mean loss. @default 0 */
  readonly l1?: number | undefined
  /** Ridge penalty of the mean loss, halved. @default 0, of logistic regression 0.001 */
  readonly l2?: number | undefined
  /** Penalties act on features of standard deviation 1, as glmnet's do. @default true */
  readonly standardize?: boolean | undefined
  /** A missing value counts as the feature's mean, or is refused. @default 'mean' */
  readonly missing?: MissingPolicy | undefined
  /** Where a batch solver stops. @default 1e-8 */
  readonly tolerance?: number | undefined
  /** Most iterations of a batch solver. @default 100 of logistic regression, 10000 sweeps of linear */
  readonly maxIterations?: number | undefined
  /** Online: how weights change. @default 'ftrl' */
  readonly update?: OnlineUpdate | undefined
  /** Online: passes over the rows. @default 5 */
  readonly rounds?: number | undefined
  /** Online: FTRL's alpha, or SGD's first step. @default 0.1 */
  readonly rate?: number | undefined
  /** Online: FTRL's beta. @default 1 */
  readonly beta?: number | undefined
  /** Online: SGD's step. @default 'inverse-root' */
  readonly schedule?: 'constant' | 'inverse-root' | undefined
  /** Online: rows in another order each round. @default true */
  readonly shuffle?: boolean | undefined
  /** Online: of the orders. @default 0 */
  readonly seed?: number | undefined
}

/** Names of {@link LinearOptions}. */
export const linearOptionNames: readonly string[] = [
  'l1',
  'l2',
  'solver',
  'standardize',
  'missing',
  'tolerance',
  'maxIterations',
  'update',
  'rounds',
  'rate',
  'beta',
  'schedule',
  'shuffle',
  'seed',
]

/** The options with their defaults, checked. @throws TradewrightError `BAD_OPTION`, `UNKNOWN_NAME`. */
export function resolveLinear(
  options: LinearOptions,
  defaults: { readonly l2: number; readonly maxIterations: number },
): Pick<LinearKind, 'missing' | 'standardize'> & {
  readonly l1: number
  readonly l2: number
  readonly tolerance: number
  readonly maxIterations: number
  readonly online: NonNullable<LinearKind['online']>
} {
  const { l1 = 0, l2 = defaults.l2, standardize = true, missing = 'mean', tolerance = 1e-8 } = options
  const { maxIterations = defaults.maxIterations, update = 'ftrl', rounds = 5, rate = 0.1, beta = 1 } = options
  const { schedule = 'inverse-root', shuffle = true, seed = 0 } = options
  checkNumber('l1', l1, 0)
  checkNumber('l2', l2, 0)
  checkNumber('tolerance', tolerance, Number.MIN_VALUE, 1)
  checkInteger('maxIterations', maxIterations, 1)
  checkChoice('missing', missing, ['mean', 'error'])
  checkChoice('update', update, ['ftrl', 'sgd'])
  checkChoice('schedule', schedule, ['constant', 'inverse-root'])
  checkInteger('rounds', rounds, 0)
  checkNumber('rate', rate, Number.MIN_VALUE)
  checkNumber('beta', beta, 0)
  checkInteger('seed', seed, 0)
  const online = { update, l1, l2, rate, beta, schedule, rounds, shuffle, seed }
  return { l1, l2, standardize, missing, tolerance, maxIterations, online }
}
