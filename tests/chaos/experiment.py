"""Experiment that chaos is let loose on: small runs that keep all that a run can keep.

Every process that does a run imports this module. Clocks tick there by calls, so that all that is left behind can be
compared byte by byte; and the command and its run can be killed at a moment that `STOP` names.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.evaluation import result
from benchmarks.running import job, training
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment

STOP = "CHAOS_STOP"
"""An environment variable: "LABEL:N" ends all at the N-th checkpoint of that run; N = 0 for its beginning."""
SMALL = {"vocab_size": 8, "max_length": 3, "train_size": 40, "test_size": 40}
LEARNING = {"embedding_size": 4, "widths": [1, 2], "counts": [4, 4], "update_every": 24, "steps": 1}
DRAWS = {"hidden_size": 4, "embedding_size": 4, "batch_size": 16}

EXPERIMENT = Experiment(
    name="chaos",
    description="small runs that are disturbed",
    env_id="TextGen-OracleSmall-v0",
    env_kwargs=SMALL,
    algorithms=(
        Algorithm("MLE", "mle", 300, hyperparameters=DRAWS, num_envs=8),
        Algorithm("Warm", "reinforce", 300, hyperparameters=DRAWS, num_envs=8, init_from="MLE"),
        Algorithm(
            "GAN",
            "reinforce",
            200,
            hyperparameters=DRAWS,
            num_envs=8,
            env_id="TextGen-OracleSmallGAN-v0",
            env_kwargs={"reward": {"name": "discriminator", **LEARNING}},
        ),
        Algorithm("Random", "uniform", num_envs=8),
    ),
    seeds=(3,),
    evaluation=Evaluation(4, 8, 16, 10, 1, ("nll_test", "distinct_1"), validation="nll", validation_texts=10),
    baseline="Random",
)


class Ticks:
    """Clock that goes on by the same step at every call; a step that adds up without rounding."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return self.calls / 1024


class Stop:
    """End of the process and of its parent, as by SIGKILL, at a call that is counted."""

    def __init__(self, moment: str) -> None:
        self.label, _, number = moment.partition(":")
        self.left = int(number)

    def counts(self, module: Any, name: str) -> None:
        """Counts calls of a module's function whose first argument is a run's folder."""
        inner = getattr(module, name)

        def call(folder: Path, *arguments: Any) -> Any:
            found = inner(folder, *arguments)
            if folder.parent.name == self.label:
                if self.left == 0:
                    self.end()
                self.left -= 1
            return found

        setattr(module, name, call)

    @staticmethod
    def end() -> None:
        """Ends both."""
        parent = multiprocessing.parent_process()
        if parent is not None and parent.pid:
            os.kill(parent.pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


for _module in (job, training, result):
    setattr(_module, "time", SimpleNamespace(perf_counter=Ticks()))  # noqa: B010
if os.environ.get(STOP):
    _stop = Stop(os.environ[STOP])
    # The first is called once, at a run's beginning.
    for _name in ("read_run_checkpoint", "write_run_checkpoint"):
        _stop.counts(job, _name)
