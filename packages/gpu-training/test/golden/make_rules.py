"""Makes rules.json: parameters after each of 12 steps, by PyTorch's optimizers (float64), by plain numpy for those that
PyTorch 1.13 lacks or has wrong (NAdam, Lion, Lookahead, SAM), and the ONNX test vectors of Adam, Adagrad, Momentum, Nesterov.

Run with Debian's python3-torch and libonnx-testdata: /usr/bin/python3 make_rules.py > rules.json
Data of ONNX: Apache-2.0, "The ONNX Project Contributors".
"""
import json, struct, glob, os
import numpy as np
import torch

RATE, STEPS, N = 0.05, 12, 7
rng = np.random.RandomState(5)
start = rng.randn(N)
target, curve = rng.randn(N), rng.rand(N) * 3 + 0.1


def grad(p):  # of sum(curve * (p - target)^4 / 4 + 0.3 p)
    return curve * (p - target) ** 3 + 0.3


def with_torch(make):
    p = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    opt = make([p])
    out = []
    for _ in range(STEPS):
        p.grad = torch.tensor(grad(p.detach().numpy()))
        opt.step()
        out.append(p.detach().numpy().tolist())
    return out


T = torch.optim
cases = {
    "sgd l2=0.1": with_torch(lambda p: T.SGD(p, lr=RATE, weight_decay=0.1)),
    "momentum dampening=0.3 l2=0.1": with_torch(lambda p: T.SGD(p, lr=RATE, momentum=0.8, dampening=0.3, weight_decay=0.1)),
    "nesterov": with_torch(lambda p: T.SGD(p, lr=RATE, momentum=0.9, nesterov=True)),
    "adam": with_torch(lambda p: T.Adam(p, lr=RATE)),
    "adam l2=0.1 betas": with_torch(lambda p: T.Adam(p, lr=RATE, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1)),
    "adamW decay=0.2": with_torch(lambda p: T.AdamW(p, lr=RATE, weight_decay=0.2)),
    "radam": with_torch(lambda p: T.RAdam(p, lr=RATE)),
    "radam beta2=0.9": with_torch(lambda p: T.RAdam(p, lr=RATE, betas=(0.9, 0.9))),
    "adagrad": with_torch(lambda p: T.Adagrad(p, lr=RATE, lr_decay=0.1, weight_decay=0.1)),
    "rmsProp": with_torch(lambda p: T.RMSprop(p, lr=RATE, alpha=0.9)),
    "rmsProp centred momentum": with_torch(lambda p: T.RMSprop(p, lr=RATE, alpha=0.9, momentum=0.7, centered=True)),
}


def lion(b1, b2, decay):
    p, m, out = start.copy(), np.zeros(N), []
    for _ in range(STEPS):
        g = grad(p)
        u = np.sign(b1 * m + (1 - b1) * g)
        p = p * (1 - RATE * decay) - RATE * u
        m = b2 * m + (1 - b2) * g
        out.append(p.tolist())
    return out


def look(k, alpha):
    p, slow, out = start.copy(), start.copy(), []
    for t in range(1, STEPS + 1):
        p = p - RATE * grad(p)
        if t % k == 0:
            slow = slow + alpha * (p - slow)
            p = slow.copy()
        out.append(p.tolist())
    return out


def sharp(rho):
    p, out = start.copy(), []
    for _ in range(STEPS):
        g = grad(p)
        p = p - RATE * grad(p + rho * g / np.linalg.norm(g))
        out.append(p.tolist())
    return out


def nesterov_adam(l2, b1=0.9, b2=0.999, eps=1e-8):
    """By Dozat (2016). PyTorch 1.13's single-tensor form multiplies by mu_t twice, which later versions corrected."""
    p, m, v, product, out = start.copy(), np.zeros(N), np.zeros(N), 1.0, []
    mu = lambda t: b1 * (1 - 0.5 * 0.96 ** (0.004 * t))
    for t in range(1, STEPS + 1):
        g = grad(p) + l2 * p
        product *= mu(t)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        ahead = mu(t + 1) * m / (1 - product * mu(t + 1)) + (1 - mu(t)) * g / (1 - product)
        p = p - RATE * ahead / (np.sqrt(v / (1 - b2**t)) + eps)
        out.append(p.tolist())
    return out


cases["nadam l2=0.1"] = nesterov_adam(0.1)
cases["lion decay=0.1"] = lion(0.9, 0.99, 0.1)
cases["lookahead"] = look(3, 0.4)
cases["sam"] = sharp(0.05)


# --- ONNX: a reader of the few protobuf fields that a tensor has -----------------------------------------------------
def fields(data):
    at = 0
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]; at += 1
            value |= (byte & 127) << shift; shift += 7
            if byte < 128: return value
    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0: yield key >> 3, varint()
        elif kind == 2:
            size = varint(); yield key >> 3, data[at:at + size]; at += size
        elif kind == 5: yield key >> 3, data[at:at + 4]; at += 4
        else: raise ValueError(kind)


def tensor(path):
    kind, raw, floats = 1, None, []
    for number, value in fields(open(path, "rb").read()):
        if number == 2: kind = value
        if number == 9: raw = value
        if number == 4: floats = value
    data = raw if raw is not None else floats
    return np.frombuffer(data, {1: "<f4", 7: "<i8"}[kind]).tolist()


def attributes(path):
    found = {}
    graph = next(v for n, v in fields(open(path, "rb").read()) if n == 7)
    node = next(v for n, v in fields(graph) if n == 1)
    for n, v in fields(node):
        if n != 5: continue
        parts = list(fields(v))
        name = next(x for k, x in parts if k == 1).decode()
        for k, x in parts:
            if k == 2: found[name] = struct.unpack("<f", x)[0]
            if k == 4: found[name] = x.decode()
    return found


onnx = {}
for name in ["test_adam", "test_adam_multiple", "test_adagrad", "test_adagrad_multiple", "test_momentum", "test_momentum_multiple", "test_nesterov_momentum"]:
    folder = f"/usr/share/libonnx-testdata/data/node/{name}"
    read = lambda kind: [tensor(p) for p in sorted(glob.glob(f"{folder}/test_data_set_0/{kind}_*.pb"), key=lambda p: int(p.split("_")[-1][:-3]))]
    if os.path.isdir(folder):
        onnx[name] = {"attributes": attributes(f"{folder}/model.onnx"), "inputs": read("input"), "outputs": read("output")}

print(json.dumps({
    "tool": f"torch {torch.__version__}, numpy {np.__version__}, libonnx-testdata 1.12.0", "rate": RATE, "start": start.tolist(),
    "target": target.tolist(), "curve": curve.tolist(), "cases": cases, "onnx": onnx,
}))
