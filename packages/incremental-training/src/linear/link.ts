/** From linear scores to predictions, in place; and the loss of one row with its slope. */
export interface Link {
  /** @param scores shape [outputs], overwritten with predictions. */
  predict(scores: Float64Array): void
  /**
   * @param scores shape [outputs], overwritten with the loss's derivative by each score.
   * @returns the row's loss.
   */
  slope(scores: Float64Array, y: number): number
}

/** Squared error, halved. */
export const identityLink: Link = {
  predict() {},
  slope(scores, y) {
    const error = scores[0] - y
    scores[0] = error
    return (error * error) / 2
  },
}

/** log(1 + exp(s)) without overflow. */
const softplus = (s: number): number => Math.max(s, 0) + Math.log1p(Math.exp(-Math.abs(s)))

/** 1 / (1 + exp(-s)) without overflow. */
export const sigmoid = (s: number): number => (s >= 0 ? 1 / (1 + Math.exp(-s)) : Math.exp(s) / (1 + Math.exp(s)))

/** Two classes from one score. */
export const logisticLink: Link = {
  predict(scores) {
    scores[0] = sigmoid(scores[0])
  },
  slope(scores, y) {
    const s = scores[0]
    scores[0] = sigmoid(s) - y
    return softplus(s) - y * s
  },
}

/** Scores of K classes into probabilities; returns the log of the sum of exponentials. */
export function softmax(scores: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY
  for (let k = 0; k < scores.length; k++) most = Math.max(most, scores[k])
  let sum = 0
  for (let k = 0; k < scores.length; k++) sum += Math.exp(scores[k] - most)
  const log = most + Math.log(sum)
  for (let k = 0; k < scores.length; k++) scores[k] = Math.exp(scores[k] - log)
  return log
}

/** K >= 3 classes from as many scores. */
export const softmaxLink: Link = {
  predict(scores) {
    softmax(scores)
  },
  slope(scores, y) {
    const own = scores[y]
    const loss = softmax(scores) - own
    scores[y] -= 1
    return loss
  },
}
