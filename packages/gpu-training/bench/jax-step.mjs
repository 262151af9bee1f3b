// One Adam step of a 64-256-256-3 perceptron in jax-js on WebAssembly, jitted, on demand: each line read runs that many
// steps and prints their times in ms. Argument: batch.
import { createInterface } from 'node:readline'
import { defaultDevice, grad, init, jit, nn, numpy as np } from '@jax-js/jax'

await init('wasm')
defaultDevice('wasm')
const batch = Number(process.argv[2])
const sizes = [64, 256, 256, 3]
const uniform = (n, limit) => Float32Array.from({ length: n }, () => (Math.random() * 2 - 1) * limit)
const array = (data, shape) => np.array(data, { shape, dtype: np.float32 })
const layers = sizes
  .slice(1)
  .flatMap((units, i) => [
    array(uniform(sizes[i] * units, Math.sqrt(6 / sizes[i])), [sizes[i], units]),
    array(new Float32Array(units), [units]),
  ])
const x = array(uniform(batch * 64, 1.7), [batch, 64])
const classes = new Float32Array(batch * 3)
for (let i = 0; i < batch; i++) classes[i * 3 + (i % 3)] = 1
const y = array(classes, [batch, 3])

const loss = (p, input, target) => {
  let h = input
  for (let i = 0; i < 3; i++) {
    h = np.matmul(h, p[2 * i]).add(p[2 * i + 1])
    if (i < 2) h = nn.relu(h)
  }
  return np.negative(
    nn
      .logSoftmax(h)
      .mul(target)
      .sum()
      .mul(1 / batch),
  )
}
const update = jit((p, m, v, c1, c2, input, target) => {
  const g = grad(loss)(
    p.map((each) => each.ref),
    input,
    target,
  )
  const mean = m.map((each, i) => each.mul(0.9).add(g[i].ref.mul(0.1)))
  const square = v.map((each, i) => each.mul(0.999).add(g[i].ref.mul(g[i]).mul(0.001)))
  const next = p.map((each, i) =>
    each.sub(
      mean[i].ref
        .mul(c1.ref)
        .div(np.sqrt(square[i].ref.mul(c2.ref)).add(1e-8))
        .mul(1e-3),
    ),
  )
  c1.dispose()
  c2.dispose()
  return [next, mean, square]
})
let [p, m, v] = [layers, layers.map((each) => np.zeros(each.shape)), layers.map((each) => np.zeros(each.shape))]
let t = 0
function step() {
  t++
  ;[p, m, v] = update(p, m, v, np.array(1 / (1 - 0.9 ** t)), np.array(1 / (1 - 0.999 ** t)), x.ref, y.ref)
  p[1].ref.dataSync() // waits for the step
}

for (let i = 0; i < 30; i++) step()
console.log(JSON.stringify({ ready: 'jax-js' }))
for await (const line of createInterface({ input: process.stdin })) {
  const times = []
  for (let i = 0; i < Number(line); i++) {
    const start = performance.now()
    step()
    times.push(performance.now() - start)
  }
  console.log(JSON.stringify({ times }))
}
