import { TradewrightError } from '@tradewright/core'
import type { Trick } from './trick.ts'

/** Why two tricks of one kind cannot be together. */
const KINDS = {
  schedule: 'both would set the rate',
  average: 'both would put their own weights in place at the end',
} as const

/** Refuses tricks that cannot be together, naming both and why. */
export function checkTricks(tricks: readonly Trick[]): void {
  tricks.forEach((a, i) => {
    for (const b of tricks.slice(i + 1)) {
      if (a.name === b.name)
        throw new TradewrightError('DUPLICATE_NAME', `tricks must be unique, was '${a.name}' twice`, { name: a.name })
      const why =
        a.kind !== undefined && a.kind === b.kind ? KINDS[a.kind] : (a.conflicts?.[b.name] ?? b.conflicts?.[a.name])
      if (why !== undefined)
        throw new TradewrightError('BAD_OPTION', `tricks '${a.name}' and '${b.name}' cannot be together: ${why}`, {
          tricks: [a.name, b.name],
          why,
        })
    }
  })
}
