import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The folder of real market data beside the repository; not part of it. */
export const dataFolder: string =
  process.env.TRADEWRIGHT_DATA ?? resolve(import.meta.dirname, '../../../../shared/data')
export const hasData: boolean = existsSync(join(dataFolder, 'crypto'))
export const noData: string = hasData ? '' : ` (skipped: no data in ${dataFolder}; set TRADEWRIGHT_DATA)`
export const dataFile = (name: string): string => join(dataFolder, name)
