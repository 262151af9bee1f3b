"""Makes schedules.json: rates of PyTorch's schedulers. Run: /usr/bin/python3 make_schedules.py > schedules.json"""
import json
import torch
from torch.optim import lr_scheduler as S

BASE, STEPS = 0.4, 40


def rates(make, losses=None):
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    schedule = make(opt)
    out = []
    for t in range(STEPS):
        out.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step() if losses is None else schedule.step(losses[t])
    return out


losses = [1 / (1 + min(t, 7)) + (0.01 if t % 3 == 0 else 0) for t in range(STEPS)]
print(json.dumps({
    "tool": f"torch {torch.__version__}", "base": BASE, "losses": losses,
    "oneCycle": rates(lambda o: S.OneCycleLR(o, max_lr=BASE, total_steps=STEPS)),
    "cosineRestarts": rates(lambda o: S.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=2, eta_min=0.01)),
    "polynomialDecay": rates(lambda o: S.PolynomialLR(o, total_iters=STEPS, power=2.0)),
    "linearWarmup": rates(lambda o: S.LinearLR(o, start_factor=0.1, end_factor=1.0, total_iters=10)),
    "reduceOnPlateau": rates(lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=4), losses),
}))
