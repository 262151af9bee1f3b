"""Peers in Python, microseconds by name: cpprb where it is installed, and the statements of Stable-Baselines3's
ReplayBuffer (add, sample, to_torch) in numpy and torch.   python3 benchmarks/replay-peers.py"""
import time

import numpy as np

CAPACITY, OBS = 1_000_000, 16


def median(run, calls, rounds=50):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            run()
        times.append((time.perf_counter() - start) * 1e6 / calls)
    return sorted(times)[rounds // 2]


def stable_baselines():
    try:
        import torch

        def to_torch(a):
            return torch.tensor(a)

        kind = "torch"
    except ImportError:

        def to_torch(a):
            return a.copy()

        kind = "numpy"
    observations = np.ones((CAPACITY, 1, OBS), np.float32)
    next_observations = np.ones((CAPACITY, 1, OBS), np.float32)
    actions = np.zeros((CAPACITY, 1, 1), np.int32)
    rewards, dones, timeouts = (np.zeros((CAPACITY, 1), np.float32) for _ in range(3))
    obs, action, reward, done = np.ones((1, OBS), np.float32), np.zeros(1, np.int32), np.ones(1), np.zeros(1, bool)
    infos, at = [{}], 0

    def add():
        nonlocal at
        act = action.reshape((1, 1))
        observations[at] = np.array(obs)
        next_observations[at] = np.array(obs)
        actions[at] = np.array(act)
        rewards[at] = np.array(reward)
        dones[at] = np.array(done)
        timeouts[at] = np.array([info.get("TimeLimit.truncated", False) for info in infos])
        at = (at + 1) % CAPACITY

    def sample(size):
        rows = np.random.randint(0, CAPACITY, size=size)
        envs = np.random.randint(0, high=1, size=(len(rows),))
        data = (
            observations[rows, envs, :],
            actions[rows, envs, :],
            next_observations[rows, envs, :],
            (dones[rows, envs] * (1 - timeouts[rows, envs])).reshape(-1, 1),
            rewards[rows, envs].reshape(-1, 1),
        )
        return tuple(map(to_torch, data))

    print("sb3", kind)
    print("sb3Add", f"{median(add, 2000):.3f}")
    for size in (32, 256):
        print(f"sb3Sample{size}", f"{median(lambda: sample(size), 100):.3f}")


def cpprb():
    try:
        from cpprb import PrioritizedReplayBuffer
    except ImportError:
        return
    columns = {"obs": {"shape": OBS}, "act": {"dtype": np.int32}, "rew": {}, "next_obs": {"shape": OBS}, "done": {}}
    buffer = PrioritizedReplayBuffer(CAPACITY, columns, alpha=0.6)
    obs = np.ones(OBS, np.float32)
    many = np.ones((1000, OBS), np.float32)
    for _ in range(CAPACITY // 1000):
        ones = np.ones(1000)
        buffer.add(obs=many, act=ones, rew=ones, next_obs=many, done=0 * ones, priorities=np.random.rand(1000))

    def add():
        buffer.add(obs=obs, act=1, rew=1.0, next_obs=obs, done=0)

    print("cpprbAdd", f"{median(add, 1000):.3f}")
    for size in (32, 256):

        def cycle():
            add()
            batch = buffer.sample(size, 0.5)
            buffer.update_priorities(batch["indexes"], np.random.rand(size))

        print(f"cpprbCycle{size}", f"{median(cycle, 100):.3f}")
        print(f"cpprbSample{size}", f"{median(lambda: buffer.sample(size, 0.5), 100):.3f}")


stable_baselines()
cpprb()
