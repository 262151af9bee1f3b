# Rows of Optuna's HyperbandPruner (3.1.0, Debian's python3-optuna; its rule is that of 4.9) on the seeded learning
# curves, in studies of known names: pruners-optuna-4.9.json does not tell the names, by which trials go to brackets.
#   /usr/bin/python3 make_hyperband.py <folder with search-functions.py>
# Writes hyperband.json beside it: [budget, regret, rank, completed] by seed; the study of seed s is named "curves-s".
import importlib.util, json, os, sys, warnings
import optuna
warnings.filterwarnings('ignore')
optuna.logging.set_verbosity(optuna.logging.ERROR)
spec = importlib.util.spec_from_file_location('f', os.path.join(sys.argv[1], 'search-functions.py'))
f = importlib.util.module_from_spec(spec)
spec.loader.exec_module(f)
N = 200

def row(s, **options):
    study = optuna.create_study(study_name='curves-%d' % s, pruner=optuna.pruners.HyperbandPruner(**options))
    configs = [f.lc_config(s, i) for i in range(N)]
    truths = [f.lc_true(c, f.T) for c in configs]
    used, done = 0, []
    for i, c in enumerate(configs):
        trial = study.ask()
        pruned = False
        for t in range(1, f.T + 1):
            used += 1
            value = f.lc_obs(s, i, c, t)
            trial.report(value, t)
            if t < f.T and trial.should_prune():
                pruned = True
                break
        if pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, value)
            done.append((value, i))
    truth = truths[min(done)[1]]
    return [round(used / (N * f.T), 6), round(truth - min(truths), 6), sum(v < truth for v in truths), len(done)]

out = {'optuna': optuna.__version__,
       'rf3': [row(s, min_resource=1, max_resource=f.T, reduction_factor=3) for s in range(6)],
       'auto': [row(s) for s in range(6)]}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hyperband.json'), 'w') as file:
    json.dump(out, file, indent=1)
    file.write('\n')
