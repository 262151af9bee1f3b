// The reference sweep as a plain C loop written for this one strategy: what a compiler makes of the obvious code.
// gcc -O3 -march=native -o peer benchmarks/peer.c -lm && ./peer packages/backtest/test/golden/sweep-close-10000.f64
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define N 10000
static double close_[N], sma[102][N];

int main(int argc, char **argv) {
  FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (!file || fread(close_, 8, N, file) != N) return 1;
  double best = 1e9, totals = 0, sharpes = 0;
  for (int rep = 0; rep < 5; rep++) {
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int w = 2; w <= 101; w++) {
      double sum = 0, lost = 0;
      for (int i = 0; i < N; i++) {
        double x = close_[i] - (i >= w ? close_[i - w] : 0), y = x - lost, t = sum + y;
        lost = (t - sum) - y;
        sum = t;
        sma[w][i] = i >= w - 1 ? sum / w : NAN;
      }
    }
    totals = sharpes = 0;
    for (int f = 2; f < 101; f++)
      for (int s = f + 1; s <= 101; s++) {
        const double *x = sma[f], *y = sma[s];
        double cash = 100, size = 0, before = 100, peak = 100, s1 = 0, s2 = 0, sn = 0, dd = 0, won = 0, lost = 0, spent = 0;
        int in = 0, trades = 0, wins = 0, held = 0;
        for (int i = 0; i < N; i++) {
          if (i > 0 && i < N - 1) {
            if (!in) {
              if (x[i] > y[i] && x[i - 1] <= y[i - 1]) { spent = cash; size = cash / 1.001 / close_[i]; cash = 0; in = 1; trades++; }
            } else if (x[i] < y[i] && x[i - 1] >= y[i - 1]) {
              cash = size * close_[i] * 0.999;
              if (cash > spent) { won += cash - spent; wins++; } else lost += spent - cash;
              in = 0;
            }
          }
          double equity = in ? size * close_[i] : cash, r = equity / before - 1;
          held += in;
          before = equity;
          s1 += r;
          s2 += r * r;
          if (r < 0) sn += r * r;
          if (equity > peak) peak = equity;
          if (equity / peak - 1 < dd) dd = equity / peak - 1;
        }
        double mean = s1 / N, deviation = sqrt((s2 - N * mean * mean) / (N - 1));
        totals += before / 100 - 1;
        sharpes += mean / deviation * sqrt(8760) + 0 * (sn + dd + won + lost + wins + trades + held);
      }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    double ms = (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) * 1e-6;
    if (ms < best) best = ms;
  }
  printf("{\"ms\": %.3f, \"totalReturn\": %.10f, \"sharpe\": %.10f}\n", best, totals, sharpes);
  return 0;
}
