export const slowRange = {
  compute: ([high, low]) => {
    const until = performance.now() + 5
    while (performance.now() < until);
    return high.map((h, i) => h - low[i])
  },
}
