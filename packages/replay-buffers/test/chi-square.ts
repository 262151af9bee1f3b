/** The value that chi-square with this many degrees of freedom passes once in ten million (Wilson and Hilferty 1931). */
export function chiSquareLimit(freedom: number): number {
  const z = 5.2
  return freedom * (1 - 2 / (9 * freedom) + z * Math.sqrt(2 / (9 * freedom))) ** 3
}
