/**
 * Window maxima in place, each over `period` values up to its slot; the first period - 1 slots are left undefined. Of equal
 * values the newest stays, which tells -0 from 0. A queue of the values that no later value exceeds (Lemire 2006).
 */
export function plainMaxima(values: Float64Array, period: number): void {
  const queue = new Float64Array(values.length)
  const slots = new Int32Array(values.length)
  let head = 0
  let tail = -1
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    while (tail >= head && queue[tail] <= value) tail--
    tail++
    queue[tail] = value
    slots[tail] = i
    if (slots[head] + period <= i) head++
    values[i] = queue[head]
  }
}

/** Window minima, otherwise as {@link plainMaxima}. */
export function plainMinima(values: Float64Array, period: number): void {
  const queue = new Float64Array(values.length)
  const slots = new Int32Array(values.length)
  let head = 0
  let tail = -1
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    while (tail >= head && queue[tail] >= value) tail--
    tail++
    queue[tail] = value
    slots[tail] = i
    if (slots[head] + period <= i) head++
    values[i] = queue[head]
  }
}
