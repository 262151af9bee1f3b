import { readFileSync } from 'node:fs'
import { ema, rollingMax, rollingStd, rollingSum, rsi, sma, smaMany, wma } from './src/index.ts'
import { currentKernels, useKernels } from './src/kernels/kernels.ts'
import { createPlainKernels } from './src/kernels/plain-kernels.ts'

const b = readFileSync('/work/shared/reference/sweep-close-10000.f64')
const x = new Float64Array(b.buffer.slice(b.byteOffset, b.byteOffset + 80000))
const out = new Float64Array(10000)
const ps = Array.from({ length: 100 }, (_, i) => i + 2),
  outs = ps.map(() => new Float64Array(10000))
const time = (n: string, f: () => void, d = 1) => {
  let best = 1e9
  for (let r = 0; r < 8; r++) {
    const t = performance.now()
    for (let k = 0; k < 20; k++) f()
    best = Math.min(best, ((performance.now() - t) / 20) * 1000)
  }
  console.log(n, (best / d) | 0, 'us')
}
for (const form of ['wasm', 'plain']) {
  if (form === 'plain') useKernels(createPlainKernels())
  console.log(currentKernels().form)
  for (const p of [5, 20, 100, 500]) time(`std ${p}`, () => rollingStd(x, p, out))
  for (const p of [5, 20, 100, 500]) time(`sma ${p}`, () => sma(x, p, out))
  time('smaMany', () => smaMany(x, ps, outs), 100)
  time('wma', () => wma(x, 20, out))
  time('ema', () => ema(x, 20, out))
  time('rsi', () => rsi(x, 14, out))
  time('max', () => rollingMax(x, 20, out))
  time('sum', () => rollingSum(x, 20, out))
}
