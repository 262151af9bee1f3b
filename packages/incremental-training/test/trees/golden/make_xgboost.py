"""Golden models, predictions and losses of XGBoost 1.7.4: python3 make_xgboost.py > xgboost.json"""
import json

import numpy as np
import xgboost as xgb

rng = np.random.default_rng(7)
n = 240
X = np.round(rng.normal(size=(n, 4)), 2).astype(np.float32)
X[rng.random((n, 4)) < 0.1] = np.nan
X[:, 3] = rng.integers(0, 7, n)
score = np.nan_to_num(X[:, 0]) + np.sin(2 * np.nan_to_num(X[:, 1])) + (X[:, 3] == 2) - 0.3
types = ["float", "float", "float", "c"]
targets = {
    "binary:logistic": (score + 0.3 * rng.normal(size=n) > 0).astype(float),
    "multi:softprob": np.clip(np.floor(score + 1), 0, 2),
    "reg:squarederror": np.round(score, 3),
}
cases = []
for objective, y in targets.items():
    d = xgb.DMatrix(X, label=y, feature_names=list("abcd"), feature_types=types, enable_categorical=True)
    params = dict(objective=objective, tree_method="hist", max_depth=3, eta=0.2, base_score=0.5, nthread=1)
    if objective == "multi:softprob":
        params["num_class"] = 3
    booster = xgb.train(params, d, 8)
    metric = {"binary:logistic": "logloss", "multi:softprob": "mlogloss", "reg:squarederror": "rmse"}[objective]
    booster.set_param("eval_metric", metric)
    cases.append({
        "objective": objective,
        "y": y.tolist(),
        "model": booster.save_raw("json").decode(),
        "predictions": booster.predict(d).astype(float).ravel().tolist(),
        "loss": float(booster.eval(d).split(":")[1]),
    })
cells = [None if np.isnan(v) else round(float(v), 2) for v in X.ravel()]
print(json.dumps({"xgboost": xgb.__version__, "columns": 4, "data": cells, "cases": cases}))
