"""Runs that are killed at any moment, and go on: the same result, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
# In a process of its own, which has one thread and can be forked: children do a run, and are killed at the n-th of the
# steps that end in something on the disk, or at the n-th update of the agent.
DRIVER = """
import hashlib, json, os, signal, sys
from dataclasses import replace
from pathlib import Path

import torch

torch.set_num_threads(1)

from agents.imitation.mle import MLE
from agents.policy_gradient.reinforce import Reinforce
from benchmarks.running import job
from benchmarks.policies.environments import make_envs
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Evaluation, Experiment, Algorithm
from benchmarks.store.run_folder import read_json

SMALL = {"vocab_size": 8, "max_length": 3, "train_size": 40, "test_size": 40}
LEARNING = {"embedding_size": 4, "widths": [1, 2], "counts": [4, 4], "update_every": 24, "steps": 1}
DISCRIMINATOR = {"reward": {"name": "discriminator", **LEARNING}}
DRAWS = {"hidden_size": 4, "embedding_size": 4, "batch_size": 16}
EVALUATION = Evaluation(3, 8, 16, 10, 1, ("nll_test", "distinct_1"), validation="nll", validation_texts=10)


def row(name, tokens=150, **hyperparameters):
    return Algorithm(name, name.lower(), tokens, hyperparameters={**DRAWS, **hyperparameters}, num_envs=8)


CASES = {
    "reinforce": ("TextGen-OracleSmall-v0", SMALL, row("Reinforce")),
    "mle": ("TextGen-OracleSmall-v0", SMALL, row("MLE")),
    "gan": ("TextGen-OracleSmallGAN-v0", {**SMALL, **DISCRIMINATOR}, row("Reinforce")),
    "conditional": ("TextGen-NumberWords-v0", {}, row("Reinforce", 600)),
}


class Kill:
    # Ends the process as SIGKILL does when it is called for the n-th time.
    def __init__(self, after):
        self.left = after
        self.called = 0

    def __call__(self):
        self.called += 1
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def hooked(module, name, kill):
    inner = getattr(module, name)

    def call(*args, **kwargs):
        kill()
        found = inner(*args, **kwargs)
        kill()
        return found

    setattr(module, name, call)


def do(case, out, after=0, say=False):
    env_id, kwargs, row = CASES[case]
    experiment = Experiment("x", "d", env_id, (row,), kwargs, (3,), EVALUATION)
    kill = Kill(after)
    # What was written outlives the process that wrote it; only the machine's end is another matter.
    os.fsync = lambda handle: None
    for name in ("fsync", "replace", "unlink", "rmdir"):
        hooked(os, name, kill)
    for agent in (MLE, Reinforce):
        hooked(agent, "save", kill)
        hooked(agent, "report_progress", kill)
    run_experiment(experiment, out, 0, lambda event: None, notify=lambda words: None)
    return kill.called


def in_child(*arguments):
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writes, str(do(*arguments)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writes)
    said = os.read(reads, 100)
    os.close(reads)
    _, status = os.waitpid(child, 0)
    return status, int(said or 0)


def left_of(out):
    (folder,) = out.glob("x/*/seed-3")
    result = read_json(folder / "result.json")
    for name in ("evaluation_seconds", "digest"):
        result.pop(name)
    points = result["curve"] + ([] if result["best"] is None else [result["best"]["point"]])
    for point in points:
        point.pop("seconds")
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.suffix == ".safetensors"
    }
    others = sorted(p.name for p in folder.iterdir() if p.name not in files and not p.name.startswith("events."))
    return {"result": result, "files": files, "others": others}


def tried(case, out, moments):
    status, steps = in_child(case, out / "whole")
    assert status == 0, "the run fails"
    whole = left_of(out / "whole")
    found = {"steps": steps, "whole": whole, "killed": 0, "gone_on": 0, "differing": []}
    # Spread over the run, as many as are asked for; 0 for every one.
    chosen = [steps * n // (moments + 1) for n in range(1, moments + 1)] if moments else range(1, steps + 1)
    for after in chosen:
        place = out / str(after)
        status, _ = in_child(case, place, after)
        found["killed"] += os.WIFSIGNALED(status)
        found["gone_on"] += any(place.glob("x/*/seed-3/checkpoint/progress.json"))
        status, _ = in_child(case, place)
        if status != 0 or left_of(place) != whole:
            found["differing"].append(after)
    return found


if __name__ == "__main__":
    for env_id, kwargs, _ in CASES.values():
        # What is loaded here is not loaded in every child. Nothing that starts threads may be done.
        envs = make_envs(env_id, 1, kwargs, "cpu")
        envs.unwrapped.score(envs.unwrapped.task.test_sequences().tokens[:1], sources=[0] if kwargs == {} else None)
    out = Path(sys.argv[1])
    print(json.dumps({case: tried(case, out / case, int(n)) for case, n in (a.split(",") for a in sys.argv[2:])}))
"""
# How many moments of each are tried, spread over the run; 0 for every one there is.
MOMENTS = {"reinforce": 4, "mle": 2, "gan": 3, "conditional": 2}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of runs that were killed."""
    folder = tmp_path_factory.mktemp("resuming")
    (folder / "driver.py").write_text(DRIVER)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    arguments = [f"{case},{moments}" for case, moments in MOMENTS.items()]
    done = subprocess.run(
        [sys.executable, str(folder / "driver.py"), str(folder / "out"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.parametrize("case", MOMENTS)
def test_killed_at_any_moment_and_gone_on_with_is_as_never_killed(found: dict[str, Any], case: str) -> None:
    tried = found[case]
    moments = MOMENTS[case] or tried["steps"]
    assert tried["differing"] == []
    assert tried["killed"] == moments
    # Most of the moments fall after the first point of the curve.
    assert tried["gone_on"] > moments / 2
    whole = tried["whole"]
    assert len(whole["result"]["curve"]) == 4
    assert whole["others"] == ["config.json", "result.json"]
    learned = {"reward.safetensors"} if case == "gan" else set()
    assert set(whole["files"]) == {"agent.safetensors", "best.safetensors"} | learned
