/** The plain kernels' memory: one buffer, seen as each kind of number. */
export interface PlainMemory {
  buffer: ArrayBuffer
  f64: Float64Array
  u32: Uint32Array
  i32: Int32Array
}

/** A memory of `bytes`, zeroed. */
export function createPlainMemory(bytes: number): PlainMemory {
  const buffer = new ArrayBuffer(bytes)
  return { buffer, f64: new Float64Array(buffer), u32: new Uint32Array(buffer), i32: new Int32Array(buffer) }
}

/** Enlarges it, keeping what is in it. */
export function growPlainMemory(memory: PlainMemory, bytes: number): void {
  if (bytes <= memory.buffer.byteLength) return
  const larger = createPlainMemory(Math.ceil(bytes / 64) * 64)
  larger.u32.set(memory.u32)
  Object.assign(memory, larger)
}
