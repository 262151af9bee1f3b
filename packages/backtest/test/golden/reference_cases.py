"""The cases of make_reference.py: which strategy, on which bars, with which options. Data only, no rules of simulation.

A case has a name, a strategy with params, options (names and shapes of the engine's own) and either `slice` (rows
[start, end) of the S&P 500 file) or `bars` (rows [open, high, low, close, volume], volume being a signal code).
"""

ALL_IN = {'type': 'allIn'}


def quantity(q):
    return {'type': 'quantity', 'quantity': q}


def fraction(f):
    return {'type': 'fraction', 'fraction': f}


# ---------------------------------------------------------------- real bars

SLICES = [(0, 700), (700, 1300), (1900, 2500), (2500, 3100), (3300, 3900), (4450, 5105)]
STRATEGIES = [
    ('smaCross', {'fast': 5, 'slow': 20}), ('rsiReversion', {'period': 14, 'low': 35, 'high': 65}), ('bollingerBreakout', {'period': 20, 'k': 1.5}),
    ('smaCross', {'fast': 10, 'slow': 50}), ('rsiReversion', {'period': 7, 'low': 25, 'high': 70}), ('bollingerBreakout', {'period': 30, 'k': 2}),
    ('smaCross', {'fast': 3, 'slow': 11}), ('rsiReversion', {'period': 5, 'low': 30.5, 'high': 60.5}), ('bollingerBreakout', {'period': 10, 'k': 1.25}),
]
DIRECTIONS = ['long', 'short', 'both']
FILLS = ['close', 'nextOpen']


