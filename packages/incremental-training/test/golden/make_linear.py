# Golden values of the linear models: scikit-learn with tight tolerances, and FTRL-proximal in plain numpy (McMahan et al.
# 2013, algorithm 1, its lambdas times the samples seen). Prints JSON. /usr/bin/python3 make_linear.py > linear.json
import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20)
n, p = 120, 5
X = (rng.normal(size=(n, p)) * [1, 10, 0.1, 1, 3] + [0, 5, -1, 0, 100]).astype(np.float32)
X[:, 3] = X[:, 0] * 0.7 + X[:, 3] * 0.3
X64 = X.astype(np.float64)
signal = X64 @ [1.5, -0.1, 4.0, 0.0, 0.2]
yr = (signal + rng.normal(size=n)).astype(np.float32)
yb = (signal - np.median(signal) + rng.normal(size=n) * 2 > 0).astype(np.float32)
ym = np.digitize(signal + rng.normal(size=n), np.quantile(signal, [0.3, 0.7])).astype(np.float32)
w = rng.integers(0, 4, size=n).astype(np.float32)
w[0] = 1
cases = []


def add(kind, options, y, weighted, coef, intercept, prediction, tolerance):
    cases.append(dict(kind=kind, options=options, y=y, weighted=weighted, coef=np.atleast_2d(coef).T.tolist(),
                      intercept=np.atleast_1d(intercept).tolist(), prediction=np.asarray(prediction).tolist(),
                      tolerance=tolerance))


for weighted in [False, True]:
    sw = w.astype(np.float64) if weighted else np.ones(n)
    m = LinearRegression().fit(X64, yr, sw)
    add("regression", dict(standardize=False), "yr", weighted, m.coef_, m.intercept_, m.predict(X64), 1e-8)
    m = Ridge(alpha=0.3 * sw.sum(), tol=1e-14, solver="cholesky").fit(X64, yr, sw)
    add("regression", dict(standardize=False, l2=0.3), "yr", weighted, m.coef_, m.intercept_, m.predict(X64), 1e-7)
    m = ElasticNet(alpha=0.4, l1_ratio=0.75, tol=1e-14, max_iter=1000000).fit(X64, yr, sw)
    add("regression", dict(standardize=False, l1=0.3, l2=0.1), "yr", weighted, m.coef_, m.intercept_, m.predict(X64), 1e-5)
    s = StandardScaler().fit(X64, sample_weight=sw)
    m = ElasticNet(alpha=0.2, l1_ratio=0.5, tol=1e-14, max_iter=1000000).fit(s.transform(X64), yr, sw)
    coef = m.coef_ / s.scale_
    add("regression", dict(l1=0.1, l2=0.1), "yr", weighted, coef, m.intercept_ - coef @ s.mean_,
        m.predict(s.transform(X64)), 1e-5)
    for y, name in [(yb, "yb"), (ym, "ym")]:
        Z = s.transform(X64)
        for l1, l2 in [(0.0, 0.05), (0.02, 0.01), (0.05, 0.0)]:
            total = l1 + l2
            m = LogisticRegression(penalty="elasticnet", C=1 / (total * sw.sum()), l1_ratio=l1 / total, solver="saga",
                                   multi_class="multinomial" if name == "ym" else "ovr", tol=1e-14, max_iter=400000,
                                   random_state=0).fit(Z, y, sw)
            coef = m.coef_ / s.scale_
            q = m.predict_proba(Z)
            add("logistic", dict(l1=l1, l2=l2), name, weighted, coef, m.intercept_ - coef @ s.mean_,
                q if name == "ym" else q[:, 1], 2e-5)
    # One row at a time, in order: the same arithmetic.
    m = SGDClassifier(loss="log_loss", penalty=None, alpha=0, learning_rate="constant", eta0=0.05, shuffle=False,
                      max_iter=3, tol=None).fit(s.transform(X64), yb.astype(np.float64), sample_weight=sw)
    coef = m.coef_[0] / s.scale_
    add("logistic", dict(solver="online", update="sgd", schedule="constant", rate=0.05, rounds=3, shuffle=False, l2=0),
        "yb", weighted, coef, m.intercept_[0] - coef @ s.mean_, m.predict_proba(s.transform(X64))[:, 1], 1e-9)
    m = SGDRegressor(loss="squared_error", penalty=None, alpha=0, learning_rate="constant", eta0=0.01, shuffle=False,
                     max_iter=4, tol=None).fit(s.transform(X64), yr.astype(np.float64), sample_weight=sw)
    coef = m.coef_ / s.scale_
    add("regression", dict(solver="online", update="sgd", schedule="constant", rate=0.01, rounds=4, shuffle=False),
        "yr", weighted, coef, m.intercept_ - coef @ s.mean_, m.predict(s.transform(X64)), 1e-9)
    Z = np.hstack([s.transform(X64), np.ones((n, 1))])
    rate, beta, l1, l2 = 0.2, 1.5, 0.01, 0.02
    z, nn, theta, seen = np.zeros(p + 1), np.zeros(p + 1), np.zeros(p + 1), 0.0
    pen = np.array([1.0] * p + [0.0])
    for _ in range(2):
        for x, t, sample in zip(Z, yb.astype(float), sw.astype(float)):
            if sample == 0:
                continue
            g = sample * (1 / (1 + np.exp(-theta @ x)) - t) * x
            sigma = (np.sqrt(nn + g * g) - np.sqrt(nn)) / rate
            z += g - sigma * theta
            nn += g * g
            seen += sample
            theta = np.where(np.abs(z) <= pen * l1 * seen, 0.0,
                             -(z - np.sign(z) * pen * l1 * seen) / ((beta + np.sqrt(nn)) / rate + pen * l2 * seen))
    coef = theta[:p] / s.scale_
    add("logistic", dict(solver="online", rate=rate, beta=beta, l1=l1, l2=l2, rounds=2, shuffle=False), "yb", weighted,
        coef, theta[p] - coef @ s.mean_, 1 / (1 + np.exp(-(Z @ theta))), 1e-9)

json.dump(dict(tools=dict(sklearn=sklearn.__version__, numpy=np.__version__), rows=n, columns=p,
               X=X.ravel().astype(float).tolist(), yr=yr.astype(float).tolist(), yb=yb.tolist(), ym=ym.tolist(),
               w=w.tolist(), cases=cases), sys.stdout)
