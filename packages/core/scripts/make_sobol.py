"""Makes src/generated/sobol-directions.ts and test/golden/sobol.json from SciPy (made with scipy 1.10.1).

The direction numbers are Joe and Kuo's `new-joe-kuo-6.21201` (2008), which SciPy ships (BSD-3-Clause).
"""
import json, os, sys
import numpy as np, scipy
from scipy.stats import qmc
DIMENSIONS = 128
here = os.path.dirname(os.path.abspath(__file__))
table = np.load(os.path.join(os.path.dirname(scipy.__file__), 'stats', '_sobol_direction_numbers.npz'))
rows = []
for d in range(DIMENSIONS):
    poly = int(table['poly'][d])
    degree = poly.bit_length() - 1
    rows.append([poly] + [int(v) for v in table['vinit'][d][:max(degree, 1)]])
with open(os.path.join(here, '../src/generated/sobol-directions.ts'), 'w') as f:
    f.write('// Made by scripts/make_sobol.py. Per dimension: the primitive polynomial, then the initial direction numbers.\n')
    f.write('export const sobolDirections: readonly (readonly number[])[] = [\n')
    for row in rows:
        f.write('  [' + ', '.join(map(str, row)) + '],\n')
    f.write(']\n')
points = {}
for d in (1, 2, 3, 10, 40, 128):
    engine = qmc.Sobol(d, scramble=False)
    sample = engine.random(64)
    points[str(d)] = {str(i): sample[i].tolist() for i in (0, 1, 2, 3, 7, 20, 63)}
json.dump({'generator': 'scripts/make_sobol.py', 'tool': 'scipy ' + scipy.__version__, 'tolerance': 0, 'licence': 'BSD-3-Clause', 'points': points},
          open(os.path.join(here, '../test/golden/sobol.json'), 'w'))
