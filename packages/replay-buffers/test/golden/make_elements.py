"""Expected elements of replay buffers, from lists of whole episodes: no ring, no incremental state.

Run: python3 make_elements.py > elements.json    (Python 3.11, standard library only)
"""
import json
import random

GAMMA = 0.9


def episodes(rng, count, longest):
    """Episodes of steps with ids from 0 on; the last one stays open."""
    out, ident = [], 0
    for e in range(count):
        steps = []
        for _ in range(rng.randint(1, longest)):
            steps.append({"id": ident, "reward": round(rng.uniform(-2, 2), 3), "value": round(rng.uniform(-3, 3), 3)})
            ident += 1
        end = "open" if e == count - 1 else rng.choice(["terminated", "truncated", "terminated with final"])
        out.append({"steps": steps, "end": end, "final": 100000 + e})
    return out


def rows_of(eps):
    """The rows in the order in which they are stored: (episode, position); position len(steps) is the last observation."""
    rows = []
    for e, ep in enumerate(eps):
        rows += [(e, p) for p in range(len(ep["steps"]))]
        if ep["end"] in ("truncated", "terminated with final"):
            rows.append((e, len(ep["steps"])))
    return rows


def observation(ep, p):
    """Observation at position p of an episode; None where there is none."""
    if p < len(ep["steps"]):
        return ep["steps"][p]["id"]
    if ep["end"] in ("truncated", "terminated with final"):
        return ep["final"]
    return None


def one_step(ep, p, n):
    """n-step reward, next position, discount, steps and flags of the step at p; None while the window is open."""
    left = len(ep["steps"]) - p
    m = min(n, left)
    if ep["end"] == "open" and left <= n:
        return None
    reward = sum(GAMMA ** i * ep["steps"][p + i]["reward"] for i in range(m))
    last = p + m == len(ep["steps"])
    terminated = last and ep["end"].startswith("terminated")
    truncated = last and ep["end"] == "truncated"
    return {
        "reward": reward,
        "next": p + m,
        "discount": 0.0 if terminated else GAMMA ** m,
        "steps": m,
        "terminated": int(terminated),
        "truncated": int(truncated),
    }


def stack(ep, p, frames, pad):
    out = []
    for q in range(p - frames + 1, p + 1):
        if q >= 0:
            value = observation(ep, q)
            out.append(0 if value is None else value)
        else:
            out.append(0 if pad == "zero" else ep["steps"][0]["id"])
    return out


def lambda_return(ep, p, horizon, lam):
    """By the definition: the mixture of the n-step returns, not the recursion."""
    left = len(ep["steps"]) - p
    m = min(horizon, left)
    if ep["end"] == "open" and left <= horizon:
        return None

    def n_step(n):
        total = sum(GAMMA ** i * ep["steps"][p + i]["reward"] for i in range(n))
        done = p + n == len(ep["steps"]) and ep["end"].startswith("terminated")
        return total + (0 if done else GAMMA ** n * ep["steps"][p + n - 1]["value"])

    mixed = sum((1 - lam) * lam ** (n - 1) * n_step(n) for n in range(1, m))
    return mixed + lam ** (m - 1) * n_step(m)


def live_positions(eps, capacity):
    rows = rows_of(eps)
    return set(rows[-capacity:])


def step_case(name, seed, capacity, n=1, frames=1, pad="zero", lam=None, horizon=1):
    rng = random.Random(seed)
    eps = episodes(rng, 14, 9)
    live = live_positions(eps, capacity)
    expected = {}
    for e, ep in enumerate(eps):
        for p in range(len(ep["steps"])):
            if (e, p) not in live:
                continue
            if any((e, q) not in live for q in range(max(0, p - frames + 1), p)):
                continue
            made = one_step(ep, p, n)
            if made is None:
                continue
            if lam is not None:
                value = lambda_return(ep, p, horizon, lam)
                if value is None:
                    continue
                made["lambdaReturn"] = value
            nxt = made.pop("next")
            gone = made["terminated"] and ep["end"] == "terminated"
            made["obs"] = stack(ep, p, frames, pad)
            made["nextObs"] = [0] * frames if gone else stack(ep, nxt, frames, pad)
            expected[ep["steps"][p]["id"]] = made
    return {"name": name, "kind": "step", "capacity": capacity, "n": n, "frames": frames, "pad": pad, "gamma": GAMMA,
            "lambda": lam, "horizon": horizon, "episodes": eps, "expected": expected}


