import { mannWhitneyGreater, quantile } from './rank-tests.ts'
import type { SearchResults } from './search-results.ts'

/** Medians of Optuna with 300 evaluations (GP: after 100), recorded; sequential. */
const recorded: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  branin2: { random: 0.47, 'CMA-ES': 0.3979, 'TPE 4.9': 0.4, 'TPE 5.0': 0.399, 'GP at 100': 0.398 },
  hartmann6: { random: -2.301, 'CMA-ES': -3.318, 'TPE 4.9': -3.268, 'TPE 5.0': -3.305, 'GP at 100': -3.322 },
  ackley10: { random: 19.3, 'CMA-ES': 4.42, 'TPE 4.9': 12.6, 'TPE 5.0': 6.51, 'GP at 100': 17.2 },
  rosenbrock10: { random: 55420, 'CMA-ES': 88, 'TPE 4.9': 1486, 'TPE 5.0': 247, 'GP at 100': 3466 },
  rastrigin5: { random: 33, 'CMA-ES': 14.3, 'TPE 4.9': 13.9, 'TPE 5.0': 14.7, 'GP at 100': 29.3 },
  mixed: { random: 0.289, 'CMA-ES': 0.262, 'TPE 4.9': 0.206, 'TPE 5.0': 0.205, 'GP at 100': 0.271 },
}

const digits = (value: number): string => value.toPrecision(5)

/** One sided tests against the second best, and what they come to after Holm's correction. */
function verdicts(results: SearchResults, functions: readonly string[], samplers: readonly string[], seeds: number) {
  const tests = functions.flatMap((f) => {
    const values = (s: string): number[] => results.of(f, s, seeds).map((r) => r.value)
    const own = values('auto')
    const rivals = samplers
      .filter((s) => s !== 'auto' && values(s).length > 0)
      .sort((a, b) => quantile(values(a), 0.5) - quantile(values(b), 0.5))
    if (own.length === 0 || rivals.length < 2) return []
    // The second best of all: the best of the others where auto is first or second, else the second of the others.
    const better = rivals.filter((s) => quantile(values(s), 0.5) < quantile(own, 0.5)).length
    const rival = better >= 2 ? rivals[1] : rivals[0]
    return [{ f, rival, place: better + 1, p: mannWhitneyGreater(own, values(rival)) }]
  })
  tests.sort((a, b) => a.p - b.p)
  let rejecting = true
  return tests.map((test, i) => {
    rejecting &&= test.p < 0.01 / (tests.length - i)
    return { ...test, worse: rejecting }
  })
}

/** Medians, quartiles, mean ranks and what the tests say, of whatever results there are. */
export function printSearchTable(
  results: SearchResults,
  functions: readonly string[],
  samplers: readonly string[],
  seeds: number,
): void {
  const ranks = new Map<string, number[]>()
  for (const f of functions) {
    const rows = samplers.flatMap((sampler) => {
      const own = results.of(f, sampler, seeds)
      return own.length === 0
        ? []
        : [
            {
              sampler,
              own,
              median: quantile(
                own.map((r) => r.value),
                0.5,
              ),
            },
          ]
    })
    if (rows.length === 0) continue
    rows.sort((a, b) => a.median - b.median)
    for (const { sampler, own, median } of rows) {
      const values = own.map((r) => r.value)
      const at100 = own.map((r) => r.at100)
      console.log(
        `${f.padEnd(20)} ${sampler.padEnd(23)} ${digits(median).padStart(10)}  [${digits(quantile(values, 0.25))}, ${digits(quantile(values, 0.75))}]  at 100: ${digits(quantile(at100, 0.5))}  ${own.length} seeds  ${quantile(
          own.map((r) => r.ms),
          0.5,
        ).toFixed(2)} ms a trial`,
      )
      // Equal medians share the mean of their ranks.
      const less = rows.filter((r) => r.median < median).length
      const equal = rows.filter((r) => r.median === median).length
      ranks.set(sampler, [...(ranks.get(sampler) ?? []), less + (equal + 1) / 2])
    }
    const beside = recorded[f]
    if (beside !== undefined)
      console.log(
        `${''.padEnd(20)} recorded of Optuna: ${Object.entries(beside)
          .map(([k, v]) => `${k} ${v}`)
          .join(', ')}`,
      )
  }
  console.log('\nmean rank of the medians:')
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  for (const [sampler, own] of [...ranks].sort((a, b) => mean(a[1]) - mean(b[1])))
    console.log(`  ${sampler.padEnd(23)} ${mean(own).toFixed(2)} over ${own.length} functions`)
  const tests = verdicts(results, functions, samplers, seeds)
  if (tests.length === 0) return
  console.log('\nauto worse than the second best of all? (one-sided Mann-Whitney, Holm at 0.01)')
  for (const { f, rival, place, p, worse } of tests)
    console.log(
      `  ${f.padEnd(20)} place ${place}, against ${rival.padEnd(23)} p ${p.toPrecision(3)} ${worse ? 'WORSE' : 'no'}`,
    )
}
