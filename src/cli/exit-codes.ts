import { type ErrorCode, isTradewrightError } from '@tradewright/core'

/** How the command ends. Part of its interface: scripts may rely on these. */
export const exitCodes: {
  readonly done: 0
  readonly failed: 1
  readonly usage: 2
  readonly interrupted: 130
} = Object.freeze({ done: 0, failed: 1, usage: 2, interrupted: 130 } as const)

/** What `--help` says of them. */
export const exitCodesHelp: string = `
Exit codes:
  0    done
  1    failed: data, strategy or files (the message says which)
  2    wrong use: an unknown flag, option or name, or a value that breaks its rule
  130  interrupted by Ctrl-C; what was finished has been printed and written`

const USAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BAD_OPTION', 'UNKNOWN_NAME', 'NOT_AVAILABLE', 'BAD_SPACE'])

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  return isTradewrightError(error) && USAGE.has(error.code) ? exitCodes.usage : exitCodes.failed
}
