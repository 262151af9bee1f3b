import { descendCoordinates, type Quadratic } from './quadratic.ts'

/** A smooth loss at one point. */
export interface LossAt {
  readonly loss: number
  readonly gradient: Float64Array
  /** shape [size * size], symmetric. */
  readonly hessian: Float64Array
}

/** What {@link proximalNewton} minimizes: loss(b) + l1 |b| + l2/2 |b|^2. */
export interface SmoothProblem extends Pick<Quadratic, 'l1' | 'l2' | 'penalized'> {
  evaluate(b: Float64Array): LossAt
  readonly tolerance: number
  readonly maxIterations: number
  /** Between iterations: gives others their turn, throws to stop. */
  readonly pause: () => Promise<void>
}

/** How it ended. */
export interface Minimum {
  readonly loss: number
  readonly iterations: number
  readonly converged: boolean
}

function penalty({ l1, l2, penalized }: SmoothProblem, b: Float64Array): number {
  let sum = 0
  for (let j = 0; j < b.length; j++) if (penalized(j)) sum += l1 * Math.abs(b[j]) + (l2 / 2) * b[j] * b[j]
  return sum
}

/**
 * Proximal Newton: the loss's quadratic model with the penalty, minimized by coordinate descent; then a line search.
 *
 * @param b shape [size]: the start, overwritten with the minimum.
 * @see Yuan, Ho, Lin (2012), "An improved GLMNET for L1-regularized logistic regression", JMLR 13, algorithm 3. We solve
 *   the inner problem to the end, since features are few.
 */
export async function proximalNewton(problem: SmoothProblem, b: Float64Array): Promise<Minimum> {
  const { evaluate, l1, l2, penalized, tolerance, maxIterations, pause } = problem
  const size = b.length
  let here = evaluate(b)
  let value = here.loss + penalty(problem, b)
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    await pause()
    const { gradient, hessian } = here
    const c = new Float64Array(size)
    for (let i = 0; i < size; i++) {
      let sum = -gradient[i]
      for (let j = 0; j < size; j++) sum += hessian[i * size + j] * b[j]
      c[i] = sum
    }
    const target = b.slice()
    descendCoordinates({ H: hessian, c, l1, l2, penalized }, target, tolerance * 1e-3, 10_000)
    let decrease = penalty(problem, target) - penalty(problem, b)
    for (let j = 0; j < size; j++) decrease += gradient[j] * (target[j] - b[j])
    const near = -decrease <= tolerance * tolerance * Math.max(1, Math.abs(value))
    let step = 1
    for (let halving = 0; ; halving++, step /= 2) {
      const next = b.map((from, j) => from + step * (target[j] - from))
      const there = evaluate(next)
      const found = there.loss + penalty(problem, next)
      if (found - value <= 1e-3 * step * decrease || (near && found <= value)) {
        b.set(next)
        here = there
        value = found
        break
      }
      // No step goes down any more: as near as these sums can tell.
      if (near || halving === 40) return { loss: value, iterations: iteration, converged: true }
    }
    if (near) return { loss: value, iterations: iteration, converged: true }
  }
  return { loss: value, iterations: maxIterations, converged: false }
}
