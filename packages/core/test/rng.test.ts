import { describe, expect, it } from 'vitest'
import { createRng, philox4x32 } from '../src/index.ts'

const u32 = (...words: number[]): Uint32Array => Uint32Array.from(words)

describe('philox4x32', () => {
  // Known answers of Random123 1.09 (examples/kat_vectors, philox4x32 10).
  it.each([
    [u32(0, 0, 0, 0), u32(0, 0), u32(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)],
    [
      u32(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff),
      u32(0xffffffff, 0xffffffff),
      u32(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd),
    ],
    [
      u32(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344),
      u32(0xa4093822, 0x299f31d0),
      u32(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1),
    ],
  ])('gives the known answers of Random123', (counter, key, expected) => {
    expect(philox4x32(counter, key, u32(0, 0, 0, 0))).toEqual(expected)
  })
})

describe('createRng', () => {
  it('continues exactly from a saved state', () => {
    const rng = createRng(7, 3)
    for (let i = 0; i < 5; i++) rng.uint32()
    const state = rng.save()
    const expected = Array.from({ length: 9 }, () => rng.uint32())
    const other = createRng(0)
    other.restore(state)
    expect(Array.from({ length: 9 }, () => other.uint32())).toEqual(expected)
  })

  it('gives streams that do not depend on what was drawn', () => {
    const rng = createRng(42)
    rng.uniform()
    expect(rng.stream(9).uniform()).toBe(createRng(42, 9).uniform())
    expect(createRng(42, 8).uniform()).not.toBe(createRng(42, 9).uniform())
    expect(createRng(41, 9).uniform()).not.toBe(createRng(42, 9).uniform())
  })

  it('tells seeds and streams above 2^32 apart', () => {
    expect(createRng(2 ** 40 + 1).uint32()).not.toBe(createRng(1).uint32())
    expect(createRng(1, 2 ** 40 + 1).uint32()).not.toBe(createRng(1, 1).uint32())
  })

  it('is uniform: mean, variance and a chi-square over 64 cells', () => {
    const rng = createRng(1)
    const n = 64_000
    const cells = new Float64Array(64)
    let sum = 0
    let squares = 0
    for (let i = 0; i < n; i++) {
      const u = rng.uniform()
      sum += u
      squares += u * u
      cells[Math.floor(u * 64)]++
    }
    expect(Math.abs(sum / n - 0.5)).toBeLessThan(0.005)
    expect(Math.abs(squares / n - 1 / 3)).toBeLessThan(0.005)
    const chi = cells.reduce((total, count) => total + (count - n / 64) ** 2 / (n / 64), 0)
    expect(chi).toBeLessThan(110) // 63 degrees of freedom: p about 0.0002
    expect(chi).toBeGreaterThan(30)
  })

  it('draws below a bound without bias, and normals with mean 0 and deviation 1', () => {
    const rng = createRng(2)
    const counts = [0, 0, 0]
    for (let i = 0; i < 30_000; i++) counts[rng.below(3)]++
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
    let sum = 0
    let squares = 0
    for (let i = 0; i < 30_000; i++) {
      const z = rng.normal()
      sum += z
      squares += z * z
    }
    expect(Math.abs(sum / 30_000)).toBeLessThan(0.025)
    expect(Math.abs(squares / 30_000 - 1)).toBeLessThan(0.04)
  })

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the seed %s', (seed) => {
    expect(() => createRng(seed)).toThrow(/\[BAD_OPTION\] seed must be an integer/)
  })

  it.each([0, -1, 1.5, 2 ** 33])('refuses the bound %s', (bound) => {
    expect(() => createRng(1).below(bound)).toThrow(/\[BAD_OPTION\] bound/)
  })
})
