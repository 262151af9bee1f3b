/** The indexes of n trials in their order. */
export function everyTrial(n: number): Uint32Array {
  const all = new Uint32Array(n)
  for (let t = 0; t < n; t++) all[t] = t
  return all
}

/** Places in the order of their tiles, equal ones as they stand: a counting sort where that is less work. */
export function sortedPlaces(tiles: Uint32Array, last: number): Uint32Array {
  const n = tiles.length
  const out = new Uint32Array(n)
  if (last > 16 * n) {
    const keys = Float64Array.from(tiles, (tile, k) => tile * n + k).sort()
    return Uint32Array.from(keys, (key) => key % n)
  }
  const next = new Uint32Array(last + 2)
  for (let k = 0; k < n; k++) next[tiles[k] + 1]++
  for (let tile = 0; tile < last; tile++) next[tile + 1] += next[tile]
  for (let k = 0; k < n; k++) out[next[tiles[k]]++] = k
  return out
}
