import { TradewrightError } from '@tradewright/core'
import { type Kernels, matmulFlag } from './kernels.ts'

type Sgemm = (
  order: number,
  transA: number,
  transB: number,
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: Float32Array,
  lda: number,
  b: Float32Array,
  ldb: number,
  beta: number,
  c: Float32Array,
  ldc: number,
) => void

/** The part of koffi that is used. */
export interface KoffiLike {
  load(path: string): { func(definition: string): (...args: never[]) => unknown }
}

/** Options of {@link openBlas}. */
export interface OpenBlasOptions {
  /** The koffi module. @default imported */
  readonly lib?: KoffiLike | undefined
  /** Names tried in order. @default libopenblas.so.0, libopenblas.so, libopenblas.dylib, libopenblas.dll */
  readonly libraries?: readonly string[] | undefined
  /** Threads of OpenBLAS. @default 1 */
  readonly threads?: number | undefined
  /**
   * Kernels by name, as in 'SKYLAKEX' (AVX-512) or 'HASWELL' (AVX2): OpenBLAS takes processors that are newer than itself
   * for the oldest there is. Counts for the process's first use of it.
   * @default what OpenBLAS finds; the backend's name says it
   */
  readonly coreType?: string | undefined
}

const LIBRARIES = ['libopenblas.so.0', 'libopenblas.so', 'libopenblas.dylib', 'libopenblas.dll']
const HELP =
  "install it with 'npm install koffi' and OpenBLAS ('apt-get install libopenblas0', 'brew install openblas')"

async function importKoffi(): Promise<KoffiLike> {
  try {
    const found = (await import('koffi')) as unknown as { readonly default?: KoffiLike } & KoffiLike
    return found.default ?? found
  } catch (cause) {
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `OpenBLAS must have the package koffi, which does not load; ${HELP}`,
      {},
      { cause },
    )
  }
}

function openLibrary(koffi: KoffiLike, names: readonly string[]): ReturnType<KoffiLike['load']> {
  const reasons: string[] = []
  for (const name of names)
    try {
      return koffi.load(name)
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  throw new TradewrightError(
    'NOT_AVAILABLE',
    `OpenBLAS must be installed, none of its libraries loads (${reasons.join('; ')}); ${HELP}`,
    { reasons },
  )
}

/** OpenBLAS reads its environment once, while it is loaded. */
function withCoreType<T>(coreType: string | undefined, load: () => T): T {
  if (coreType === undefined) return load()
  const before = process.env.OPENBLAS_CORETYPE
  process.env.OPENBLAS_CORETYPE = coreType
  try {
    return load()
  } finally {
    if (before === undefined) delete process.env.OPENBLAS_CORETYPE
    else process.env.OPENBLAS_CORETYPE = before
  }
}

/**
 * OpenBLAS for the fused engine's products: pass it as `accelerate`. Its sums are in another order, so results differ
 * in the last bits from those of the WebAssembly kernels.
 *
 * @throws TradewrightError `NOT_AVAILABLE` with how to get it.
 * @example
 * ```ts no-run
 * import { fusedBackend, openBlas } from '@tradewright/gpu-training'
 * const backend = fusedBackend({ accelerate: await openBlas() })
 * ```
 */
export async function openBlas(
  options: OpenBlasOptions = {},
): Promise<(kernels: Kernels, memory: ArrayBufferLike) => Kernels> {
  const { lib, libraries = LIBRARIES, threads = 1, coreType } = options
  const koffi = lib ?? (await importKoffi())
  const library = withCoreType(coreType, () => openLibrary(koffi, libraries))
  const sgemm = library.func(
    'void cblas_sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int)',
  ) as unknown as Sgemm
  const setThreads = library.func('void openblas_set_num_threads(int)') as unknown as (count: number) => void
  setThreads(threads)
  const core = (library.func('const char *openblas_get_corename()') as unknown as () => string)()
  return (kernels, memory) => {
    // Views by offset: plans use few, and a new one a call would be garbage in every step.
    const views = new Map<number, Float32Array>()
    const at = (offset: number): Float32Array => {
      let view = views.get(offset)
      if (view === undefined) {
        view = new Float32Array(memory, offset)
        views.set(offset, view)
      }
      return view
    }
    return {
      ...kernels,
      name: `${kernels.name} + OpenBLAS ${core}`,
      packedBytes: () => 0,
      pack() {},
      matmul(m, { n, k, aRow, aColumn, bRow, bColumn }, a, b, _packed, c, flags, bias, mask) {
        const transA = aColumn === 4 ? 111 : 112
        const transB = bColumn === 4 ? 111 : 112
        const lda = Math.max(1, (aColumn === 4 ? aRow : aColumn) / 4)
        const ldb = Math.max(1, (bColumn === 4 ? bRow : bColumn) / 4)
        const beta = flags & matmulFlag.accumulate ? 1 : 0
        sgemm(101, transA, transB, m, n, k, 1, at(a), lda, at(b), ldb, beta, at(c), n)
        if (flags > matmulFlag.accumulate) kernels.epilogue(m, n, c, flags, bias, mask)
      },
    }
  }
}
