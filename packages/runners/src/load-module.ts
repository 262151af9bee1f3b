import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { TradewrightError } from '@tradewright/core'

/** What jiti gives; it is an optional peer. */
interface Jiti {
  import(module: string): Promise<unknown>
}
let jiti: Jiti | undefined

async function typescript(url: string): Promise<unknown> {
  if (jiti === undefined) {
    try {
      const { createJiti } = await import('jiti')
      jiti = createJiti(import.meta.url)
    } catch (cause) {
      throw new TradewrightError(
        'NOT_AVAILABLE',
        "loading a TypeScript module in a worker needs the package 'jiti': npm install jiti",
        { module: url },
        { cause },
      )
    }
  }
  return jiti.import(url)
}

/**
 * Imports a user's module by URL, absolute path or package name; TypeScript through jiti, loaded when first needed.
 *
 * @throws TradewrightError `NOT_AVAILABLE` for TypeScript without jiti; what the import throws.
 */
export async function loadModule(module: string): Promise<unknown> {
  const url = isAbsolute(module) ? pathToFileURL(module).href : module
  return /\.[cm]?tsx?$/.test(url) ? typescript(url) : import(url)
}
