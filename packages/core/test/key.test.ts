import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentKey, Hasher } from '../src/index.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('Hasher', () => {
  // MurmurHash3_x86_128 with seed 0 by mmh3 (Python), and by the reference implementation's verification value below.
  it('passes the verification of SMHasher: 0xB3ECE62A for x86_128', () => {
    const key = new Uint8Array(256)
    const hashes = new Uint8Array(256 * 16)
    for (let i = 0; i < 256; i++) {
      key[i] = i
      hashes.set(littleEndian(new Hasher(256 - i).bytes(key.slice(0, i)).digest()), i * 16)
    }
    const final = littleEndian(new Hasher(0).bytes(hashes).digest())
    expect((final[0] | (final[1] << 8) | (final[2] << 16) | (final[3] << 24)) >>> 0).toBe(0xb3ece62a)
  })

  it('does not depend on how the bytes are cut, aligned or forked', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(3), (data, cut, shift) => {
        const whole = new Hasher().bytes(data).digest()
        const k = Math.min(cut, data.length)
        const shifted = new Uint8Array(data.length + shift)
        shifted.set(data, shift)
        const first = new Hasher().bytes(data.subarray(0, k))
        expect(first.fork().bytes(data.subarray(k)).digest()).toBe(whole)
        expect(first.bytes(data.slice(k)).digest()).toBe(whole)
        expect(new Hasher().bytes(shifted.subarray(shift)).digest()).toBe(whole)
      }),
    )
  })

  it('tells words from bytes only by their content', () => {
    expect(new Hasher().word(0x64636261).digest()).toBe(new Hasher().bytes(bytesOf('abcd')).digest())
    expect(new Hasher().byte(1).word(0x04030205).digest()).toBe(
      new Hasher().bytes(Uint8Array.of(1, 5, 2, 3, 4)).digest(),
    )
  })
})

/** The digest's four words, each little-endian, as the reference implementation writes them. */
function littleEndian(digest: string): Uint8Array {
  const out = new Uint8Array(16)
  for (let w = 0; w < 4; w++) {
    const word = Number.parseInt(digest.slice(w * 8, w * 8 + 8), 16)
    for (let b = 0; b < 4; b++) out[w * 4 + b] = (word >>> (8 * b)) & 255
  }
  return out
}

describe('contentKey', () => {
  it('keeps all kinds apart', () => {
    const sparse = [1, 2]
    delete sparse[0]
    const values: unknown[] = [
      undefined,
      null,
      false,
      true,
      0,
      -0,
      1,
      Number.NaN,
      Infinity,
      -Infinity,
      0n,
      1n,
      -1n,
      '',
      '0',
      '1',
      'NaN',
      'undefined',
      [],
      [undefined],
      [null],
      [[]],
      [1, 2],
      ['1', '2'],
      [12],
      sparse,
      {},
      { a: undefined },
      { a: 1 },
      { b: 1 },
      { a: { b: 1 } },
      new Map(),
      new Map([['a', 1]]),
      new Map([[1, 'a']]),
      new Set(),
      new Set(['a']),
      new Set([1]),
      new Date(0),
      new Date(1),
      new Int8Array(8),
      new Uint8Array(8),
      new Uint8ClampedArray(8),
      new Int16Array(4),
      new Uint16Array(4),
      new Int32Array(2),
      new Uint32Array(2),
      new Float32Array(2),
      new Float64Array(1),
      new BigInt64Array(1),
      new BigUint64Array(1),
      new DataView(new ArrayBuffer(8)),
      new ArrayBuffer(8),
      new Float64Array([-0]),
      new Float64Array([Number.NaN]),
      new Float64Array(0),
      new Float64Array(2),
      'a'.repeat(64),
      'a'.repeat(65),
      '\ud800'.repeat(65),
      '\ufffd'.repeat(65),
      '\ud800',
      '\ufffd',
    ]
    const keys = values.map(contentKey)
    expect(new Set(keys).size).toBe(values.length)
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/)
  })

  it('gives equal content equal keys', () => {
    expect(contentKey({ a: 1, b: [2, { c: 3 }] })).toBe(contentKey({ b: [2, { c: 3 }], a: 1 }))
    expect(
      contentKey(
        new Map([
          ['x', 1],
          ['y', 2],
        ]),
      ),
    ).toBe(
      contentKey(
        new Map([
          ['y', 2],
          ['x', 1],
        ]),
      ),
    )
    expect(contentKey(new Set([1, 2]))).toBe(contentKey(new Set([2, 1])))
    const odd = new Float64Array(new BigUint64Array([0x7ff8000000000001n]).buffer)
    expect(contentKey(odd)).toBe(contentKey(new Float64Array([Number.NaN])))
    expect(contentKey(new Float64Array([1, 2, 3]).subarray(1))).toBe(contentKey(new Float64Array([2, 3])))
    expect(contentKey(Buffer.from([1, 2]))).toBe(contentKey(Uint8Array.of(1, 2)))
    const shared = new Float64Array(new SharedArrayBuffer(16))
    shared.set([2, 3])
    expect(contentKey(shared)).toBe(contentKey(new Float64Array([2, 3])))
  })

  it('has no collision among 100,000 small trials', () => {
    const keys = new Set<string>()
    for (let i = 0; i < 100_000; i++) keys.add(contentKey([i % 317, Math.floor(i / 317), 'x']))
    expect(keys.size).toBe(100_000)
  })

  it('is the same for any JSON value and its clone, and differs when one leaf changes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(contentKey(structuredClone(value))).toBe(contentKey(value))
        expect(contentKey([value, 1])).not.toBe(contentKey([value, 2]))
      }),
    )
  })

  it.each([() => 1, Symbol('x'), new (class A {})(), { deep: [() => 1] }])('refuses what is no data: %s', (value) => {
    expect(() => contentKey(value)).toThrow(/\[BAD_OPTION\] content keys need/)
  })

  it('names the path, and refuses cycles', () => {
    expect(() => contentKey({ a: [1, { f() {} }] })).toThrow(/'a\.1\.f'/)
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    expect(() => contentKey(cycle)).toThrow(/without cycles/)
  })
})