def sequence_case(name, seed, capacity, length, burn_in, stride, n=1, whole=False):
    rng = random.Random(seed)
    eps = episodes(rng, 10, 14)
    live = live_positions(eps, capacity)
    expected = {}
    for e, ep in enumerate(eps):
        size = len(ep["steps"])
        for p in range(0, size, stride):
            if (e, p) not in live:
                continue
            if any((e, q) not in live for q in range(max(0, p - burn_in), p)):
                continue
            if ep["end"] == "open" and (whole or p + length + n > size):
                continue
            rows = []
            for q in range(p - burn_in, p + length):
                if q < 0 or q >= size:
                    rows.append(None)
                    continue
                made = one_step(ep, q, n)
                nxt = made.pop("next")
                gone = made["terminated"] and ep["end"] == "terminated"
                made["obs"] = ep["steps"][q]["id"]
                made["nextObs"] = 0 if gone else observation(ep, nxt)
                made["train"] = int(q >= p)
                rows.append(made)
            expected[ep["steps"][p]["id"]] = rows
    return {"name": name, "kind": "episode" if whole else "sequence", "capacity": capacity, "length": length,
            "burnIn": burn_in, "stride": stride, "n": n, "gamma": GAMMA, "episodes": eps, "expected": expected}


def prioritized_case(seed, count, alpha, eps, beta):
    rng = random.Random(seed)
    errors = [round(rng.gauss(0, 1) * 10 ** rng.uniform(-3, 2), 9) for _ in range(count)]
    priorities = [(abs(x) + eps) ** alpha for x in errors]
    total = sum(priorities)
    probabilities = [p / total for p in priorities]
    raw = [(count * p) ** -beta for p in probabilities]
    largest = max(raw)
    ranks = sorted(range(count), key=lambda i: (-abs(errors[i]), i))
    rank_mass = [0.0] * count
    for rank, i in enumerate(ranks):
        rank_mass[i] = (rank + 1) ** -alpha
    rank_total = sum(rank_mass)
    rank_probabilities = [m / rank_total for m in rank_mass]
    rank_raw = [(count * p) ** -beta for p in rank_probabilities]
    return {"alpha": alpha, "eps": eps, "beta": beta, "errors": errors, "priorities": priorities,
            "probabilities": probabilities, "bufferWeights": [w / largest for w in raw], "rawWeights": raw,
            "rankProbabilities": rank_probabilities, "rankWeights": [w / max(rank_raw) for w in rank_raw]}


if __name__ == "__main__":
    steps = [
        step_case("one step, roomy", 1, 400),
        step_case("one step, full", 2, 37),
        step_case("three steps, roomy", 3, 400, n=3),
        step_case("three steps, full", 4, 41, n=3),
        step_case("five steps, full", 5, 23, n=5),
        step_case("four frames of zeros, roomy", 6, 400, frames=4),
        step_case("four frames, repeated, full", 7, 33, frames=4, pad="repeat"),
        step_case("three frames of zeros over two steps, full", 8, 45, n=2, frames=3),
        step_case("lambda over four steps, roomy", 9, 400, lam=0.8, horizon=4),
        step_case("lambda over six steps, full", 10, 40, lam=0.95, horizon=6),
        step_case("lambda 0", 11, 400, lam=0.0, horizon=3),
        step_case("lambda 1", 12, 400, lam=1.0, horizon=5),
    ]
    sequences = [
        sequence_case("sequences of 4, no burn-in", 21, 400, 4, 0, 4),
        sequence_case("overlapping sequences with burn-in", 22, 400, 4, 3, 2),
        sequence_case("overlapping sequences with burn-in, full", 23, 37, 4, 3, 2),
        sequence_case("sequences over two-step returns, full", 24, 45, 3, 2, 1, n=2),
        sequence_case("episodes", 25, 400, 6, 0, 6, whole=True),
        sequence_case("episodes, full", 26, 50, 20, 0, 20, whole=True),
    ]
    prioritized = [
        prioritized_case(31, 50, 0.6, 1e-6, 0.4),
        prioritized_case(32, 64, 1.0, 0.01, 1.0),
        prioritized_case(33, 200, 0.3, 0.0001, 0.7),
    ]
    print(json.dumps({"tool": "Python 3.11, standard library", "steps": steps, "sequences": sequences,
                      "prioritized": prioritized}))
