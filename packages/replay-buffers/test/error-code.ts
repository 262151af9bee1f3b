import { isTradewrightError } from '@tradewright/core'

/** The code of the error that `run` ends with. */
export async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    return isTradewrightError(error) ? error.code : `not ours: ${error}`
  }
  return 'no error'
}
