// A sum-and-minimum tree of float as TorchRL's (binary, parents rebuilt on the way up, one leaf after the other), and the
// least that a uniform sample must do: copy 256 rows and their successors. Prints microseconds by name.
//   gcc -O3 -march=native -o replay-peers benchmarks/replay-peers.c -lm && ./replay-peers
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAVES (1 << 20)
#define ROWS 1000000
#define ROUNDS 4000
#define WORDS 18

static float sum_[2 * LEAVES], min_[2 * LEAVES];
static double times[ROUNDS];
static uint64_t state = 88172645463325252ull;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec * 1e-3;
}
static uint64_t next(void) {
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return state;
}
static double uniform(void) { return (next() >> 11) * 0x1p-53; }
static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}
static double median(void) {
  qsort(times, ROUNDS, sizeof *times, by_size);
  return times[ROUNDS / 2];
}
static void set(int leaf, float value) {
  uint32_t at = leaf | LEAVES;
  sum_[at] = min_[at] = value;
  for (; at > 1; at >>= 1) {
    sum_[at >> 1] = sum_[at] + sum_[at ^ 1];
    min_[at >> 1] = fminf(min_[at], min_[at ^ 1]);
  }
}
static int find(float mass) {
  uint32_t at = 1;
  while (at < LEAVES) {
    at <<= 1;
    if (mass >= sum_[at]) mass -= sum_[at++];
  }
  return at ^ LEAVES;
}

int main(void) {
  static int slots[256];
  static float weights[256], errors[256], obs[256 * 16], after[256 * 16], rest[512];
  for (int i = 0; i < 2 * LEAVES; i++) min_[i] = INFINITY;
  for (int i = 0; i < ROWS; i++) set(i, fabs(sin(i * 12.9898)) + 1e-3);
  for (int size = 32; size <= 256; size *= 8) {
    for (int kind = 0; kind < 2; kind++) {
      for (int r = 0; r < ROUNDS; r++) {
        for (int k = 0; k < size; k++) errors[k] = uniform();
        double start = now(), drawn;
        for (int k = 0; k < size; k++) slots[k] = find(uniform() * sum_[1]);
        for (int k = 0; k < size; k++) weights[k] = powf(sum_[slots[k] | LEAVES] / min_[1], -0.5f);
        drawn = now();
        for (int k = 0; k < size; k++) set(slots[k], powf(errors[k] + 1e-6f, 0.6f));
        times[r] = kind ? now() - drawn : drawn - start;
      }
      printf("%s%d %.3f\n", kind ? "treeUpdate" : "treeSample", size, median());
    }
  }
  float *rows = malloc(sizeof(float) * WORDS * (ROWS + 1));
  for (int i = 0; i < WORDS * (ROWS + 1); i++) rows[i] = i;
  for (int r = 0; r < ROUNDS; r++) {
    double start = now();
    for (int k = 0; k < 256; k++) slots[k] = uniform() * (ROWS - 1);
    for (int k = 0; k < 256; k++) {
      const float *row = rows + (size_t)slots[k] * WORDS;
      memcpy(obs + k * 16, row, 64);
      memcpy(after + k * 16, row + WORDS, 64);
      memcpy(rest + k * 2, row + 16, 8);
    }
    times[r] = now() - start;
  }
  printf("gather256 %.3f\n", median());
  return obs[5] + after[7] + rest[9] + weights[3] < 0; // looked at, so that nothing is left out
}