def real(kind, number, **options):
    """The `number`th combination of strategy, slice, direction and fill, with the options given."""
    name, params = STRATEGIES[number % 9]
    direction = DIRECTIONS[(number // 3 + number // 9) % 3]
    fill = FILLS[(number + number // 2 + number // 18) % 2]
    start, end = SLICES[(number * 5 + number // 6) % 6]
    options = {'preset': 'reference', 'fill': fill, 'direction': direction, **options, 'barsPerYear': 252}
    fast = '-'.join(str(v) for v in params.values())
    title = f"{kind}/{name}({fast})/{options['direction']}/{options['fill']}/{start}-{end}"
    return {'name': title, 'strategy': name, 'params': params, 'slice': [start, end], 'options': options}


def real_cases():
    cases = []
    # Every strategy, direction and fill: no costs, then with costs.
    for s in range(3):
        for d in DIRECTIONS:
            for f in FILLS:
                cases.append(real('plain', s + 3 * (len(cases) % 3), direction=d, fill=f))
                cases.append(real('costs', s + 3 * (len(cases) % 3), direction=d, fill=f, feeBps=10, slippageBps=5))
    stops = [
        ('stop-loss', {'stopLoss': 0.03}), ('take-profit', {'takeProfit': 0.04}), ('stop-and-target', {'stopLoss': 0.02, 'takeProfit': 0.03}),
        ('tight-stop-and-target', {'stopLoss': 0.005, 'takeProfit': 0.006}), ('trailing', {'trailingStop': 0.03}),
        ('trailing-and-target', {'trailingStop': 0.02, 'takeProfit': 0.05}), ('stop-and-trailing', {'stopLoss': 0.02, 'trailingStop': 0.035}),
        ('time-stop', {'timeStopBars': 7}), ('time-stop-1', {'timeStopBars': 1}),
        ('everything', {'stopLoss': 0.04, 'takeProfit': 0.05, 'trailingStop': 0.045, 'timeStopBars': 12}),
    ]
    number = 0
    for title, stop in stops:
        for exit_kind in ('stopMarket', 'stopLimit'):
            for costs in ({'feeBps': 5, 'slippageBps': 10}, {'feeBps': 0, 'slippageBps': 3, 'fixedFee': 1}):
                if exit_kind == 'stopLimit' and 'time' in title:
                    continue
                cases.append(real(f'{title}-{exit_kind}', number, **stop, stopExit=exit_kind, **costs))
                number += 1
    sizes = [quantity(2), quantity(7.5), quantity(40), fraction(0.5), fraction(0.1), fraction(1)]
    for k, sizing in enumerate(sizes):
        label = f"{sizing['type']}-{list(sizing.values())[1]}"
        cases.append(real(label, k, direction=DIRECTIONS[k % 3], sizing=sizing, feeBps=10))
        cases.append(real(label, k + 3, direction='both', sizing=sizing, feeBps=10, slippageBps=2, fixedFee=2.5))
        cases.append(real(f'{label}-stops', k + 6, direction=DIRECTIONS[(k + 1) % 3], sizing=sizing, feeBps=3, stopLoss=0.03, takeProfit=0.05))
    costs = [
        {'fixedFee': 5}, {'feeBps': 50}, {'slippageBps': 50}, {'feeBps': 25, 'fixedFee': 10}, {'slippageBps': 20, 'fixedFee': 3},
        {'feeBps': 7.5, 'slippageBps': 2.5, 'fixedFee': 0.35},
    ]
    for k, cost in enumerate(costs):
        cases.append(real(f"costs-{'-'.join(f'{a}={b}' for a, b in cost.items())}", k + 3, direction='both', initialCash=100000, **cost))
        cases.append(real(f"costs-{'-'.join(f'{a}={b}' for a, b in cost.items())}", k, direction=DIRECTIONS[k % 2], initialCash=2500, **cost))
    # Separate signals for the short side.
    for k, d in enumerate(DIRECTIONS):
        for f in FILLS:
            options = {'preset': 'reference', 'fill': f, 'direction': d, 'feeBps': 4, 'slippageBps': 1, 'barsPerYear': 252}
            if f == 'nextOpen':
                options['trailingStop'] = 0.04
            params = {'fast': 8, 'slow': 21}
            start, end = SLICES[(k * 2 + (f == 'close')) % 6]
            cases.append({'name': f'four-signals/smaBands(8-21)/{d}/{f}/{start}-{end}', 'strategy': 'smaBands', 'params': params,
                          'slice': [start, end], 'options': options})
    # All 5,105 bars.
    whole = [
        ('smaCross', {'fast': 20, 'slow': 100}, {'direction': 'long', 'fill': 'close', 'feeBps': 10}),
        ('smaCross', {'fast': 20, 'slow': 100}, {'direction': 'both', 'fill': 'nextOpen', 'feeBps': 10, 'slippageBps': 5}),
        ('smaCross', {'fast': 50, 'slow': 200}, {'direction': 'both', 'fill': 'close', 'feeBps': 2, 'stopLoss': 0.1, 'initialCash': 1000000}),
        ('rsiReversion', {'period': 14, 'low': 30, 'high': 70}, {'direction': 'long', 'fill': 'nextOpen', 'feeBps': 10, 'slippageBps': 5}),
        ('rsiReversion', {'period': 14, 'low': 30, 'high': 70}, {'direction': 'long', 'fill': 'close', 'feeBps': 10, 'stopLoss': 0.08, 'takeProfit': 0.1}),
        ('bollingerBreakout', {'period': 20, 'k': 2}, {'direction': 'long', 'fill': 'close', 'feeBps': 10, 'trailingStop': 0.05}),
        ('bollingerBreakout', {'period': 50, 'k': 2.5}, {'direction': 'short', 'fill': 'nextOpen', 'feeBps': 10, 'timeStopBars': 20}),
    ]
    for name, params, options in whole:
        label = '-'.join(str(v) for v in params.values())
        cases.append({'name': f"whole/{name}({label})/{options['direction']}/{options['fill']}/0-5105", 'strategy': name, 'params': params,
                      'slice': [0, 5105], 'options': {'preset': 'reference', **options, 'barsPerYear': 252}})
    # Slices that end in the middle of things.
    for end in (19, 20, 21, 22, 57, 103):
        cases.append({'name': f'short-slice/smaCross(5-20)/both/close/0-{end}', 'strategy': 'smaCross', 'params': {'fast': 5, 'slow': 20},
                      'slice': [0, end], 'options': {'preset': 'reference', 'direction': 'both', 'feeBps': 10, 'barsPerYear': 252}})
    return cases


# ---------------------------------------------------------------- bars made by hand

def flat(price, code=0):
    return [price, price, price, price, code]


def around(closes, codes=None):
    """Bars from closes alone: open is the close before, high and low are the larger and smaller of the two."""
    codes = codes or {}
    opens = [closes[0]] + closes[:-1]
    return [[a, max(a, b), min(a, b), b, codes.get(i, 0)] for i, (a, b) in enumerate(zip(opens, closes))]


# Signal codes: 1 entry, 2 exit, 3 entry and exit, 4 shortEntry, 5 shortExit, 6 both of these, 7 exit and shortEntry,
# 8 entry and shortExit, 9 entry and shortEntry.

def hand(title, rows, strategy='codes2', params=None, **options):
    options = {'preset': 'reference', 'initialCash': 1000, **options, 'barsPerYear': 365}
    return {'name': f'hand/{title}', 'strategy': strategy, 'params': params or {}, 'bars': rows, 'options': options}


def stop_cases():
    cases = []
    quiet = flat(100)
    # A fraction of 1/16 gives levels that are exact in binary: 93.75 and 106.25 for an entry at 100.
    s = 0.0625
    after_long = {
        'gap below the stop': [[90, 92, 88, 91, 0]],
        'open exactly at the stop': [[93.75, 97, 93, 96, 0]],
        'low exactly at the stop': [[99, 100, 93.75, 98, 0]],
        'low just above the stop': [[99, 100, 93.76, 98, 0]],
        'gap above the target': [[110, 112, 108, 109, 0]],
        'open exactly at the target': [[106.25, 108, 105, 107, 0]],
        'high exactly at the target': [[101, 106.25, 100, 102, 0]],
        'stop and target on one bar': [[100, 108, 92, 101, 0]],
        'gap above the target, then through the stop': [[108, 109, 90, 95, 0]],
        'gap below the stop, then through the target': [[92, 110, 91, 105, 0]],
    }
    for title, rows in after_long.items():
        bars = [quiet, flat(100, 1), quiet, quiet] + rows + [quiet, quiet]
        cases.append(hand(f'long: {title}', bars, stopLoss=s, takeProfit=s))
        cases.append(hand(f'long, costs, nextOpen: {title}', bars, stopLoss=s, takeProfit=s, fill='nextOpen', feeBps=10, slippageBps=20))
        mirrored = [[200 - o, 200 - l, 200 - h, 200 - c, v] for o, h, l, c, v in bars]
        cases.append(hand(f'short: {title}', mirrored, stopLoss=s, takeProfit=s, direction='short'))
        cases.append(hand(f'short, stopLimit: {title}', mirrored, stopLoss=s, takeProfit=s, direction='short', stopExit='stopLimit', feeBps=10, slippageBps=20))
    wild = [[100, 120, 80, 100, 1], [100, 120, 80, 100, 0], [100, 101, 99, 100, 0], [100, 101, 99, 100, 0], [100, 120, 80, 100, 0], quiet]
    for fill in FILLS:
        cases.append(hand(f'the fill bar is not armed, {fill}', wild, stopLoss=s, takeProfit=s, fill=fill))
        cases.append(hand(f'the fill bar is not armed, short, {fill}', wild, stopLoss=s, takeProfit=s, fill=fill, direction='short'))
        cases.append(hand(f'the high of the fill bar does not move the peak, {fill}', wild, trailingStop=s, fill=fill))
    cases.append(hand('a stop acts on the last bar', [quiet, flat(100, 1), quiet, [99, 100, 90, 95, 2]], stopLoss=s))
    cases.append(hand('a stop acts on the last bar, nextOpen', [quiet, flat(100, 1), quiet, [99, 100, 90, 95, 2]], stopLoss=s, fill='nextOpen'))
    # The order that would fill on the bar of the stop is swallowed; a signal given on that bar for the next open is not.
    for code, what in ((2, 'exit'), (1, 'entry')):
        for direction in ('long', 'both'):
            on_stop_bar = [quiet, flat(100, 1), quiet, [99, 100, 90, 95, code], flat(96), flat(97), flat(98), flat(99)]
            before = [quiet, flat(100, 1), flat(100, code), [99, 100, 90, 95, 0], flat(96), flat(97), flat(98), flat(99)]
            for fill in FILLS:
                cases.append(hand(f'{what} on the bar of the stop, {direction}, {fill}', on_stop_bar, stopLoss=s, direction=direction, fill=fill, feeBps=10))
            cases.append(hand(f'{what} due at the open of the bar of the stop, {direction}', before, stopLoss=s, direction=direction, fill='nextOpen', feeBps=10))
    again = [quiet, flat(100, 1), [99, 100, 90, 95, 0], flat(96, 1), [96, 97, 89, 92, 0], flat(93, 1), flat(94), flat(95)]
    cases.append(hand('entry again after a stop', again, stopLoss=s, feeBps=10, slippageBps=10))
    cases.append(hand('entry again after a stop, nextOpen', again, stopLoss=s, feeBps=10, slippageBps=10, fill='nextOpen'))
    turn = [quiet, flat(100, 1), flat(102), flat(110, 2), [111, 116, 110, 115, 0], [115, 118, 113, 117, 0], flat(117), flat(100, 1), flat(100, 2), [99, 100, 93, 94, 0], flat(94)]
    for fill in FILLS:
        cases.append(hand(f'levels of a reversal are those of its own fill, {fill}', turn, stopLoss=s, takeProfit=s, direction='both', fill=fill, feeBps=10, slippageBps=10))
    # Trailing.
    climb = [quiet, flat(100, 1), [100, 104, 100, 103, 0], [103, 112, 102, 110, 0], [110, 111, 105.1, 106, 0], [106, 107, 104.9, 105, 0], flat(105), flat(105)]
    cases.append(hand('trailing: the level follows the highs before the bar', climb, trailingStop=s))
    cases.append(hand('trailing: one wide bar is tested with the peak before it', [quiet, flat(100, 1), [100, 130, 95, 128, 0], [128, 129, 121, 122, 0], flat(120)], trailingStop=s))
    cases.append(hand('trailing: gap', [quiet, flat(100, 1), flat(110), [95, 96, 94, 95, 0], flat(95)], trailingStop=s, feeBps=10, slippageBps=20))
    fall = [[200 - o, 200 - l, 200 - h, 200 - c, v] for o, h, l, c, v in climb]
    cases.append(hand('trailing: short', fall, trailingStop=s, direction='short'))
    cases.append(hand('trailing and target: the trailing stop is tested first', [quiet, flat(100, 1), flat(103), [103, 120, 95, 118, 0], flat(118)], trailingStop=s, takeProfit=0.125))
    cases.append(hand('stop loss and trailing: the nearer acts, trailing', [quiet, flat(100, 1), flat(110), [109, 109, 80, 85, 0], flat(85)], stopLoss=s, trailingStop=s))
    cases.append(hand('stop loss and trailing: the nearer acts, stop loss', [quiet, flat(100, 1), flat(101), [100, 101, 80, 85, 0], flat(85)], stopLoss=s, trailingStop=0.25))
    cases.append(hand('stop loss and trailing: short', [quiet, flat(100, 1), flat(90), [91, 120, 91, 115, 0], flat(115)], stopLoss=s, trailingStop=s, direction='short'))
    # Time.
    line = [flat(100 + i, {1: 1}.get(i, 0)) for i in range(9)]
    for fill in FILLS:
        for bars in (1, 3, 6, 7):
            cases.append(hand(f'time stop of {bars} bars, {fill}', line, timeStopBars=bars, fill=fill, feeBps=10))
    for code, what in ((1, 'entry'), (2, 'exit'), (3, 'entry and exit')):
        rows = [flat(100 + i, {1: 1, 4: code}.get(i, 0)) for i in range(9)]
        for fill in FILLS:
            cases.append(hand(f'time stop with {what} on its bar, {fill}', rows, timeStopBars=3, fill=fill, direction='both', feeBps=10))
    rows = [flat(100, {1: 1}.get(i, 0)) for i in range(5)] + [[99, 100, 90, 95, 0], flat(95)]
    cases.append(hand('a stop on the bar where a time stop would fill', rows, timeStopBars=3, stopLoss=s, fill='nextOpen', slippageBps=10))
    cases.append(hand('a stop on the bar of a time stop', rows[:4] + [[99, 100, 90, 95, 0], flat(95)], timeStopBars=3, stopLoss=s))
    return cases


def signal_cases():
    cases = []
    rise = [flat(100 + 2 * i) for i in range(10)]

    def coded(codes, closes=rise):
        return [row[:4] + [codes.get(i, 0)] for i, row in enumerate(closes)]
    for direction in DIRECTIONS:
        for fill in FILLS:
            cases.append(hand(f'entry and exit on one bar, {direction}, {fill}', coded({1: 3, 3: 1, 5: 3, 7: 2}), direction=direction, fill=fill))
            cases.append(hand(f'signals on the first and the last two bars, {direction}, {fill}', coded({0: 1, 8: 2, 9: 1}), direction=direction, fill=fill, feeBps=10))
    cases.append(hand('entry on the last bar only', coded({9: 1})))
    cases.append(hand('entry on the last but one, nextOpen', coded({8: 1}), fill='nextOpen', feeBps=10))
    cases.append(hand('no signal', coded({})))
    cases.append(hand('exit without a position', coded({2: 2, 4: 2})))
    cases.append(hand('entry again while long', coded({2: 1, 4: 1, 6: 2, 7: 2})))
    cases.append(hand('exit and entry on neighbouring bars, nextOpen', coded({1: 1, 3: 2, 4: 1, 5: 2, 6: 1}), fill='nextOpen', feeBps=10, slippageBps=10))
    cases.append(hand('one trade open at the end', coded({2: 1}), feeBps=10))
    cases.append(hand('one short open at the end', coded({2: 1}), feeBps=10, direction='short'))
    cases.append(hand('gains only', coded({0: 1, 4: 2, 5: 1, 8: 2})))
    cases.append(hand('losses only', coded({0: 1, 4: 2, 5: 1, 8: 2}, [flat(100 - 2 * i) for i in range(10)])))
    cases.append(hand('a trade that gains nothing', coded({2: 1, 6: 2}, [flat(100)] * 10)))
    cases.append(hand('one bar', [flat(100, 1)]))
    cases.append(hand('one bar, nextOpen', [flat(100, 1)], fill='nextOpen'))
    cases.append(hand('two bars', [flat(100, 1), flat(101, 2)], feeBps=10))
    cases.append(hand('two bars, nextOpen', [flat(100, 1), [102, 104, 101, 103, 2]], fill='nextOpen', feeBps=10))
    wave = [flat(p) for p in (100, 104, 99, 95, 101, 108, 103, 97, 100, 106, 102, 98)]
    alternating = {i: 1 if i % 2 else 2 for i in range(12)}
    for sizing in (ALL_IN, quantity(3), quantity(30), fraction(0.25), fraction(0.9)):
        label = '-'.join(str(v) for v in sizing.values())
        cases.append(hand(f'a reversal on every bar, {label}', coded(alternating, wave), direction='both', sizing=sizing, feeBps=20, slippageBps=10, fixedFee=0.5))
        cases.append(hand(f'a reversal on every bar, nextOpen, {label}', coded(alternating, wave), direction='both', fill='nextOpen', sizing=sizing, feeBps=20))
    cases.append(hand('a fixed fee larger than the cash', coded({1: 1, 4: 2}, wave), initialCash=4, fixedFee=5))
    cases.append(hand('a fixed fee larger than the cash, both', coded({1: 1, 4: 2}, wave), initialCash=4, fixedFee=5, direction='both'))
    cases.append(hand('a fixed fee that eats the cash', coded({i: 1 if i % 2 else 2 for i in range(12)}, wave), initialCash=20, fixedFee=3))
    crash = [flat(p) for p in (100, 100, 90, 60, 40, 38, 41, 70, 90, 95)]
    for direction in ('long', 'both'):
        cases.append(hand(f'a fixed fee larger than the proceeds, {direction}', coded({1: 1, 4: 2, 7: 2}, crash), initialCash=100, fixedFee=30, direction=direction))
    cases.append(hand('quantity beyond the cash', coded({1: 1, 4: 2, 6: 1}, wave), sizing=quantity(25), feeBps=10))
    cases.append(hand('quantity beyond the cash, short', coded({1: 1, 4: 2, 6: 1}, wave), sizing=quantity(25), feeBps=10, direction='short'))
    # A short that loses more than everything.
    soar = [flat(p) for p in (100, 100, 130, 170, 210, 260, 240, 220, 190, 180)]
    cases.append(hand('ruin: a short open at the end below zero', coded({1: 1}, soar), direction='short'))
    cases.append(hand('ruin: a short closed when the cash just covers it', coded({1: 1, 3: 2}, soar), direction='short', feeBps=10))
    cases.append(hand('ruin: a cover limited by the cash', coded({1: 1, 5: 2, 7: 2}, soar), direction='short', feeBps=10))
    cases.append(hand('ruin: a reversal limited by the cash', coded({1: 2, 4: 1, 6: 1}, soar), direction='both', feeBps=10))
    # Separate signals.
    four = [flat(p) for p in (100, 103, 101, 99, 104, 107, 102, 98, 96, 101, 105, 103)]
    programs = {
        'each in turn': {1: 1, 3: 2, 5: 4, 7: 5, 8: 1, 10: 4},
        'reversals': {1: 1, 3: 4, 5: 1, 7: 4, 9: 5},
        'exit and shortEntry on one bar': {1: 1, 4: 7, 7: 8, 9: 7},
        'conflicts': {1: 9, 2: 1, 4: 9, 5: 6, 6: 4, 8: 9, 9: 3, 10: 5},
        'exits of the other side': {1: 1, 3: 5, 5: 2, 6: 4, 8: 2, 10: 5},
    }
    for title, codes in programs.items():
        for direction in DIRECTIONS:
            fill = FILLS[len(cases) % 2]
            cases.append(hand(f'four signals: {title}, {direction}, {fill}', coded(codes, four), strategy='codes4', direction=direction, fill=fill, feeBps=10))
    return cases


def flat_price_cases():
    """Flat prices never cross."""
    cases = []
    cross = {'fast': 5, 'slow': 20}
    for price in (0.1, 0.3, 1.1, 7.3, 1234.56, 99.99):
        cases.append(hand(f'flat price {price}', [flat(price)] * 60, 'smaCross', cross))
        step = [price * 2] * 10 + [price] * 45 + [price * 3] * 25 + [price] * 30 + [price / 3] * 25
        cases.append(hand(f'flat, then a step, from {price}', around(step), 'smaCross', cross, direction='both', feeBps=10))
    # Prices and windows where the exact sum, rounded and then divided by n, is the price for one window and not for the other.
    for price, fast, slow in ((0.05, 3, 5), (0.11, 4, 5), (0.47, 7, 20), (1.89, 16, 17), (0.03, 5, 11), (54.21, 3, 20), (101.33, 13, 19), (77.77, 11, 43)):
        windows = {'fast': fast, 'slow': slow}
        step = [price * 2] * 50 + [price] * 60 + [price / 2] * 60 + [price] * 60 + [price * 4] * 60
        cases.append(hand(f'flat after steps up and down, {price}, {fast} and {slow}', around(step), 'smaCross', windows, direction='both', feeBps=10))
    level = [50.1] * 10 + [50.7] * 30 + [50.1] * 30 + [49.9] * 20
    cases.append(hand('flat steps, RSI', around(level), 'rsiReversion', {'period': 5, 'low': 30, 'high': 70}, direction='both'))
    cases.append(hand('flat steps, Bollinger', around(level), 'bollingerBreakout', {'period': 10, 'k': 2}, direction='both'))
    cases.append(hand('flat, RSI is 100', [flat(0.7)] * 30, 'rsiReversion', {'period': 5, 'low': 30, 'high': 70}, direction='both'))
    cases.append(hand('flat, Bollinger', [flat(0.7)] * 30, 'bollingerBreakout', {'period': 10, 'k': 2}, direction='both'))
    return cases


# ---------------------------------------------------------------- dense bars: many signals, gaps and wide bars

def dense_bars(seed, count, codes):
    """A deterministic walk with gaps; the generator is the 31-bit one of Park and Miller, so that anyone can repeat it."""
    state = seed

    def uniform():
        nonlocal state
        state = state * 48271 % 2147483647
        return state / 2147483647
    rows, close = [], 100.0
    for _ in range(count):
        bar_open = close * (1 + (uniform() - 0.5) * (0.08 if uniform() < 0.3 else 0.01))
        close = bar_open * (1 + (uniform() - 0.5) * 0.06)
        high = max(bar_open, close) * (1 + uniform() * 0.02)
        low = min(bar_open, close) * (1 - uniform() * 0.02)
        code = int(uniform() * codes) if uniform() < 0.5 else 0
        rows.append([round(bar_open, 2), round(high, 2), round(low, 2), round(close, 2), code])
        close = rows[-1][3]
    return rows


def dense_cases():
    cases = []
    stops = [{}, {'stopLoss': 0.03}, {'takeProfit': 0.035}, {'stopLoss': 0.02, 'takeProfit': 0.02}, {'trailingStop': 0.03},
             {'trailingStop': 0.025, 'takeProfit': 0.04}, {'stopLoss': 0.03, 'timeStopBars': 4}, {'stopLoss': 0.02, 'trailingStop': 0.03, 'takeProfit': 0.05, 'timeStopBars': 6}]
    sizings = [ALL_IN, fraction(0.6), quantity(5), ALL_IN]
    number = 0
    for strategy in ('codes2', 'codes4'):
        for stop in stops:
            for fill in FILLS:
                direction = ('both', 'both', 'long', 'both', 'short')[number % 5]
                costs = [{}, {'feeBps': 10, 'slippageBps': 5}, {'feeBps': 5, 'slippageBps': 15, 'fixedFee': 1, 'stopExit': 'stopLimit'}][number % 3]
                sizing = sizings[number % 4]
                bars = dense_bars(1000 + 17 * number, 120, 4 if strategy == 'codes2' else 10)
                title = f"dense-{number}/{strategy}/{'+'.join(stop) or 'no stop'}/{sizing['type']}/{direction}/{fill}"
                cases.append(hand(title, bars, strategy=strategy, direction=direction, fill=fill, **stop, sizing=sizing, **costs))
                number += 1
    return cases


def all_cases():
    return real_cases() + stop_cases() + signal_cases() + flat_price_cases() + dense_cases()
