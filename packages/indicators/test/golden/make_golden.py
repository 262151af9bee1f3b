"""Golden values of every indicator, independent of the package: exact fractions for windows, 60-digit decimals for
recursions. Standard library only, Python 3.11. Run: python3 make_golden.py > indicators.json"""

import json
import math
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 60


class Lcg:
    """Numerical Recipes' 64-bit linear congruential generator, so that no library's generator matters."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 2**53


def walk(seed, n, ticks):
    """Bars of a random walk; prices on a 0.01 grid when `ticks`, else of full precision."""
    rng = Lcg(seed)
    price = 100.0
    bars = []
    for _ in range(n):
        price *= 1 + 0.04 * (rng.uniform() - 0.5)
        high = price * (1 + 0.01 * rng.uniform())
        low = price * (1 - 0.01 * rng.uniform())
        close = low + (high - low) * rng.uniform()
        volume = 10000 * rng.uniform()
        if ticks:
            high, low, close, volume = round(high, 2), round(low, 2), round(close, 2), float(round(volume))
            close = min(max(close, low), high)
        bars.append((high, low, close, volume))
    return columns(bars)


def columns(bars):
    return {name: [bar[i] for bar in bars] for i, name in enumerate(("high", "low", "close", "volume"))}


def wild(seed):
    """Magnitudes from 1e-8 to 1e12, each followed by a flat run longer than the windows."""
    rng = Lcg(seed)
    values = []
    for flat in (0.1, 1 / 3, 100.05, 1e-8, 1e12):
        values += [(1 + 9 * rng.uniform()) * 10 ** (int(rng.uniform() * 21) - 8) for _ in range(12)]
        values += [flat] * 25
    volumes = [float(int(1000 * rng.uniform()) + 1) for _ in values]
    return columns([(v, v, v, volume) for v, volume in zip(values, volumes)])


def window(values, n, of):
    return [None if i < n - 1 else of(values[i - n + 1 : i + 1]) for i in range(len(values))]


def fractions(values):
    return [Fraction(v) for v in values]


def nearest(fraction):
    return fraction.numerator / fraction.denominator  # int / int rounds once, to nearest even


def mean(values):
    return sum(values) / Fraction(len(values))


def variance(values):
    centre = mean(values)
    return sum((v - centre) ** 2 for v in values) / len(values)


def sma(values, n):
    return window(values, n, lambda w: nearest(mean(fractions(w))))


def rolling_sum(values, n):
    return window(values, n, math.fsum)


def rolling_std(values, n):
    return window(values, n, lambda w: math.sqrt(nearest(variance(fractions(w)))))


def wma(values, n):
    weights = n * (n + 1) // 2
    return window(values, n, lambda w: nearest(sum((k + 1) * Fraction(v) for k, v in enumerate(w)) / weights))


def vwap(bars, n):
    rows = list(zip(*(fractions(bars[name]) for name in ("high", "low", "close", "volume"))))
    return window(
        rows, n, lambda w: nearest(sum((h + l + c) / 3 * v for h, l, c, v in w) / sum(v for _, _, _, v in w))
    )


def decimals(values):
    return [Decimal(v) for v in values]


def ema_from(values, n, start):
    """Decimals; the first value at start + n - 1 is the mean of the n values up to there."""
    out = [None] * len(values)
    alpha = Decimal(2) / (n + 1)
    average = None
    for i in range(start + n - 1, len(values)):
        average = sum(values[start : start + n]) / n if average is None else average + alpha * (values[i] - average)
        out[i] = average
    return out


def wilder(values, n, start):
    """Decimals; values before `start` are not used."""
    out = [None] * len(values)
    average = None
    for i in range(start + n - 1, len(values)):
        average = sum(values[start : start + n]) / n if average is None else (average * (n - 1) + values[i]) / n
        out[i] = average
    return out


def rsi(values, n):
    values = decimals(values)
    moves = [Decimal(0)] + [b - a for a, b in zip(values, values[1:])]
    gains = wilder([max(m, Decimal(0)) for m in moves], n, 1)
    losses = wilder([max(-m, Decimal(0)) for m in moves], n, 1)
    out = []
    for gain, loss in zip(gains, losses):
        out.append(None if gain is None else Decimal(100) if loss == 0 else 100 - 100 / (1 + gain / loss))
    return out


def true_range(bars):
    high, low, close = (decimals(bars[name]) for name in ("high", "low", "close"))
    return [None] + [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) for i in range(1, len(close))
    ]


def atr(bars, n):
    return wilder(true_range(bars), n, 1)


def macd(values, fast, slow, signal):
    values = decimals(values)
    start = slow - 1
    quick, late = ema_from(values, fast, slow - fast), ema_from(values, slow, 0)
    line = [None if i < start else quick[i] - late[i] for i in range(len(values))]
    average = ema_from(line, signal, start)
    line = [None if a is None else m for m, a in zip(line, average)]
    return line, average, [None if a is None else m - a for m, a in zip(line, average)]


def bollinger(values, n, k):
    middle, width = [], []
    for i in range(len(values)):
        w = decimals(values[max(0, i - n + 1) : i + 1])
        centre = sum(w) / n
        middle.append(None if i < n - 1 else centre)
        width.append(None if i < n - 1 else Decimal(k) * (sum((v - centre) ** 2 for v in w) / n).sqrt())
    shift = lambda sign: [None if m is None else m + sign * s for m, s in zip(middle, width)]
    return shift(1), middle, shift(-1)


def stochastic(bars, n, smooth, signal):
    high, low, close = (decimals(bars[name]) for name in ("high", "low", "close"))
    raw = []
    for i in range(n - 1, len(close)):
        top, bottom = max(high[i - n + 1 : i + 1]), min(low[i - n + 1 : i + 1])
        raw.append(Decimal(0) if top == bottom else 100 * (close[i] - bottom) / (top - bottom))
    k = [sum(raw[i - smooth + 1 : i + 1]) / smooth for i in range(smooth - 1, len(raw))]
    d = [sum(k[i - signal + 1 : i + 1]) / signal for i in range(signal - 1, len(k))]
    pad = [None] * (len(close) - len(d))
    return pad + k[signal - 1 :], pad + d


def roc(values, n):
    v = decimals(values)
    return [None if i < n else (v[i] / v[i - n] - 1) * 100 for i in range(len(v))]


def obv(bars):
    total, out = Fraction(0), []
    close, volume = bars["close"], fractions(bars["volume"])
    for i, c in enumerate(close):
        step = 1 if i == 0 or c > close[i - 1] else -1 if c < close[i - 1] else 0
        total += step * volume[i]
        out.append(nearest(total))
    return out


def case(indicator, series, inputs, params, outputs, exact):
    floats = [[None if v is None else float(v) for v in column] for column in outputs]
    return {
        "indicator": indicator,
        "series": series,
        "inputs": inputs,
        "params": params,
        "exact": exact,
        "outputs": floats,
    }


def cases(name, bars, full):
    close = bars["close"]
    one = lambda indicator, params, column, exact=True: case(indicator, name, ["close"], params, [column], exact)
    for n in (1, 2, 5, 20):
        yield one("sma", [n], sma(close, n))
        yield one("wma", [n], wma(close, n))
        yield one("rollingSum", [n], rolling_sum(close, n))
        yield one("rollingStd", [n], rolling_std(close, n))
        yield one("rollingMin", [n], window(close, n, min))
        yield one("rollingMax", [n], window(close, n, max))
    yield case("donchian", name, ["high", "low"], [10], donchian(bars, 10), True)
    if not full:
        return
    for n in (1, 5, 14):
        yield one("ema", [n], ema_from(decimals(close), n, 0), False)
        yield one("rsi", [n], rsi(close, n), False)
        yield one("roc", [n], roc(close, n), False)
        yield case("atr", name, ["high", "low", "close"], [n], [atr(bars, n)], False)
    yield case("trueRange", name, ["high", "low", "close"], [], [true_range(bars)], False)
    yield case("macd", name, ["close"], [12, 26, 9], macd(close, 12, 26, 9), False)
    yield case("macd", name, ["close"], [3, 5, 2], macd(close, 3, 5, 2), False)
    yield case("bollinger", name, ["close"], [20, 2.5], bollinger(close, 20, 2.5), False)
    yield case("stochastic", name, ["high", "low", "close"], [14, 3, 3], stochastic(bars, 14, 3, 3), False)
    yield case("stochastic", name, ["high", "low", "close"], [5, 1, 4], stochastic(bars, 5, 1, 4), False)
    yield case("vwap", name, ["high", "low", "close", "volume"], [20], [vwap(bars, 20)], False)
    yield case("obv", name, ["close", "volume"], [], [obv(bars)], True)


def donchian(bars, n):
    upper, lower = window(bars["high"], n, max), window(bars["low"], n, min)
    middle = [None if u is None else nearest((Fraction(u) + Fraction(l)) / 2) for u, l in zip(upper, lower)]
    return upper, middle, lower


def main():
    series = {"ticks": walk(1, 120, True), "walk": walk(2, 120, False), "wild": wild(3)}
    for bars in series.values():
        # One price of the walk twice in a row, so that "unchanged" is tested too.
        bars["close"][50] = bars["close"][49]
    found = [c for name, bars in series.items() for c in cases(name, bars, name != "wild")]
    print(json.dumps({"series": series, "cases": found}, separators=(",", ":")))


main()
