import type { TextStream } from '../terminal/progress-bar.ts'

/** What commands get from the process: replaced in tests. */
export interface CommandContext {
  readonly stdout: TextStream
  readonly stderr: TextStream
  /** First Ctrl-C: end in order. */
  readonly stop: AbortSignal
  /** Second Ctrl-C: end at once. */
  readonly signal: AbortSignal
}

/** Writes a line. */
export function writeLine(stream: TextStream, text: string = ''): void {
  stream.write(`${text}\n`)
}

/** Data as JSON for other programs: NaN and infinities, which JSON lacks, as strings; typed arrays as lists. */
export function toJson(data: unknown): string {
  return JSON.stringify(
    data,
    (_key, value: unknown) => {
      if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
      if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Float64Array)
      return value
    },
    2,
  )
}
