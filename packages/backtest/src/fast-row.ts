/** Numbers that the kernels write for a trial: see assembly/account.ts. */
export const ROW = {
  sum: 0,
  sum2: 1,
  sumLoss: 2,
  equity: 3,
  won: 4,
  lost: 5,
  traded: 6,
  held: 7,
  wins: 8,
  closed: 9,
  trades: 10,
  ratio: 11,
  fees: 12,
  sum3: 13,
  sum4: 14,
  /** 0, 1: left to the plain form, 2: not from where it was to go on, only from its start. */
  status: 15,
  size: 16,
} as const
