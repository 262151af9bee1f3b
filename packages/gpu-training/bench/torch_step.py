"""One Adam step of a 64-256-256-3 perceptron at batch 256 (or argv: threads batch), in Debian's python3-torch."""
import json, statistics, sys, time
import torch

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
batch = int(sys.argv[2]) if len(sys.argv) > 2 else 256
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
times = []
for _ in range(200):
    start = time.perf_counter()
    step()
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps({"torch": torch.__version__, "median": statistics.median(times), "best": min(times)}))
