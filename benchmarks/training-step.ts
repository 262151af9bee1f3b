// One training step of the fused engine beside PyTorch, jax-js and TensorFlow.js, two threads beside one, a prediction of
// one row, bytes a step, and the peak with checkpoints: the bench of @tradewright/gpu-training, where its parts are said.
// A regression means that the plan or the product lost its fusion. CORETYPE=SKYLAKEX tells OpenBLAS the processor.
import '../packages/gpu-training/bench/step.bench.ts'
