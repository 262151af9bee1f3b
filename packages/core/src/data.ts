/** Plain data: what structured clone carries between threads, processes and files without loss. */
export type Data =
  | undefined
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | ArrayBuffer
  | SharedArrayBuffer
  | ArrayBufferView
  | readonly Data[]
  | ReadonlyMap<Data, Data>
  | ReadonlySet<Data>
  | { readonly [name: string]: Data }
