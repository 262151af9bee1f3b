# Golden values of the calibration curves: scikit-learn's isotonic regression and (loosely converged) Platt sigmoid, and
# scipy's minimizers run to the end on the likelihoods written out. /usr/bin/python3 make_calibration.py > calibration.json
import json
import sys

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_expit, logsumexp
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

rng = np.random.default_rng(7)
n = 200
scores = np.round(rng.normal(size=n) * 2, 1)
labels = (rng.uniform(size=n) < expit(0.6 * scores - 0.4)).astype(float)
weights = rng.integers(0, 3, size=n).astype(float)
out = dict(tools=dict(sklearn=sklearn.__version__, scipy=scipy.__version__, numpy=np.__version__), scores=scores.tolist(),
           labels=labels.tolist(), weights=weights.tolist(), platt=[], isotonic=[], temperature=[])
for w in [np.ones(n), weights]:
    pos, neg = w[labels > 0].sum(), w[labels == 0].sum()
    target = np.where(labels > 0, (pos + 1) / (pos + 2), 1 / (neg + 2))

    def loss(ab):
        f = ab[0] * scores + ab[1]
        return -(w * (target * log_expit(-f) + (1 - target) * log_expit(f))).sum()

    best = minimize(loss, [0, 0], method="Nelder-Mead", options=dict(xatol=1e-10, fatol=1e-14, maxiter=10000, maxfev=10000))
    a, b = _sigmoid_calibration(scores, labels, w if w is weights else None)
    out["platt"].append(dict(best=best.x.tolist(), sklearn=[a, b]))
    iso = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, sample_weight=w)
    at = np.linspace(-7, 7, 57)
    out["isotonic"].append(dict(at=at.tolist(), value=iso.predict(at).tolist()))
logits = rng.normal(size=(n, 3)) * 3
classes = np.array([rng.choice(3, p=np.exp(l / 2.2 - logsumexp(l / 2.2))) for l in logits])
out["logits"], out["classes"] = logits.ravel().tolist(), classes.astype(float).tolist()
for w in [np.ones(n), weights]:
    nll = lambda t: (w * (logsumexp(logits / t, axis=1) - logits[np.arange(n), classes] / t)).sum()
    out["temperature"].append(minimize_scalar(nll, bounds=(0.1, 20), method="bounded", options=dict(xatol=1e-12)).x)
json.dump(out, sys.stdout)
