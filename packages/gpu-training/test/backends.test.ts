import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  adam,
  arrayDataset,
  clipNorm,
  createTrainer,
  crossEntropy,
  dense,
  dropout,
  embedding,
  fusedBackend,
  gradientAccumulation,
  layerNorm,
  loadBackend,
  meanSquaredError,
  openBlas,
  residual,
  sequential,
  type TfLike,
  type TrainingBackend,
  tfjs,
} from '../src/index.ts'
import { trainingBackendContract } from '../testing/index.ts'
import { randomBatch } from './random-batch.ts'

// The self-contained bundle: the test runner's resolve conditions break a dependency of the others.
const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs/dist/tf.min.js') as TfLike & {
  disposeVariables(): void
  scalar(value: number): unknown
  profile(
    run: () => unknown,
  ): Promise<{ readonly peakBytes: number; readonly kernels: readonly { readonly name: string }[] }>
}
const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void }
setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`)
const onTf = async (device: string): Promise<TrainingBackend> => {
  expect(await tf.setBackend(device)).toBe(true)
  await tf.ready()
  return tfjs(tf)
}
const blas = await openBlas().then(
  (accelerate) => ({ accelerate, why: '' }),
  (error: Error) => ({ accelerate: undefined, why: error.message }),
)

const rows = 11
const batch = randomBatch(rows, 5, 3, 1)
for (let i = 0; i < rows; i++) batch.x[i * 5 + 2] = i % 4

trainingBackendContract({ name: 'fused', make: () => fusedBackend() })
trainingBackendContract({ name: 'fused, without relaxed SIMD', make: () => fusedBackend({ relaxedSimd: false }) })
trainingBackendContract({ name: 'fused, plain kernels', make: () => fusedBackend({ kernels: 'plain' }) })
trainingBackendContract({ name: 'fused, 2 threads', make: () => fusedBackend({ threads: 2 }) })
trainingBackendContract({ name: 'TensorFlow.js on cpu', make: () => onTf('cpu') })
trainingBackendContract({ name: 'TensorFlow.js on wasm', make: () => onTf('wasm') })
if (blas.accelerate !== undefined) {
  const { accelerate } = blas
  trainingBackendContract({ name: 'fused, OpenBLAS', make: () => fusedBackend({ accelerate }) })
}

describe.each(['cpu', 'wasm'])('TensorFlow.js on %s', (device) => {
  it('leaves no tensor after 1,000 steps, nor after it is disposed', async () => {
    const backend = await onTf(device)
    const empty = tf.memory().numTensors
    const model = backend.compile(sequential(5, [dense(4, { activation: 'tanh' }), dropout(0.2), dense(3)]), {
      batch: rows,
      loss: meanSquaredError(),
    })
    model.gradients(batch, { step: 0, accumulate: false })
    model.commit()
    const before = tf.memory().numTensors
    for (let step = 1; step <= 1000; step++) {
      model.gradients(batch, { step, accumulate: false })
      model.commit()
    }
    expect(tf.memory().numTensors).toBe(before)
    model.dispose()
    expect(tf.memory().numTensors).toBe(empty)
  })

  it('trains like the fused engine, tricks and all', async () => {
    const data = arrayDataset({ x: randomBatch(64, 4, 1, 5).x, inputs: 4, y: randomBatch(64, 4, 1, 5, 3).y })
    const train = async (backend: TrainingBackend) => {
      const trainer = createTrainer({
        model: sequential(4, [dense(8, { activation: 'relu' }), dropout(0.2), dense(3)]),
        loss: crossEntropy(),
        updateRule: adam(),
        backend,
        batch: 16,
        rate: 0.01,
        seed: 2,
        tricks: [clipNorm(0.5), gradientAccumulation(2)],
      })
      const { history } = await trainer.fit(data, { epochs: 5 })
      trainer.dispose()
      return history.map(({ loss }) => loss)
    }
    const expected = await train(fusedBackend())
    const found = await train(await onTf(device))
    found.forEach((loss, i) => {
      expect(Math.abs(loss / expected[i] - 1)).toBeLessThan(1e-4)
    })
  })

  it.each([
    ['every 1', 1],
    ['every 2', 2],
    ['recursive', 'recursive'],
  ] as const)('checkpointing, %s, changes no bit', async (_, checkpoint) => {
    const backend = await onTf(device)
    const deep = sequential(5, [
      embedding({ column: 2, categories: 4, size: 3 }),
      dense(8, { activation: 'relu' }),
      residual([layerNorm(), dense(8, { activation: 'silu' }), dropout(0.3)]),
      dense(8, { activation: 'tanh' }),
      dense(3),
    ])
    const gradients = (kept: 'all' | typeof checkpoint) => {
      const model = backend.compile(deep, { batch: rows, loss: meanSquaredError(), seed: 3, checkpoint: kept })
      const before = tf.memory().numTensors
      const found = [false, true].map((accumulate) => model.gradients(batch, { step: 3, accumulate, scale: 2 }))
      expect(tf.memory().numTensors).toBe(before)
      const all = [...model.gradientsOf].map(([name, values]) => [name, [...values]])
      model.dispose()
      return { found, all }
    }
    expect(gradients(checkpoint)).toEqual(gradients('all'))
  })

  it('refuses what it cannot do, and says so', async () => {
    const backend = await onTf(device)
    const options = { batch: 4, loss: meanSquaredError() }
    const model = sequential(2, [dense(1)])
    expect(() => backend.compile(model, { ...options, precision: { activations: 'float16' } })).toThrow(
      '[NOT_AVAILABLE] precision.activations',
    )
    const compiled = backend.compile(model, options)
    expect(compiled.precisionReport()).toContain('no 16-bit dtype')
    compiled.dispose()
  })
})

describe('TensorFlow.js on wasm', () => {
  const layers16 = Array.from({ length: 16 }, () => dense(64, { activation: 'tanh' }))
  const wide = randomBatch(256, 64, 64, 1)
  const peak = async (checkpoint: 'all' | number | 'recursive') => {
    const model = (await onTf('wasm')).compile(sequential(64, layers16), {
      batch: 256,
      loss: meanSquaredError(),
      checkpoint,
    })
    const { numBytes } = tf.memory()
    const { peakBytes } = await tf.profile(() => {
      model.gradients(wide, { step: 1, accumulate: false })
      return tf.scalar(0)
    })
    model.dispose()
    return peakBytes - numBytes
  }

  it('checkpointing: the peak of a step on 16 layers is at most 40 %', async () => {
    const all = await peak('all')
    expect((await peak('recursive')) / all).toBeLessThan(0.4)
    expect((await peak(4)) / all).toBeLessThan(0.5)
  })

  it('gradients go through plain products, which its fast kernel has', async () => {
    const model = (await onTf('wasm')).compile(sequential(64, layers16), { batch: 256, loss: meanSquaredError() })
    const { kernels } = await tf.profile(() => {
      model.gradients(wide, { step: 1, accumulate: false })
      return tf.scalar(0)
    })
    const products = kernels.filter(({ name }) => name === 'BatchMatMul')
    // Forward, and two a layer in backward but for the input's gradient of the first, which is not dropped by the tape.
    expect(products.length).toBeGreaterThanOrEqual(16 * 3 - 1)
    expect(kernels.filter(({ name }) => name === 'Transpose').length).toBe(products.length - 16)
    model.dispose()
  })
})
afterAll(() => tf.disposeVariables())

describe.skipIf(blas.accelerate === undefined)(`OpenBLAS${blas.why === '' ? '' : ` (skipped: ${blas.why})`}`, () => {
  it('checkpointing changes no bit there either', () => {
    const list = Array.from({ length: 6 }, () => dense(5, { activation: 'relu' }))
    const gradients = (checkpoint: 'all' | 'recursive') => {
      const model = fusedBackend({ ...(blas.accelerate === undefined ? {} : { accelerate: blas.accelerate }) }).compile(
        sequential(5, [...list, dense(3)]),
        { batch: rows, loss: meanSquaredError(), checkpoint },
      )
      model.gradients(batch, { step: 1, accumulate: false })
      return [...model.gradientsOf.values()].flatMap((g) => [...g])
    }
    expect(gradients('recursive')).toEqual(gradients('all'))
  })
})

describe('loadBackend', () => {
  it('takes the first that runs, and says why others were passed over', async () => {
    const { name, skipped } = await loadBackend({ prefer: ['tfjs-node-gpu', 'tfjs-node', 'fused'] })
    expect(name).toBe('fused')
    expect(skipped.map((each) => each.name)).toEqual(['tfjs-node-gpu', 'tfjs-node'])
    expect(skipped[0].why).toContain('npm install @tensorflow/tfjs-node-gpu')
  })

  it('finds TensorFlow.js by itself, in a process of its own', () => {
    const code = `import { loadBackend } from './src/index.ts'
      for (const prefer of ['tfjs-cpu', 'tfjs-wasm']) {
        const { name, backend, skipped } = await loadBackend({ prefer: [prefer] })
        console.log(name, backend.name, JSON.stringify(skipped))
      }`
    const args = ['--conditions=@tradewright/source', '--import', 'tsx', '--input-type=module', '-e', code]
    const out = execFileSync(process.execPath, args, { cwd: join(import.meta.dirname, '..'), encoding: 'utf8' })
    expect(out).toContain('tfjs-cpu tfjs []')
    expect(out).toContain('tfjs-wasm tfjs []')
  })

  it('says why WebGPU does not run outside of a browser', async () => {
    const { skipped } = await loadBackend({ prefer: ['tfjs-webgpu'] })
    expect(skipped[0].why).toContain('npm install @tensorflow/tfjs @tensorflow/tfjs-backend-webgpu')
    const onGpu = { ...tf, getBackend: () => 'webgpu' } as typeof tf
    expect(() => tfjs(onGpu)).toThrow('[NOT_AVAILABLE] TensorFlow.js on WebGPU must read results at once')
  })

  it('falls back to plain TypeScript', async () => {
    const { name, backend } = await loadBackend({ prefer: ['tfjs-node-gpu'] })
    expect([name, backend.name]).toEqual(['fused-plain', 'fused'])
  })

  it('refuses a name that is no engine', async () => {
    await expect(loadBackend({ prefer: ['cuda' as 'fused'] })).rejects.toThrow("was 'cuda'")
  })

  it('without koffi or the library, says how to get them', async () => {
    await expect(openBlas({ libraries: ['libnothere.so'] })).rejects.toThrow(
      /\[NOT_AVAILABLE\].*apt-get install libopenblas0/,
    )
  })
})
