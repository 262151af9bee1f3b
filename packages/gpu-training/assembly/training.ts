// Kernels of the fused engine over one linear memory. Every argument that names an array is a byte offset; counts are
// in elements. The plain form of each is in src/plain-kernels.ts and a test holds the two together.
export { activate, activateGrad } from './activations'
export { dropout } from './dropout'
export { embed, embedGrad } from './embedding'
export { fromHalf, toHalf } from './half'
export { layerNorm, layerNormGrad } from './layer-norm'
export { epilogue, gemm, multiply4x4, multiply4x8, multiply6x4, multiply6x8 } from './matmul'
export { packB } from './pack'
export { axpy, columnSum, columnSumPart, fill, scale, scaleAt, sumSquares } from './sums'
export { adam, momentum } from './update-rules'
