import type { Kernels } from './kernel-set.ts'
import { createPlainAccount } from './plain-account.ts'
import { createPlainBits } from './plain-bits.ts'
import { createPlainHoldings } from './plain-holdings.ts'
import { createPlainMemory, growPlainMemory } from './plain-memory.ts'
import { createPlainTables } from './plain-tables.ts'
import { createPlainTrades } from './plain-trades.ts'

/** The kernels in plain TypeScript: reference of the WebAssembly ones, and what runs where there is no SIMD. */
export function createPlainKernels(): Kernels {
  const memory = createPlainMemory(65_536)
  return {
    form: 'plain',
    get buffer() {
      return memory.buffer
    },
    reserve: (bytes) => growPlainMemory(memory, bytes),
    coding: undefined,
    ...createPlainBits(memory),
    ...createPlainTrades(memory),
    ...createPlainTables(memory),
    ...createPlainAccount(memory),
    ...createPlainHoldings(memory),
  }
}
