"""Independent reference for `preset: 'reference'` of @tradewright/backtest: indicators, signals, fills, stops, trades, metrics.

Written from the project's backtest conventions, bar by bar, in the plainest possible way, with the Python standard
library only. It shares no code with the engine that it checks. README.md beside it lists how it reads the conventions
where they are silent; "R5" in a comment is reading 5 of that list.

    python3 make_reference.py                        write reference-cases.json
    python3 make_reference.py --verify               compute everything again and compare with reference-cases.json
    python3 make_reference.py --check-sweep FILE     the two checksums of the SMA sweep, trade by trade (seconds)
    python3 make_reference.py --check-sweep-plain FILE   the same, bar by bar with simulate() below (some minutes)
"""

import array
import csv
import datetime
import hashlib
import json
import math
import operator
import pathlib
import sys
from fractions import Fraction

sys.dont_write_bytecode = True  # leave no cache folder beside the golden files
from reference_cases import all_cases  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[3]
OUT = HERE / 'reference-cases.json'
SP500 = ROOT / 'node_modules' / 'vega-datasets' / 'data' / 'sp500-2000.csv'
HAND_START = 1577836800000  # 2020-01-01
NAN = math.nan
INF = math.inf

REFERENCE_DEFAULTS = {
    'fill': 'close', 'direction': 'long', 'feeBps': 0, 'slippageBps': 0, 'fixedFee': 0, 'stopLoss': None, 'takeProfit': None,
    'trailingStop': None, 'stopExit': 'stopMarket', 'timeStopBars': None, 'sizing': {'type': 'allIn'}, 'initialCash': 10000,
}


# ---------------------------------------------------------------- indicators

