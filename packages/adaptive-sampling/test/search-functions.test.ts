import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { boxFunctions, mixed } from '../bench/search-functions.ts'

const golden = JSON.parse(readFileSync(new URL('./golden/search-functions.json', import.meta.url), 'utf8')) as Record<
  string,
  {
    readonly optimum: number
    readonly points: readonly { readonly x?: number[]; readonly p?: Record<string, number>; readonly f: number }[]
  }
>

const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(b))

describe('the functions of bench:search', () => {
  it.each(boxFunctions.map((f) => [f.name, f] as const))('%s equals the reference', (name, { value, optimum }) => {
    expect(optimum).toBe(golden[name].optimum)
    for (const { x = [], f } of golden[name].points) expect(near(value(x), f)).toBe(true)
  })

  it('mixed equals the reference', () => {
    for (const { p = {}, f } of golden.mixed.points) expect(near(mixed(p), f)).toBe(true)
  })
})
