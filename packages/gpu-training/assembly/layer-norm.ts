/** y = (x - mean) * rstd * gamma + beta a row; stat holds mean and rstd of each row. */
export function layerNorm(rows: i32, n: i32, eps: f32, x: usize, gamma: usize, beta: usize, y: usize, stat: usize): void {
  const size = <usize>n << 2
  for (let i = 0; i < rows; i++) {
    let sum: f64 = 0
    for (let at: usize = 0; at < size; at += 4) sum += <f64>load<f32>(x + at)
    const mean = <f32>(sum / n)
    let squares: f64 = 0
    for (let at: usize = 0; at < size; at += 4) {
      const d = <f64>(load<f32>(x + at) - mean)
      squares += d * d
    }
    const rstd = <f32>(1 / Math.sqrt(squares / n + eps))
    for (let at: usize = 0; at < size; at += 4)
      store<f32>(y + at, (load<f32>(x + at) - mean) * rstd * load<f32>(gamma + at) + load<f32>(beta + at))
    store<f32>(stat, mean)
    store<f32>(stat, rstd, 4)
    x += size
    y += size
    stat += 8
  }
}

/** dx (unless 0), and dgamma += , dbeta += . */
export function layerNormGrad(
  rows: i32, n: i32, x: usize, gamma: usize, stat: usize, dy: usize, dx: usize, dgamma: usize, dbeta: usize,
): void {
  const size = <usize>n << 2
  for (let i = 0; i < rows; i++) {
    const mean = load<f32>(stat)
    const rstd = load<f32>(stat, 4)
    let sum: f64 = 0
    let product: f64 = 0
    for (let at: usize = 0; at < size; at += 4) {
      const g = load<f32>(dy + at)
      const h = (load<f32>(x + at) - mean) * rstd
      store<f32>(dgamma + at, load<f32>(dgamma + at) + g * h)
      store<f32>(dbeta + at, load<f32>(dbeta + at) + g)
      const u = <f64>(g * load<f32>(gamma + at))
      sum += u
      product += u * h
    }
    if (dx != 0) {
      const a = <f32>(sum / n)
      const b = <f32>(product / n)
      for (let at: usize = 0; at < size; at += 4) {
        const h = (load<f32>(x + at) - mean) * rstd
        store<f32>(dx + at, rstd * (load<f32>(dy + at) * load<f32>(gamma + at) - a - h * b))
      }
      dx += size
    }
    x += size
    dy += size
    stat += 8
  }
}
