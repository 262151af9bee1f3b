"""What Optuna's own samplers find on the six functions with 300 evaluations: medians and quartiles over seeds.

    /usr/bin/python3 optuna-quartiles.py <folder with search-functions.py> [--seeds 20] [--seconds 90]
        [--samplers tpe,tpe5,cma-es] [--file optuna-results.jsonl] [--table]

Needs Optuna 3.1 (Debian's python3-optuna). `tpe` is its default, the univariate TPE, which is that of 4.9. `tpe5` is the
default of 5.0: the multivariate one with the bandwidth rule of the univariate one (the larger distance to a neighbour,
the prior being no neighbour), which 3.1 lacks and which is put in below. One line a study is kept in the file, so that a
run that was stopped goes on.
"""
import argparse
import importlib.util
import json
import os
import time
import warnings

import numpy as np
import optuna
from optuna.samplers._tpe import parzen_estimator

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--seeds", type=int, default=20)
parser.add_argument("--seconds", type=float, default=1e9)
parser.add_argument("--samplers", default="tpe,tpe5,cma-es")
parser.add_argument("--functions", default="branin2,hartmann6,ackley10,rosenbrock10,rastrigin5,mixed")
parser.add_argument("--file", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "optuna-results.jsonl"))
parser.add_argument("--table", action="store_true")
flags = parser.parse_args()

spec = importlib.util.spec_from_file_location("functions", os.path.join(flags.folder, "search-functions.py"))
functions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(functions)


def neighbour_sigmas(values, low, high):
    """The larger distance to a neighbour; the ends of the range are neighbours of a lone observation only."""
    n = len(values)
    order = np.argsort(values)
    padded = np.concatenate([[low], values[order], [high]])
    sigmas = np.maximum(padded[1:-1] - padded[:-2], padded[2:] - padded[1:-1])
    if n >= 2:
        sigmas[0] = padded[2] - padded[1]
        sigmas[-1] = padded[-2] - padded[-3]
    unsorted = np.empty(n)
    unsorted[order] = sigmas
    return np.clip(unsorted, (high - low) / min(100.0, 2.0 + n), high - low)


class Estimator5(parzen_estimator._ParzenEstimator):
    def _calculate_numerical_params(self, observations, name):
        if not self._parameters.multivariate:
            return super()._calculate_numerical_params(observations, name)
        low, high = self._low[name], self._high[name]
        sigmas = neighbour_sigmas(observations, low, high) if len(observations) > 0 else np.empty(0)
        return np.append(observations, 0.5 * (low + high)), np.append(sigmas, high - low)


def sampler_of(name, seed):
    optuna.samplers._tpe.sampler._ParzenEstimator = Estimator5 if name == "tpe5" else parzen_estimator._ParzenEstimator
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if name == "tpe5":
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, warn_independent_sampling=False)
    if name == "cma-es":
        return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return optuna.samplers.RandomSampler(seed=seed)


def objective_of(name):
    if name == "mixed":
        return lambda trial: functions.mixed(functions.suggest_mixed(trial))
    value, box, _ = functions.BOX[name]
    return lambda trial: value([trial.suggest_float("x%d" % i, low, high) for i, (low, high) in enumerate(box)])


rows = {}
if os.path.exists(flags.file):
    with open(flags.file) as lines:
        for line in lines:
            row = json.loads(line)
            rows[(row["f"], row["sampler"], row["seed"])] = row["value"]

until = time.time() + flags.seconds
names, samplers = flags.functions.split(","), flags.samplers.split(",")
for seed in range(0 if flags.table else flags.seeds):
    for name in names:
        for sampler in samplers:
            if (name, sampler, seed) in rows or time.time() > until:
                continue
            study = optuna.create_study(sampler=sampler_of(sampler, seed))
            study.optimize(objective_of(name), n_trials=300)
            rows[(name, sampler, seed)] = study.best_value
            with open(flags.file, "a") as out:
                out.write(json.dumps({"f": name, "sampler": sampler, "seed": seed, "value": study.best_value}) + "\n")

for name in names:
    for sampler in samplers:
        values = [v for (f, s, _), v in rows.items() if f == name and s == sampler]
        if values:
            low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
            print(f"{name:14} {sampler:8} {middle:12.5g}  [{low:.5g}, {high:.5g}]  {len(values)} seeds")