def exact_units(values):
    """The same values as whole multiples of one power of two: (integers, unit). Sums of them are exact."""
    ratios = [v.as_integer_ratio() for v in values]
    unit = max(denominator for _, denominator in ratios)
    return [numerator * (unit // denominator) for numerator, denominator in ratios], unit


def sma(values, n):
    """Mean of the last n values: exact sum, rounded once. NaN before index n-1."""
    whole, unit = exact_units(values)
    out = [NAN] * len(values)
    for i in range(n - 1, len(values)):
        out[i] = sum(whole[i - n + 1:i + 1]) / (n * unit)
    return out


def rolling_std(values, n):
    """Population standard deviation (ddof 0) of the last n values: exact variance, rounded, then its root."""
    whole, unit = exact_units(values)
    out = [NAN] * len(values)
    for i in range(n - 1, len(values)):
        window = whole[i - n + 1:i + 1]
        total = sum(window)
        variance = Fraction(n * sum(x * x for x in window) - total * total, n * n * unit * unit)
        out[i] = math.sqrt(variance)
    return out


def rsi(values, n):
    """Wilder. First value at index n, from the simple means of the first n up and down moves. Average loss 0 gives 100."""
    out = [NAN] * len(values)
    if len(values) <= n:
        return out
    moves = [b - a for a, b in zip(values, values[1:])]
    ups = [max(m, 0.0) for m in moves]
    downs = [max(-m, 0.0) for m in moves]
    gain = math.fsum(ups[:n]) / n
    loss = math.fsum(downs[:n]) / n
    for i in range(n, len(values)):
        if i > n:
            gain = (gain * (n - 1) + ups[i - 1]) / n
            loss = (loss * (n - 1) + downs[i - 1]) / n
        out[i] = 100.0 if loss == 0 else 100.0 - 100.0 / (1.0 + gain / loss)
    return out


def bollinger(values, n, k):
    middle = sma(values, n)
    deviation = rolling_std(values, n)
    return [m + k * d for m, d in zip(middle, deviation)], middle, [m - k * d for m, d in zip(middle, deviation)]


near_ties = []  # decisions closer than 1e-10 relative that are not exact ties: such a case would test rounding, not rules


def watch_tie(a, b, exact_is_fine):
    """Remember a decision between numbers that another order of the same operations could turn round."""
    if abs(a - b) < 1e-10 * abs(b) and not (exact_is_fine and a == b):
        near_ties.append((a, b))


def crosses_above(a, b):
    out = [False] * len(a)
    for i in range(1, len(a)):  # a comparison with NaN is false, so a NaN among the four gives no cross
        out[i] = a[i] > b[i] and a[i - 1] <= b[i - 1]
        watch_tie(a[i], b[i], exact_is_fine=True)
    return out


def crosses_below(a, b):
    return crosses_above([-x for x in a], [-x for x in b])


# ---------------------------------------------------------------- strategies: signals by name

def strategy_signals(name, params, bars):
    """{entry, exit} or {entry, exit, shortEntry, shortExit}: one list of booleans each."""
    close = bars['close']
    constant = lambda value: [float(value)] * len(close)
    if name == 'smaCross':
        fast, slow = sma(close, params['fast']), sma(close, params['slow'])
        return {'entry': crosses_above(fast, slow), 'exit': crosses_below(fast, slow)}
    if name == 'rsiReversion':
        value = rsi(close, params['period'])
        return {'entry': crosses_below(value, constant(params['low'])), 'exit': crosses_above(value, constant(params['high']))}
    if name == 'bollingerBreakout':
        upper, middle, _ = bollinger(close, params['period'], params['k'])
        return {'entry': crosses_above(close, upper), 'exit': crosses_below(close, middle)}
    if name == 'smaBands':  # four separate signals
        fast, slow = sma(close, params['fast']), sma(close, params['slow'])
        return {'entry': crosses_above(fast, slow), 'exit': crosses_below(close, fast),
                'shortEntry': crosses_below(fast, slow), 'shortExit': crosses_above(close, fast)}
    # Hand-made bars carry their signals in the volume column, so that a test can state them by the public interface.
    code = [int(v) for v in bars['volume']]
    if name == 'codes2':
        return {'entry': [c in (1, 3) for c in code], 'exit': [c in (2, 3) for c in code]}
    if name == 'codes4':
        return {'entry': [c in (1, 3, 8, 9) for c in code], 'exit': [c in (2, 3, 7) for c in code],
                'shortEntry': [c in (4, 6, 7, 9) for c in code], 'shortExit': [c in (5, 6, 8) for c in code]}
    raise ValueError(name)


def directed_signals(signals, direction):
    """(long entry, long exit, short entry, short exit), a list each."""
    never = [False] * len(signals['entry'])
    four = 'shortEntry' in signals
    if direction == 'long':
        return signals['entry'], signals['exit'], never, never
    if direction == 'short':  # R1: without signals of its own, a short is opened by entry and closed by exit
        return (never, never, signals['shortEntry'], signals['shortExit']) if four else (never, never, signals['entry'], signals['exit'])
    if four:
        return signals['entry'], signals['exit'], signals['shortEntry'], signals['shortExit']
    return signals['entry'], never, signals['exit'], never  # an exit goes or reverses to short


def wanted_action(long_entry, long_exit, short_entry, short_exit, position):
    """What the signals of one bar ask for in this position: 'long', 'short', 'close' or None."""
    if long_entry and long_exit:  # entry and exit of the same side on the same bar: both are ignored
        long_entry = long_exit = False
    if short_entry and short_exit:
        short_entry = short_exit = False
    if long_entry and short_entry:  # R2: two opposite entries: both are ignored
        long_entry = short_entry = False
    if position > 0:
        return 'short' if short_entry else 'close' if long_exit else None  # R2: a reversal includes the exit
    if position < 0:
        return 'long' if long_entry else 'close' if short_exit else None
    return 'long' if long_entry else 'short' if short_entry else None


# ---------------------------------------------------------------- simulation

def price_at_level(is_below, level, bar_open, low, high):
    """Exit price at a level that lies below (or above) the price, or None when the bar does not reach it."""
    for price in (bar_open, low, high):
        watch_tie(price, level, exact_is_fine=(level * 64).is_integer())  # such levels are exact in binary, made so by hand
    if (bar_open <= level) if is_below else (bar_open >= level):
        return bar_open
    if low <= level <= high:
        return level
    return None


def simulate(bars, signals, options):
    o = {**REFERENCE_DEFAULTS, **options}
    opens, highs, lows, closes = bars['open'], bars['high'], bars['low'], bars['close']
    n = len(closes)
    rate = o['feeBps'] / 10000
    slippage = o['slippageBps'] / 10000
    fixed = o['fixedFee']
    sizing = o['sizing']
    fraction = sizing['fraction'] if sizing['type'] == 'fraction' else 1.0
    quantity = sizing['quantity'] if sizing['type'] == 'quantity' else None
    long_entries, long_exits, short_entries, short_exits = directed_signals(signals, o['direction'])

    cash = float(o['initialCash'])
    position = 0.0
    entry = None  # {'index', 'price', 'size', 'fee'} of the open trade, fee for the size still open
    peak = NAN  # the best price since the entry, for the trailing stop
    orders, trades, equity, positions = [], [], [], []

    def close_part(i, price, size, fee):
        """Book the closing of `size` units of the open trade."""
        nonlocal entry
        sign = 1.0 if position > 0 else -1.0
        entry_fee = entry['fee'] * (size / entry['size'])
        pnl = sign * (price - entry['price']) * size - entry_fee - fee
        trades.append({'entryIndex': entry['index'], 'exitIndex': i, 'direction': 'long' if position > 0 else 'short',
                       'entryPrice': entry['price'], 'exitPrice': price, 'size': size, 'pnl': pnl,
                       'return': pnl / (entry['price'] * size), 'status': 'closed', 'fees': entry_fee + fee})
        rest = entry['size'] - size
        entry = {**entry, 'size': rest, 'fee': entry['fee'] - entry_fee} if rest > 0 else None

    def book(i, side, size, price, fee, new_cash):
        """One filled order: the closing part ends the open trade, what remains opens the next."""
        nonlocal cash, position, entry, peak
        orders.append({'index': i, 'side': side, 'size': size, 'price': price, 'fee': fee})
        signed = size if side == 'buy' else -size
        if position * signed < 0:
            closing = min(size, abs(position))
            close_part(i, price, closing, fee * (closing / size))
        opening = size if position * signed >= 0 else size - abs(position)
        position = 0.0 if signed == -position else position + signed
        if opening > 0:
            entry = {'index': i, 'price': price, 'size': opening, 'fee': fee * (opening / size)}
            peak = price
        cash = new_cash

    def buy(i, raw_price, size, slip):
        """size None: everything the cash allows. R3: a purchase never costs more than the cash; the rest is not filled."""
        price = raw_price * (1 + slip)
        fee = None
        if size is not None:
            fee = size * price * rate + fixed
            watch_tie(size * price + fee, cash, exact_is_fine=False)
        if size is None or size * price + fee > cash:
            size = (cash - fixed) / (1 + rate) / price
            if size <= 0:
                return
            book(i, 'buy', size, price, size * price * rate + fixed, 0.0)
        elif size > 0:
            book(i, 'buy', size, price, fee, cash - size * price - fee)

    def sell(i, raw_price, size, slip):
        price = raw_price * (1 - slip)
        fee = size * price * rate + fixed
        if size <= 0 or size * price - fee < 0:  # R4: a sale that does not pay its own fee is not made
            return
        book(i, 'sell', size, price, fee, cash + size * price - fee)

    def close_all(i, raw_price, slip):
        if position > 0:
            sell(i, raw_price, position, slip)
        else:
            buy(i, raw_price, -position, slip)

    def go_long(i, raw_price):
        cover = max(-position, 0.0)
        if quantity is not None:
            buy(i, raw_price, cover + quantity, slippage)
        elif fraction == 1:
            buy(i, raw_price, None, slippage)
        else:  # R5: the fraction is of the cash that is left after covering
            price = raw_price * (1 + slippage)
            left = cash - cover * price * (1 + rate)
            buy(i, raw_price, cover + max((fraction * left - fixed) / (1 + rate) / price, 0.0), slippage)

    def go_short(i, raw_price):
        held = max(position, 0.0)
        if quantity is not None:  # R3: a short sale of a given quantity is not limited by the cash
            sell(i, raw_price, held + quantity, slippage)
            return
        price = raw_price * (1 - slippage)
        free = cash + held * price * (1 - rate)
        opening = fraction * (free - fixed) / (price * (1 + rate))  # R6: the fixed fee is taken off from flat too
        sell(i, raw_price, held + max(opening, 0.0), slippage)

    def stop_exit_price(i):
        """The raw price at which a stop ends the position on bar i, or None."""
        bar = (opens[i], lows[i], highs[i])
        long = position > 0
        sign = 1 if long else -1
        levels = []
        if o['stopLoss'] is not None:
            levels.append(entry['price'] * (1 - sign * o['stopLoss']))
        if o['trailingStop'] is not None:
            levels.append(peak * (1 - sign * o['trailingStop']))
        if levels:  # R7: of a stop loss and a trailing stop the nearer one acts
            price = price_at_level(long, max(levels) if long else min(levels), *bar)
            if price is not None:
                return price
        if o['takeProfit'] is not None:
            return price_at_level(not long, entry['price'] * (1 + sign * o['takeProfit']), *bar)
        return None

    for i in range(n):
        stopped = False
        if position != 0 and i > entry['index']:  # armed from the bar after the fill bar
            price = stop_exit_price(i)
            peak = max(peak, highs[i]) if position > 0 else min(peak, lows[i])  # after the test
            if price is not None:
                close_all(i, price, slippage if o['stopExit'] == 'stopMarket' else 0.0)
                stopped = True  # swallows the order that would fill on this bar

        due = i if o['fill'] == 'close' else i - 1  # the bar whose signals fill on this one
        if not stopped and 0 <= due < n - 1:  # signals of the last bar are ignored
            price = closes[i] if o['fill'] == 'close' else opens[i]
            if position != 0 and o['timeStopBars'] is not None and due - entry['index'] >= o['timeStopBars']:
                close_all(i, price, slippage)  # R8
            else:
                action = wanted_action(long_entries[due], long_exits[due], short_entries[due], short_exits[due], position)
                if action == 'long':
                    go_long(i, price)
                elif action == 'short':
                    go_short(i, price)
                elif action == 'close':
                    close_all(i, price, slippage)

        positions.append(position)
        equity.append(cash + position * closes[i])

    if position != 0:
        close_part(n - 1, closes[-1], abs(position), 0.0)
        trades[-1]['status'] = 'open'
    return orders, trades, equity, positions


# ---------------------------------------------------------------- metrics

def bar_return(before, after):
    """after/before - 1. R9: after a bar of negative equity a rise is positive; from zero it is infinite."""
    if before == 0:
        return 0.0 if after == 0 else math.copysign(INF, after)
    return (after - before) / abs(before)


def mean(values):
    return math.fsum(values) / len(values)


def standard_metrics(orders, trades, equity, positions, options):
    o = {**REFERENCE_DEFAULTS, **options}
    initial, per_year, n = float(o['initialCash']), o['barsPerYear'], len(equity)
    returns = [bar_return(a, b) for a, b in zip([initial] + equity[:-1], equity)]
    average = mean(returns)
    deviation = NAN
    if n >= 2:
        constant = min(returns) == max(returns)
        deviation = 0.0 if constant else math.sqrt(math.fsum((r - average) ** 2 for r in returns) / (n - 1))
    downside = math.sqrt(mean([min(r, 0.0) ** 2 for r in returns]))
    peak, drawdown = initial, 0.0
    for value in equity:
        peak = max(peak, value)
        drawdown = min(drawdown, value / peak - 1)
    total = equity[-1] / initial - 1
    annualized = (1 + total) ** (per_year / n) - 1 if 1 + total >= 0 else NAN
    closed = [t['pnl'] for t in trades if t['status'] == 'closed']
    won = math.fsum(p for p in closed if p > 0)
    lost = -math.fsum(p for p in closed if p < 0)
    return {
        'totalReturn': total,
        'sharpe': average / deviation * math.sqrt(per_year) if deviation > 0 else NAN,
        'sortino': average * per_year / (downside * math.sqrt(per_year)) if downside > 0 else INF if average > 0 else NAN,
        'calmar': annualized / abs(drawdown) if drawdown < 0 else INF if annualized > 0 else NAN,
        'maxDrawdown': drawdown,
        'trades': len(trades),
        'winRate': sum(p > 0 for p in closed) / len(closed) if closed else NAN,
        'profitFactor': won / lost if lost > 0 else INF if won > 0 else NAN,
        'expectancy': mean(closed) if closed else NAN,
        'exposure': sum(p != 0 for p in positions) / n,
        'turnover': math.fsum(abs(x['size'] * x['price']) for x in orders) / initial,
        'annualizedReturn': annualized,
        'annualizedVolatility': deviation * math.sqrt(per_year),
        'feesPaid': math.fsum(x['fee'] for x in orders),
        'finalEquity': equity[-1],
    }


# ---------------------------------------------------------------- bars

def read_sp500():
    bars = {name: [] for name in ('timestamp', 'open', 'high', 'low', 'close', 'volume')}
    with open(SP500, newline='') as file:
        for row in csv.DictReader(file):
            day = datetime.datetime.fromisoformat(row['date']).replace(tzinfo=datetime.timezone.utc)
            bars['timestamp'].append(int(day.timestamp()) * 1000)
            for name in ('open', 'high', 'low', 'close', 'volume'):
                bars[name].append(float(row[name]))
    return bars


def handmade(rows):
    """Rows [open, high, low, close, code], one a day from HAND_START."""
    columns = [[float(row[k]) for row in rows] for k in range(5)]
    return dict(zip(('open', 'high', 'low', 'close', 'volume'), columns), timestamp=[HAND_START + 86400000 * i for i in range(len(rows))])


def compute_case(case, sp500):
    if 'bars' in case:
        bars = handmade(case['bars'])
    else:
        start, end = case['slice']
        bars = {name: column[start:end] for name, column in sp500.items()}
    del near_ties[:]
    for i in range(len(bars['close'])):
        assert bars['low'][i] <= min(bars['open'][i], bars['close'][i]) <= max(bars['open'][i], bars['close'][i]) <= bars['high'][i], case['name']
    signals = strategy_signals(case['strategy'], case['params'], bars)
    orders, trades, equity, positions = simulate(bars, signals, case['options'])
    if near_ties:
        raise SystemExit(f"{case['name']}: near ties {near_ties}")
    metrics = standard_metrics(orders, trades, equity, positions, case['options'])
    check_consistency(case, orders, trades, equity, metrics)
    n = len(equity)
    samples = sorted({round(k * (n - 1) / 9) for k in range(10)})
    return {
        'orders': [[x[k] for k in ORDER_COLUMNS] for x in orders],
        'trades': [[x[k] for k in TRADE_COLUMNS] for x in trades],
        'metrics': metrics,
        'equity': {'sum': math.fsum(equity), 'samples': [[i, equity[i]] for i in samples]},
        'positions': {'sum': math.fsum(positions), 'samples': [[i, positions[i]] for i in samples]},
    }


ORDER_COLUMNS = ['index', 'side', 'size', 'price', 'fee']
TRADE_COLUMNS = ['entryIndex', 'exitIndex', 'direction', 'entryPrice', 'exitPrice', 'size', 'pnl', 'return', 'status', 'fees']


def check_consistency(case, orders, trades, equity, metrics):
    """What must hold whatever the rules are: money is neither made nor lost between trades, fees and equity. And nothing
    recorded is the rounding error of one order of operations, which another engine could not repeat."""
    initial = float(case['options'].get('initialCash', REFERENCE_DEFAULTS['initialCash']))
    scale = max(initial, *(abs(e) for e in equity))
    assert abs(math.fsum(t['pnl'] for t in trades) - (equity[-1] - initial)) < 1e-9 * scale, case['name']
    assert abs(math.fsum(t['fees'] for t in trades) - metrics['feesPaid']) < 1e-9 * scale, case['name']
    for value in [metrics['annualizedVolatility'], metrics['maxDrawdown'], *(t['pnl'] / initial for t in trades)]:
        assert value == 0 or math.isnan(value) or abs(value) > 1e-9, f"{case['name']}: {value} is rounding noise, not a result"
    worst = min(after - before for before, after in zip([initial] + equity[:-1], equity))
    assert worst >= 0 or worst < -1e-9 * initial, f"{case['name']}: the only loss, {worst}, is rounding noise"
    for order in orders:
        assert order['size'] > 0 and order['price'] > 0 and order['fee'] >= 0, case['name']


def encode(value):
    if isinstance(value, float):
        if math.isnan(value):
            return 'NaN'
        if math.isinf(value):
            return 'Infinity' if value > 0 else '-Infinity'
        return int(value) if value.is_integer() and abs(value) < 2 ** 53 else value
    if isinstance(value, dict):
        return {k: encode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [encode(v) for v in value]
    return value


def document():
    sp500 = read_sp500()
    cases = []
    for case in all_cases():
        cases.append({**case, 'expected': compute_case(case, sp500)})
    names = [c['name'] for c in cases]
    assert len(set(names)) == len(names), 'names are unique'
    head = {'format': 1, 'generator': 'make_reference.py', 'data': {'file': 'vega-datasets/data/sp500-2000.csv', 'rows': len(sp500['close']),
            'sha256': hashlib.sha256(SP500.read_bytes()).hexdigest()},
            'orderColumns': ORDER_COLUMNS, 'tradeColumns': TRADE_COLUMNS, 'barColumns': ['open', 'high', 'low', 'close', 'volume'], 'barTimestamps': {'first': HAND_START, 'stepMs': 86400000}}
    dump = lambda value: json.dumps(encode(value), separators=(',', ':'), allow_nan=False)
    lines = [f'{json.dumps(k)}:{dump(v)}' for k, v in head.items()]
    return '{' + ',\n'.join(lines) + ',\n"cases":[\n' + ',\n'.join(dump(c) for c in cases) + '\n]}\n', cases


# ---------------------------------------------------------------- the sweep

def read_closes(file):
    values = array.array('d', pathlib.Path(file).read_bytes())
    if sys.byteorder == 'big':
        values.byteswap()
    return list(values)


def rolling_sums(values, windows):
    """sma(values, n) for many n, from exact prefix sums: the same numbers."""
    whole, unit = exact_units(values)
    prefix = [0]
    for x in whole:
        prefix.append(prefix[-1] + x)
    return {n: [NAN] * (n - 1) + [(prefix[i + 1] - prefix[i + 1 - n]) / (n * unit) for i in range(n - 1, len(values))] for n in windows}


def check_sweep_by_trades(file):
    """Per trade: a long bought with everything at close[a] and sold at close[b] multiplies equity by close[b]/close[a]*(1-f)/(1+f)."""
    close, fee, per_year = read_closes(file), 0.001, 8760
    n = len(close)
    averages = rolling_sums(close, range(2, 102))
    r = [0.0] + [close[i] / close[i - 1] - 1 for i in range(1, n)]
    sum1, sum2 = [0.0], [0.0]
    for x in r:
        sum1.append(math.fsum((sum1[-1], x)))
        sum2.append(math.fsum((sum2[-1], x * x)))
    returns, sharpes = [], []
    for slow in range(3, 102):
        for fast in range(2, slow):
            above = bytes(map(operator.gt, averages[fast][slow - 1:], averages[slow][slow - 1:]))
            below = bytes(map(operator.lt, averages[fast][slow - 1:], averages[slow][slow - 1:]))
            value, total1, total2, i = 1.0, 0.0, 0.0, 0
            while True:
                i = above.find(b'\0\1', i)
                if i < 0:
                    break
                a = i + slow  # the bar of the second byte
                if a == n - 1:  # signals of the last bar are ignored
                    break
                j = below.find(b'\0\1', i + 1)
                b = j + slow if j >= 0 else n - 1
                x = 1 / (1 + fee) - 1  # the entry bar
                total1, total2, value = total1 + x, total2 + x * x, value / (1 + fee) * close[b] / close[a]
                if b == n - 1:  # still open at the end, or its exit is on the last bar
                    total1 += sum1[n] - sum1[a + 1]
                    total2 += sum2[n] - sum2[a + 1]
                    break
                x = (1 + r[b]) * (1 - fee) - 1  # the exit bar
                total1 += sum1[b] - sum1[a + 1] + x
                total2 += sum2[b] - sum2[a + 1] + x * x
                value *= 1 - fee
                i = j + 1
            average = total1 / n
            returns.append(value - 1)
            sharpes.append(average / math.sqrt((total2 - n * average * average) / (n - 1)) * math.sqrt(per_year))
    return math.fsum(returns), math.fsum(sharpes)


def check_sweep_by_bars(file):
    close = read_closes(file)
    averages = rolling_sums(close, range(2, 102))
    bars = {'open': close, 'high': close, 'low': close, 'close': close}
    options = {'preset': 'reference', 'feeBps': 10, 'initialCash': 100, 'barsPerYear': 8760}
    returns, sharpes = [], []
    for slow in range(3, 102):
        for fast in range(2, slow):
            signals = {'entry': crosses_above(averages[fast], averages[slow]), 'exit': crosses_below(averages[fast], averages[slow])}
            metrics = standard_metrics(*simulate(bars, signals, options), options)
            returns.append(metrics['totalReturn'])
            sharpes.append(metrics['sharpe'])
    return math.fsum(returns), math.fsum(sharpes)


def main(arguments):
    if arguments[:1] in (['--check-sweep'], ['--check-sweep-plain']):
        got = (check_sweep_by_trades if arguments[0] == '--check-sweep' else check_sweep_by_bars)(arguments[1])
        failed = False
        for name, value, want in zip(('sum of total returns', 'sum of Sharpe ratios'), got, (-2212.9607815263, -2905.2837032120)):
            error = abs(value / want - 1)
            failed |= error > 1e-12
            print(f'{name}: {value:.10f}, conventions {want:.10f}, relative difference {error:.1e}')
        return 1 if failed else 0
    text, cases = document()
    if arguments[:1] == ['--verify']:
        same = OUT.read_text() == text
        print('reference-cases.json is', 'what this script makes' if same else 'NOT what this script makes')
        return 0 if same else 1
    OUT.write_text(text)
    orders = sum(len(c['expected']['orders']) for c in cases)
    print(f'{len(cases)} cases, {orders} orders, {len(text)} bytes, sha256 {hashlib.sha256(text.encode()).hexdigest()}')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
