"""Labels of real bars by definition, for labels.test.ts: López de Prado (2018), chapters 3 and 4, in plain numpy.

Written from the book's text, label by label, without the package's code. `python3 make_labels.py` writes
labels-cases.json beside it and prints its sha256. Volatility is checked against pandas where that is installed.
"""

import csv
import hashlib
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SP500 = HERE.parents[3] / 'node_modules' / 'vega-datasets' / 'data' / 'sp500-2000.csv'
ROWS = slice(2000, 2400)  # 2008: falls, rises and quiet days


def bars():
    with SP500.open() as file:
        rows = [[float(row[name]) for name in ('high', 'low', 'close')] for row in csv.DictReader(file)][ROWS]
    return np.array(rows).T


def fixed_horizon(close, horizon, threshold):
    n = len(close)
    y = [None] * n
    known = [-1] * n
    for i in range(n - horizon):
        r = close[i + horizon] / close[i] - 1
        y[i] = r if threshold is None else (1 if r > threshold else -1 if r < -threshold else 0)
        known[i] = i + horizon
    return y, known


def triple_barrier(high, low, close, up, down, horizon, scale, touch, vertical):
    """First touch of each path; -1, 0 or 1, and the bar of the touch."""
    n = len(close)
    y = [None] * n
    known = [-1] * n
    for i in range(n):
        if not scale[i] > 0:
            continue
        path = np.arange(i + 1, min(n - 1, i + horizon) + 1)
        if touch == 'close':
            below = path[close[path] / close[i] - 1 < -down * scale[i]]
            above = path[close[path] / close[i] - 1 > up * scale[i]]
        else:
            below = path[low[path] / close[i] - 1 <= -down * scale[i]]
            above = path[high[path] / close[i] - 1 >= up * scale[i]]
        first_below = below[0] if len(below) else n
        first_above = above[0] if len(above) else n
        first = min(first_below, first_above)
        if first < n:
            y[i] = -1 if first_below <= first_above else 1
            known[i] = int(first)
        elif i + horizon < n:
            y[i] = 0 if vertical == 'zero' else int(np.sign(close[i + horizon] / close[i] - 1))
            known[i] = i + horizon
    return y, known


def uniqueness(known):
    """By the indicator matrix of section 4.5: a row a bar, a column a label."""
    n = len(known)
    matrix = np.zeros((n, n))
    for i, at in enumerate(known):
        if at >= 0:
            matrix[i : at + 1, i] = 1
    count = matrix.sum(axis=1)
    shares = np.divide(matrix, count[:, None], where=count[:, None] > 0, out=np.zeros_like(matrix))
    return count.astype(int).tolist(), [
        float(shares[:, i].sum() / matrix[:, i].sum()) if known[i] >= 0 else 0.0 for i in range(n)
    ]


def ewm_deviation(close, span):
    """Weighted deviation of the returns up to each bar, weights written out."""
    returns = close[1:] / close[:-1] - 1
    out = [None, None]
    for t in range(2, len(close)):
        r = returns[:t]
        w = (1 - 2 / (span + 1)) ** np.arange(t - 1, -1, -1.0)
        mean = (w * r).sum() / w.sum()
        biased = (w * (r - mean) ** 2).sum() / w.sum()
        out.append(float(np.sqrt(biased * w.sum() ** 2 / (w.sum() ** 2 - (w**2).sum()))))
    try:
        import pandas

        wanted = pandas.Series(returns).ewm(span=span).std().to_numpy()[1:]
        assert np.allclose(out[2:], wanted, rtol=1e-9, atol=0)
    except ImportError:
        print('pandas is not here: volatility was not compared with it')
    return out


def main():
    high, low, close = bars()
    one = np.ones(len(close))
    volatility = ewm_deviation(close, 50)
    scale = np.array([np.nan if v is None else v for v in volatility])
    cases = []
    for horizon, threshold in [(1, None), (10, None), (5, 0.0), (5, 0.02)]:
        y, known = fixed_horizon(close, horizon, threshold)
        cases.append({'kind': 'fixedHorizon', 'options': {'horizon': horizon, 'threshold': threshold}, 'y': y, 'knownAt': known})
    for up, down, horizon, scaled, touch, vertical in [
        (0.02, 0.02, 10, False, 'close', 'zero'),
        (0.03, 0.01, 20, False, 'range', 'zero'),
        (2, 1, 10, True, 'close', 'sign'),
        (1, 2, 30, True, 'range', 'sign'),
        (float('inf'), 0.05, 15, False, 'close', 'zero'),
    ]:
        y, known = triple_barrier(high, low, close, up, down, horizon, scale if scaled else one, touch, vertical)
        options = {'up': None if up == float('inf') else up, 'down': down, 'horizon': horizon, 'touch': touch, 'vertical': vertical}
        cases.append({'kind': 'tripleBarrier', 'scaled': scaled, 'options': options, 'y': y, 'knownAt': known})
    for case in cases:
        case['concurrency'], case['weight'] = uniqueness(case['knownAt'])
    out = {'rows': [ROWS.start, ROWS.stop], 'numpy': np.__version__, 'span': 50, 'volatility': volatility, 'cases': cases}
    text = json.dumps(out, separators=(',', ':')) + '\n'
    (HERE / 'labels-cases.json').write_text(text)
    print(len(cases), 'cases', len(text), 'bytes', hashlib.sha256(text.encode()).hexdigest())


main()
