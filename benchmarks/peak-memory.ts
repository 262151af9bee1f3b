// A child process: the reference sweep a few times; says its peak resident set.
import { sweep } from '@tradewright/backtest'
import { referenceBars, smaCross } from './workloads.ts'

const bars = referenceBars()
for (let k = 0; k < 5; k++)
  sweep(smaCross.strategy, smaCross.list, bars, { preset: 'reference', feeBps: 10, initialCash: 100 })
console.log(JSON.stringify({ megabytes: process.resourceUsage().maxRSS / 1024 }))
