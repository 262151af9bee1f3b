# Values of the normal distribution to 17 digits, by 60-digit arithmetic (mpmath 1.2.1). Writes normal.json beside it.
import json, os
from mpmath import mp, mpf, erf, erfc, sqrt, erfinv, findroot, exp, pi
mp.dps = 60
def f(x): return float(x)
def cdf(z): return erfc(-mpf(z) / sqrt(2)) / 2
def quantile(p):
    p = mpf(p)
    if p > mpf(1) / 2: return -quantile(1 - p)
    start = -sqrt(-2 * mp.log(p)) if p < mpf('0.1') else sqrt(2) * erfinv(2 * p - 1)
    return findroot(lambda z: mp.log(cdf(z)) - mp.log(p), start)
zs = [-37, -20, -8, -5, -3.5, -2, -1, -0.7, -0.66, -0.3, -0.01, 0, 0.01, 0.4, 0.66, 0.7, 1, 1.959963984540054, 3, 6]
ps = [1e-300, 1e-100, 1e-30, 1e-12, 1e-8, 1e-4, 0.01, 0.07, 0.08, 0.3, 0.5, 0.7, 0.92, 0.93, 0.99, 0.999999]
out = {
  'erf': [[z, f(erf(mpf(z)))] for z in [-6, -4, -2, -0.5, -0.46875, -0.1, 0, 1e-8, 0.2, 0.47, 1, 2, 3.9, 4.1]],
  'cdf': [[z, f(cdf(z))] for z in zs],
  'pdf': [[z, f(exp(-mpf(z) ** 2 / 2) / sqrt(2 * pi))] for z in zs],
  'quantile': [[p, f(quantile(p))] for p in ps],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'normal.json'), 'w') as file:
    json.dump(out, file, indent=1); file.write('\n')
