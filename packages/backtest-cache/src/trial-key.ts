import { contentKey, type Key } from '@tradewright/core'

/** What every trial of a request shares on one slice, hashed once. */
export class KeyPrefix {
  readonly #prefix: Key

  /** @param content plain data: engine version, slice, simulation. */
  constructor(content: unknown) {
    this.#prefix = contentKey(content)
  }

  /**
   * The key of a trial on the slice: the prefix's hash and the program's, side by side (256 bits). No third hash is
   * made of the two: putting them together costs a few nanoseconds.
   *
   * @param program a content key: 32 hexadecimal digits.
   * @param resumed key of the state the trial continues from.
   */
  key(program: Key, resumed?: Key): Key {
    return this.#prefix + (resumed === undefined ? program : contentKey([program, resumed]))
  }
}
