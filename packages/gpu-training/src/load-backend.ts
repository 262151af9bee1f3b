import { isTradewrightError, TradewrightError } from '@tradewright/core'
import type { TrainingBackend } from './backend.ts'
import { fusedBackend } from './fused-backend.ts'
import type { FusedBackendOptions } from './fused-options.ts'
import { openBlas } from './open-blas.ts'
import { tfjs } from './tfjs-backend.ts'
import type { TfLike } from './tfjs-model.ts'

/** Engines by name. */
export type BackendName =
  | 'fused-openblas'
  | 'fused'
  | 'fused-plain'
  | 'tfjs-node-gpu'
  | 'tfjs-node'
  | 'tfjs-webgpu'
  | 'tfjs-wasm'
  | 'tfjs-cpu'

/** Options of {@link loadBackend}. */
export interface LoadBackendOptions {
  /** Engines to try, best first. @default fused-openblas, fused, fused-plain */
  readonly prefer?: readonly BackendName[] | undefined
  readonly fused?: FusedBackendOptions | undefined
}

/** An engine, and why others were passed over. */
export interface LoadedBackend {
  readonly name: BackendName
  readonly backend: TrainingBackend
  readonly skipped: readonly { readonly name: BackendName; readonly why: string }[]
}

/** Imports an optional package by a name that bundlers do not follow. */
async function importOptional(name: string, help: string): Promise<TfLike> {
  try {
    const found = (await import(name)) as { readonly default?: TfLike } & TfLike
    return typeof found.variableGrads === 'function' ? found : (found.default ?? found)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `the package ${name} must load, it did not (${reason}); ${help}`,
      { name },
      { cause },
    )
  }
}

async function tfjsOn(device: string, ...packages: readonly string[]): Promise<TrainingBackend> {
  const help = `install it with 'npm install ${packages.join(' ')}'`
  let tf: TfLike | undefined
  for (const name of packages) {
    const found = await importOptional(name, help)
    tf ??= found
  }
  if (tf === undefined || !(await tf.setBackend(device)))
    throw new TradewrightError(
      'NOT_AVAILABLE',
      `TensorFlow.js must start its backend '${device}', it did not; ${help}`,
      { device },
    )
  await tf.ready()
  return tfjs(tf)
}

const open: Readonly<
  Record<BackendName, (options: FusedBackendOptions) => Promise<TrainingBackend> | TrainingBackend>
> = {
  'fused-openblas': async (options) => fusedBackend({ ...options, accelerate: await openBlas() }),
  fused: (options) => fusedBackend({ ...options, kernels: 'wasm' }),
  'fused-plain': (options) => fusedBackend({ ...options, kernels: 'plain' }),
  'tfjs-node-gpu': () => tfjsOn('tensorflow', '@tensorflow/tfjs-node-gpu'),
  'tfjs-node': () => tfjsOn('tensorflow', '@tensorflow/tfjs-node'),
  'tfjs-webgpu': () => tfjsOn('webgpu', '@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu'),
  'tfjs-wasm': () => tfjsOn('wasm', '@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'),
  'tfjs-cpu': () => tfjsOn('cpu', '@tensorflow/tfjs'),
}

/** Engines that {@link loadBackend} knows. */
export const backendNames: readonly BackendName[] = Object.freeze(Object.keys(open) as BackendName[])

/**
 * The first engine that runs here. Tries in order, never downloads, and says why each was passed over; plain
 * TypeScript comes last and always runs, so a missing engine is no error.
 *
 * @throws TradewrightError `BAD_OPTION` for a name that is no engine.
 */
export async function loadBackend(options: LoadBackendOptions = {}): Promise<LoadedBackend> {
  const { prefer = ['fused-openblas', 'fused'], fused = {} } = options
  const skipped: { name: BackendName; why: string }[] = []
  for (const name of prefer)
    if (!backendNames.includes(name))
      throw new TradewrightError('BAD_OPTION', `prefer must hold engines (${backendNames.join(', ')}), was '${name}'`, {
        name,
      })
  for (const name of [...prefer, 'fused-plain'] as const)
    try {
      return { name, backend: await open[name](fused), skipped }
    } catch (error) {
      const why = isTradewrightError(error) || error instanceof Error ? error.message : String(error)
      skipped.push({ name, why })
    }
  throw new TradewrightError('INTERNAL', 'the plain engine must run everywhere')
}
