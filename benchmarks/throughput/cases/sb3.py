"""Adapter for Stable-Baselines3: the environment's share of PPO's wall time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.throughput.bench import Bench, library
from benchmarks.throughput.measured import BenchmarkRow, Curve, Figure, Unit
from benchmarks.throughput.targets import TARGETS

ROWS = 64
IDS = {"oracle-small": "TextGen-OracleSmall-v0", "captions": "TextGen-Captions-v1"}
MOST_REPEATS = 3


def sb3(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """PPO as the suite documents it, the time inside the environment taken apart."""
    for name, env_id in IDS.items():
        rows = min(ROWS, bench.sizes.rows)
        work = f"SB3 adapter in PPO, {rows} rows, {env_id}"
        stable_baselines3 = library("stable_baselines3", "stable-baselines3")
        if isinstance(stable_baselines3, str):
            ours, whole, note = Figure("TextGenVecEnv", missing=stable_baselines3), None, ""
        else:
            inside, total = _learn(stable_baselines3.PPO, env_id, rows, min(MOST_REPEATS, bench.clock.repeats))
            ours, whole = Figure("TextGenVecEnv", inside), Figure("PPO, all of it", total)
            note = f"the env's share of PPO's wall time is {sum(inside) / sum(total):.1%}"
        yield BenchmarkRow(
            f"sb3-{name}", work, Unit("rate", "steps"), ours, whole, targets=TARGETS.get(f"sb3-{name}", ()), note=note
        )


def _learn(algorithm: Any, env_id: str, rows: int, repeats: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Seconds a step inside the environment and in all, a number for each round of training after the first."""
    from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

    from textgen_env.sb3 import make_sb3_vec_env, policy_kwargs

    inner = make_sb3_vec_env(env_id, num_envs=rows, seed=0)
    stopwatch = Stopwatch()
    for name in ("reset", "step_async", "step_wait"):
        setattr(inner, name, stopwatch.timed(getattr(inner, name)))
    horizon = inner.core.horizon
    envs = VecNormalize(VecMonitor(inner), norm_obs=False, gamma=1.0)
    tokens = horizon * rows
    # As documented where it divides the tokens; PPO warns of another one.
    batch_size = math.gcd(160, tokens)
    model = algorithm(
        "MlpPolicy", envs, n_steps=horizon, batch_size=batch_size, gamma=1.0, seed=0, policy_kwargs=policy_kwargs()
    )
    inside, total = [], []
    for _ in range(repeats + 1):
        stopwatch.seconds = 0.0
        begun = time.perf_counter()
        model.learn(tokens)
        total.append((time.perf_counter() - begun) / tokens)
        inside.append(stopwatch.seconds / tokens)
    return tuple(inside[1:]), tuple(total[1:])


class Stopwatch:
    """Stopwatch: the seconds spent in functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Any) -> Any:
        """`function`, its time added up."""

        def call(*arguments: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*arguments, **kwargs)
            finally:
                self.seconds += time.perf_counter() - begun

        return call
