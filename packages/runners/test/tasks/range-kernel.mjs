export const range = { compute: ([high, low]) => high.map((h, i) => h - low[i]) }
