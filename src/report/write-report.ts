import { resolve } from 'node:path'
import { type Clock, systemClock } from '@tradewright/core'
import { writeFileAtomically } from '../atomic-file.ts'
import type { TrainingResult } from '../training-result.ts'
import { renderReport } from './render-report.ts'
import { type ReportOptions, reportOf } from './report-of.ts'

/**
 * Writes a report on training results as one HTML file.
 *
 * @param file where to; folders are made. Written as a whole or not at all.
 * @returns its absolute path.
 * @throws TradewrightError `IO` where it cannot be written.
 */
export async function writeReport(
  file: string,
  results: readonly TrainingResult<unknown>[],
  options: Omit<ReportOptions, 'generatedAt'> & { readonly clock?: Clock | undefined } = {},
): Promise<string> {
  const { clock = systemClock, ...rest } = options
  await writeFileAtomically(file, renderReport(reportOf(results, { ...rest, generatedAt: clock.now() })))
  return resolve(file)
}
