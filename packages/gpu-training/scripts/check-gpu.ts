// Prints which engines run here, why the others do not, and what a small training on each really gave.
import {
  adam,
  arrayDataset,
  backendNames,
  createTrainer,
  crossEntropy,
  dense,
  loadBackend,
  sequential,
} from '../src/index.ts'

const rows = 512
const x = Float32Array.from({ length: rows * 2 }, (_, i) => Math.sin(i * 12.9898) * 1.5)
const y = Float32Array.from({ length: rows }, (_, i) => (x[2 * i] * x[2 * i + 1] > 0 ? 1 : 0))
for (const prefer of backendNames) {
  const { name, backend, skipped } = await loadBackend({ prefer: [prefer] })
  if (name !== prefer) {
    console.log(`${prefer}: does not run here. ${skipped[0].why}`)
    continue
  }
  const trainer = createTrainer({
    model: sequential(2, [dense(16, { activation: 'relu' }), dense(2)]),
    loss: crossEntropy(),
    updateRule: adam(),
    backend,
    batch: 64,
    rate: 0.02,
  })
  const start = performance.now()
  const { loss, steps } = await trainer.fit(arrayDataset({ x, inputs: 2, y }), { epochs: 20 })
  const ms = (performance.now() - start) / steps
  console.log(
    `${prefer}: runs as ${trainer.model.backend}; ${steps} steps at ${ms.toFixed(2)} ms, loss ${loss.toFixed(4)}`,
  )
  trainer.dispose()
}
process.exit(0)
