// Column `column` of x is replaced by the row of the table that it names, put at the end.

export function embed(rows: i32, columns: i32, column: i32, size: i32, x: usize, table: usize, y: usize): void {
  for (let i = 0; i < rows; i++) {
    const index = <i32>load<f32>(x + (<usize>column << 2))
    for (let j = 0; j < columns; j++) {
      if (j == column) continue
      store<f32>(y, load<f32>(x + (<usize>j << 2)))
      y += 4
    }
    memory.copy(y, table + ((<usize>index * size) << 2), <usize>size << 2)
    y += <usize>size << 2
    x += <usize>columns << 2
  }
}

/** dx (unless 0; 0 in the index column), and dtable += . */
export function embedGrad(
  rows: i32, columns: i32, column: i32, size: i32, x: usize, dy: usize, dx: usize, dtable: usize,
): void {
  for (let i = 0; i < rows; i++) {
    const index = <i32>load<f32>(x + (<usize>column << 2))
    for (let j = 0; j < columns; j++) {
      if (j == column) {
        if (dx != 0) store<f32>(dx + (<usize>j << 2), 0)
        continue
      }
      if (dx != 0) store<f32>(dx + (<usize>j << 2), load<f32>(dy))
      dy += 4
    }
    let to = dtable + ((<usize>index * size) << 2)
    for (let j = 0; j < size; j++) {
      store<f32>(to, load<f32>(to) + load<f32>(dy))
      to += 4
      dy += 4
    }
    if (dx != 0) dx += <usize>columns << 2
    x += <usize>columns << 2
  }
}
