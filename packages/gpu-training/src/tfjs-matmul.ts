import type { TfOps, TfTensor } from './layer.ts'

/** The part of TensorFlow.js that a product of one's own gradients needs beside its ops. */
export interface TfCustomGradient {
  customGrad(
    run: (
      a: TfTensor,
      b: TfTensor,
      save: (tensors: readonly TfTensor[]) => void,
    ) => {
      readonly value: TfTensor
      readonly gradFunc: (dy: TfTensor, saved: readonly TfTensor[]) => readonly TfTensor[]
    },
  ): (a: TfTensor, b: TfTensor) => TfTensor
}

/**
 * A matrix product whose gradients are products of explicit transposes: TensorFlow.js asks for transposed products
 * there, which its WebAssembly backend computes by a loop instead of XNNPACK's kernel, some five times as slow.
 * Nothing of the user's TensorFlow.js is changed for it.
 */
export function transposingMatMul(tf: TfOps & TfCustomGradient): (a: TfTensor, b: TfTensor) => TfTensor {
  return tf.customGrad((a, b, save) => {
    save([a, b])
    return {
      value: tf.matMul(a, b),
      gradFunc: (dy, [x, w]) => [tf.matMul(dy, tf.transpose(w)), tf.matMul(tf.transpose(x), dy)],
    }
  })
}
