"""Shared machine: what an update costs on all of torch's threads while another process computes with torch, too."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import gymnasium

from agents.data.training_texts import TrainingTexts
from agents.imitation.mle import MLE, MLEConfig
from benchmarks.throughput.bench import Bench, Work, on_one_thread
from benchmarks.throughput.cases.mle import HIDDEN
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit

# Products without end on as many threads as torch takes; it says when it has begun, and ends with its input.
ANOTHER = """
import sys, threading, torch
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
matrix = torch.randn(600, 600)
print("begun", flush=True)
while not ended.is_set():
    (matrix @ matrix).relu_().sum()
"""


def shared_machine(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """An update of maximum likelihood beside another process, on all threads and on one."""
    size = bench.sizes
    envs = gymnasium.make_vec("TextGen-Oracle-v0", num_envs=1, task=bench.oracle)
    agent = MLE(envs, MLEConfig(embedding_size=HIDDEN, hidden_size=HIDDEN, cell="lstm", batch_size=size.batch))
    batch = TrainingTexts(envs, agent.spec, size.batch, 0, agent.device).batch(0)

    def update() -> None:
        agent.imitate(batch, agent.optimiser)

    with another_process():
        yield bench.row(
            "shared-machine",
            f"MLE update, {size.batch} texts × {size.length} tokens, beside a process that computes",
            Unit("time", "update"),
            Work("torch's threads", update),
            Work("on one thread", on_one_thread(update)),
        )


@contextmanager
def another_process() -> Iterator[None]:
    """A process that multiplies matrices until the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", ANOTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != "begun":
            raise RuntimeError(f"the other process did not begin; it ended with {process.wait()}")
        yield
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
