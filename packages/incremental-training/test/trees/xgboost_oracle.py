"""XGBoost as an oracle (Debian's python3-xgboost 1.7.4): reads jobs as JSON, one a line, answers one line each."""
import json
import sys

import numpy as np
import xgboost as xgb


def matrix(part, job):
    X = np.array([[np.nan if v is None else v for v in row] for row in part["X"]], dtype=np.float32)
    return xgb.DMatrix(
        X,
        label=part.get("y"),
        weight=part.get("weight"),
        feature_names=job.get("names"),
        feature_types=job.get("types"),
        enable_categorical=True,
    )


def run(job):
    params = dict(job.get("params", {}), nthread=1, verbosity=0)
    if "model" in job:
        booster = xgb.Booster(params)
        booster.load_model(bytearray(job["model"], "utf-8"))
        if job.get("more"):
            booster = xgb.train(params, matrix(job["train"], job), job["more"], xgb_model=booster)
    else:
        booster = xgb.train(params, matrix(job["train"], job), job["rounds"])
    test = matrix(job["test"], job)
    return {
        "margins": booster.predict(test, output_margin=True, validate_features=False).astype(float).tolist(),
        "predictions": booster.predict(test, validate_features=False).astype(float).tolist(),
        "model": booster.save_raw("json").decode("utf-8") if job.get("save") else None,
        "rounds": booster.num_boosted_rounds(),
    }


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
