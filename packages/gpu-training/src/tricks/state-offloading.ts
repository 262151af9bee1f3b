import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock, TradewrightError } from '@tradewright/core'
import type { StateStore, Trick } from '../trick.ts'

/** Options of {@link stateOffloading}. */
export interface OffloadingOptions {
  /** 'disk': a file that is deleted at the end. 'shared': SharedArrayBuffers outside of the model's memory. */
  readonly to: 'disk' | 'shared'
  /** Folder of the file. @default the system's for temporary files */
  readonly directory?: string | undefined
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

/** Arrays in one file, each at its own place. */
function fileStore(directory: string, place: (name: string, bytes: number) => number): StateStore {
  let folder: string
  let file: number
  try {
    folder = mkdtempSync(join(directory, 'tradewright-state-'))
    file = openSync(join(folder, 'state'), 'wx+')
  } catch (cause) {
    throw new TradewrightError('IO', `the folder must be writable, was '${directory}'`, { directory }, { cause })
  }
  const bytesOf = (array: Float32Array): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const move = (name: string, slots: readonly Float32Array[], run: (bytes: Uint8Array, at: number) => number): void => {
    let at = place(
      name,
      slots.reduce((sum, slot) => sum + slot.byteLength, 0),
    )
    for (const slot of slots) {
      if (run(bytesOf(slot), at) !== slot.byteLength)
        throw new TradewrightError(
          'IO',
          `the offloaded state of '${name}' must be whole, was cut off at ${fstatSync(file).size} bytes`,
        )
      at += slot.byteLength
    }
  }
  let open = true
  return {
    load: (name, slots) => move(name, slots, (bytes, at) => readSync(file, bytes, 0, bytes.length, at)),
    store: (name, slots) => move(name, slots, (bytes, at) => writeSync(file, bytes, 0, bytes.length, at)),
    close() {
      if (!open) return
      open = false
      closeSync(file)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Arrays in shared memory, one piece a parameter. */
function sharedStore(): StateStore {
  const held = new Map<string, Float32Array>()
  const of = (name: string, slots: readonly Float32Array[]): Float32Array => {
    const length = slots.reduce((sum, slot) => sum + slot.length, 0)
    const found = held.get(name) ?? new Float32Array(new SharedArrayBuffer(length * 4))
    held.set(name, found)
    return found
  }
  return {
    load(name, slots) {
      let at = 0
      for (const slot of slots) {
        slot.set(of(name, slots).subarray(at, at + slot.length))
        at += slot.length
      }
    },
    store(name, slots) {
      let at = 0
      for (const slot of slots) {
        of(name, slots).set(slot, at)
        at += slot.length
      }
    },
    close: () => held.clear(),
  }
}

/**
 * Keeps the update rule's arrays on disk or in shared memory between updates; in memory there is room for those of the
 * largest parameter only. Results stay the same to the last bit. `stats` says how many bytes went out of the model's
 * memory, and the time that moving them took.
 */
export function stateOffloading({ to, directory = tmpdir(), clock = systemClock }: OffloadingOptions): Trick {
  if (to !== 'disk' && to !== 'shared')
    throw new TradewrightError('BAD_OPTION', `to must be 'disk' or 'shared', was '${to}'`)
  const places = new Map<string, number>()
  let bytes = 0
  const place = (name: string, size: number): number => {
    const found = places.get(name)
    if (found !== undefined) return found
    places.set(name, bytes)
    bytes += size
    return bytes - size
  }
  const inner = to === 'disk' ? fileStore(directory, place) : sharedStore()
  let ms = 0
  let moves = 0
  const timed = (run: () => void): void => {
    const start = clock.elapsed()
    run()
    ms += clock.elapsed() - start
    moves++
  }
  return {
    name: 'stateOffloading',
    stateStore: {
      load: (name, slots) => timed(() => inner.load(name, slots)),
      store(name, slots) {
        if (to === 'shared')
          place(
            name,
            slots.reduce((sum, slot) => sum + slot.byteLength, 0),
          )
        timed(() => inner.store(name, slots))
      },
      close: () => inner.close(),
    },
    check({ rule }) {
      if (rule.ascend !== undefined)
        throw new TradewrightError(
          'BAD_OPTION',
          `trick 'stateOffloading' and update rule '${rule.name}' cannot be together: it needs every parameter's state at once`,
        )
    },
    stats: () => ({ bytes, ms, moves }),
  }
}
