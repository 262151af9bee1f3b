/**
 * Version of the engine's results: goes into every key and every saved state. It changes whenever any result of any
 * strategy may change, be it by a bit.
 */
export const engineVersion: string = '2'
