# Golden values of the samplers' mathematics, by independent means. Writes samplers.json beside it.
#   cma:     the `cmaes` package 0.9.1 (Shibata), told the same populations.
#   gp:      numpy, posterior by plain inverses, from the formulas of the kernels.
#   log_h:   mpmath 1.2.1 with 60 digits.
import json, os
import numpy as np
from mpmath import mp, mpf, erfc, exp, log, pi, sqrt
from cmaes import CMA

mp.dps = 60
rng = np.random.default_rng(5)
n, lam = 3, 8
cma = CMA(mean=np.full(n, 0.5), sigma=0.2, population_size=lam, seed=1)
# The package has the learning rate of the tutorial's first edition; that of 2023 adds 1/4 (table 1), and the weights
# of bad points follow from it (equations 50 to 53).
raw = np.log((lam + 1) / 2) - np.log(np.arange(1, lam + 1))
mu_eff, bad = cma._mu_eff, raw[lam // 2:]
cma._cmu = min(1 - cma._c1, 2 * (0.25 + mu_eff - 2 + 1 / mu_eff) / ((n + 2) ** 2 + mu_eff))
least = min(1 + cma._c1 / cma._cmu, 1 + 2 * (bad.sum() ** 2 / (bad ** 2).sum()) / (mu_eff + 2),
            (1 - cma._c1 - cma._cmu) / (n * cma._cmu))
cma._weights = np.where(raw >= 0, raw / raw[raw > 0].sum(), least * raw / -raw[raw < 0].sum())
generations = []
for g in range(4):
    x = np.clip(0.5 + 0.15 * rng.standard_normal((lam, n)), 0, 1)
    f = ((x - 0.4) ** 2 * [1, 4, 9]).sum(1)
    order = np.argsort(f)
    x = x[order]
    # The package learns from the difference of points and mean in units of sigma, as anyone does.
    cma.tell([(x[i], float(f[order][i])) for i in range(lam)])
    generations.append({'points': x.ravel().tolist(), 'mean': cma._mean.tolist(), 'sigma': float(cma._sigma),
                        'deviations': (cma._sigma * np.sqrt(np.diag(cma._C))).tolist()})

d, m = 3, 12
x = rng.random((m, d)); y = np.sin(5 * x[:, 0]) + (x[:, 1] - 0.3) ** 2 - 0.5 * x[:, 2]
y = (y - y.mean()) / y.std()
w, scale = np.array([3.0, 0.7, 9.0]), 0.8
v, sum_scale, noise = np.array([20.0, 2.0, 0.5]), 0.6, 1e-3
def kernel(a, b):
    s = (a[:, None, :] - b[None, :, :]) ** 2
    r = np.sqrt(5 * (s * w).sum(2))
    return scale * (1 + r + r * r / 3) * np.exp(-r) + sum_scale / d * ((1 + 5 / 12 * v * s) ** -2.0).sum(2)
K = kernel(x, x) + noise * np.eye(m)
inverse = np.linalg.inv(K)
at = rng.random((5, d))
k = kernel(at, x)
alpha = inverse @ y
loo = alpha / np.diag(inverse)
gp = {'x': x.ravel().tolist(), 'y': y.tolist(), 'inverseSquares': w.tolist(), 'scale': scale,
      'sumInverseSquares': v.tolist(), 'sumScale': sum_scale, 'noise': noise, 'at': at.ravel().tolist(),
      'mean': (k @ alpha).tolist(), 'variance': (scale + sum_scale - np.einsum('ij,jk,ik->i', k, inverse, k)).tolist(),
      'skill': float(1 - (loo ** 2).sum() / ((y - y.mean()) ** 2).sum())}
def log_h(z):
    z = mpf(z)
    return float(log(exp(-z * z / 2) / sqrt(2 * pi) + z * erfc(-z / sqrt(2)) / 2))
out = {'cma': {'n': n, 'lambda': lam, 'sigma': 0.2, 'generations': generations}, 'gp': gp,
       'log_h': [[z, log_h(z)] for z in [-60, -30, -25.5, -20, -10, -6, -3, -1, 0, 0.5, 2, 8]]}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'samplers.json'), 'w') as file:
    json.dump(out, file, indent=1); file.write('\n')
