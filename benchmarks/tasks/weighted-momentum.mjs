// A user's indicator that is slow on purpose: per bar a loop over the window, as an `onBar` function would do it.
export const weightedMomentum = {
  /** @param {readonly Float64Array[]} inputs @param {readonly number[]} params @param {number} length */
  compute([close], [period], length) {
    const out = new Float64Array(length).fill(Number.NaN)
    for (let i = period; i < length; i++) {
      let sum = 0
      for (let k = 0; k < period; k++) sum += (period - k) * Math.log(close[i - k] / close[i - k - 1])
      out[i] = sum / period
    }
    return out
  },
}
