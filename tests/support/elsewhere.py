"""Driver of an experiment whose runs are done elsewhere, of which a machine goes in the middle: `python -m
support.elsewhere ray OUT`. In a process of its own: clocks tick by calls in it, see `chaos.experiment`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.running.executor import Executor
from benchmarks.running.scheduler import run_experiment
from benchmarks.running.slurm import Slurm
from chaos.command import descendants_of
from chaos.experiment import EXPERIMENT

TOKENS = 6_000
# Long enough for the machine to go in the middle of one.
ROWS = tuple(replace(row, total_tokens=TOKENS if row.total_tokens else 0) for row in EXPERIMENT.algorithms)
LONG = replace(EXPERIMENT, algorithms=ROWS)


def when_there_is_a_checkpoint(out: Path, do: Callable[[], None]) -> threading.Thread:
    """A thread that does something once a run has kept a checkpoint."""

    def wait() -> None:
        while not any(out.rglob("progress.json")):
            time.sleep(0.05)
        do()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def on_ray(out: Path) -> None:
    """Two nodes, one of which is killed."""
    from ray.cluster_utils import Cluster

    from benchmarks.running.ray_cluster import RayCluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    executor = RayCluster(cluster.address)
    print("jobs", executor.jobs)
    done(out, executor, lambda: cluster.remove_node(nodes[0], allow_graceful=False))
    cluster.shutdown()


def on_slurm(out: Path) -> None:
    """Jobs on this machine, one of which is killed with all its processes."""
    executor = Slurm(out.parent / "submitted", jobs=2, cluster="local")

    def kill() -> None:
        job, _ = next(iter(executor._jobs.values()))
        for process in (*descendants_of(int(job.job_id)), int(job.job_id)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    done(out, executor, kill)


def here(out: Path) -> None:
    """Undisturbed."""
    run_experiment(LONG, out, 2, lambda event: None, notify=print, modules=("chaos.experiment",))


def done(out: Path, executor: Executor, end_a_machine: Callable[[], None]) -> None:
    """Does the experiment, ending a machine in the middle."""
    when_there_is_a_checkpoint(out, end_a_machine)
    run_experiment(
        LONG,
        out,
        1,
        lambda event: print(event.kind, event.run.name, event.message),
        notify=print,
        modules=("chaos.experiment",),
        executor=executor,
    )


if __name__ == "__main__":
    {"ray": on_ray, "slurm": on_slurm, "here": here}[sys.argv[1]](Path(sys.argv[2]))
