import { contentKey } from '@tradewright/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Place, PlaceIndex } from '../src/place-index.ts'

it('is a map of places, whatever is set and deleted', () => {
  const key = fc.nat(400).map((n) => contentKey(n))
  const action = fc.oneof(
    fc.record({ set: key, segment: fc.nat(3), offset: fc.nat(), length: fc.nat() }),
    fc.record({ delete: key }),
    fc.record({ drop: fc.nat(3) }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 2000, size: 'max' }), (actions) => {
      const index = new PlaceIndex()
      const map = new Map<string, Place>()
      for (const one of actions) {
        if ('set' in one) {
          const { set, ...place } = one
          expect(index.set(set, place)).toEqual(map.get(set))
          map.set(set, place)
        } else if ('delete' in one) {
          expect(index.delete(one.delete)).toEqual(map.get(one.delete))
          map.delete(one.delete)
        } else {
          const gone = [...map].filter(([, place]) => place.segment === one.drop)
          expect(index.deleteSegment(one.drop).length).toBe(gone.length)
          for (const [name] of gone) map.delete(name)
        }
      }
      expect(index.size).toBe(map.size)
      for (let n = 0; n <= 400; n++) expect(index.get(contentKey(n))).toEqual(map.get(contentKey(n)))
    }),
    { numRuns: 60 },
  )
})

it('grows, and keeps apart ten thousand keys', () => {
  const index = new PlaceIndex()
  const keys = Array.from({ length: 10_000 }, (_, n) => contentKey(n))
  keys.forEach((key, offset) => {
    index.set(key, { segment: 1, offset, length: 7 })
  })
  expect(index.size).toBe(10_000)
  expect(keys.every((key, offset) => index.get(key)?.offset === offset)).toBe(true)
  expect(index.get(contentKey(-1))).toBeUndefined()
})
