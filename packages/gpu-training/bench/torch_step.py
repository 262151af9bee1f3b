"""One Adam step of a 64-256-256-3 perceptron in Debian's python3-torch, on demand: each line read runs that many steps
and prints their median and best in ms. Arguments: threads, batch."""
import json, statistics, sys, time
import torch

threads, batch = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(1)
model = torch.nn.Sequential(
    torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 3)
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
x, y = torch.randn(batch, 64), torch.randint(0, 3, (batch,))


def step():
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()


for _ in range(30):
    step()
print(json.dumps({"ready": torch.__version__}), flush=True)
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"times": times}), flush=True)
