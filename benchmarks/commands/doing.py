"""Experiment done from the command line: its runs with their progress, its report, how many are left."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

import typer
from rich.console import Console

from benchmarks.report.report import report
from benchmarks.running.executor import Executor
from benchmarks.running.planned_runs import planned_runs
from benchmarks.running.progress import ProgressBars
from benchmarks.running.scheduler import Manner, may_be_tried_again, plan_experiment, run_experiment, work_on
from benchmarks.running.workers import local
from benchmarks.specs.experiment import Experiment, Run, runs_of
from benchmarks.store.leases import STALE_SECONDS
from benchmarks.store.manifest import MANIFEST, read_manifest
from benchmarks.store.run_folder import read_state

EXECUTORS = ("local", "ray", "slurm")
SLURM_FOLDER = ".slurm"
"""Folder of what is submitted to Slurm, in that of the results."""


@dataclass(frozen=True)
class Choices:
    """Choices of how runs are done, as the options of the command line; `seeds` None for the experiment's own."""

    out: Path
    jobs: int | None = None
    seeds: tuple[int, ...] | None = None
    device: str = "cpu"
    retry: bool = False
    anew: bool = False
    timeout: float | None = None
    stale_after: float = STALE_SECONDS
    plan: bool = False
    wait: bool = True
    executor: str = "local"
    address: str | None = None
    slurm: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.timeout is not None and not 0 < self.timeout < inf:
            raise ValueError(f"--timeout {self.timeout:g} must be a number of seconds above 0")
        if not 0 < self.stale_after < inf:
            raise ValueError(f"--stale {self.stale_after:g} must be a number of seconds above 0")
        if self.executor not in EXECUTORS:
            raise ValueError(f"--executor {self.executor!r} must be one of {', '.join(EXECUTORS)}")
        for option, given, only in (("address", self.address, "ray"), ("slurm", self.slurm, "slurm")):
            if given and self.executor != only:
                raise ValueError(f"--{option} {given!r} is for --executor {only}")
        if self.jobs is not None and self.jobs < 1:
            raise ValueError(f"--jobs {self.jobs} must be at least 1")

    def made_executor(self) -> Executor:
        """The place where runs are done.

        Raises:
            ValueError: a library that is not installed, or a cluster that is not there.
        """
        if self.executor == "ray":
            from benchmarks.running.ray_cluster import RayCluster

            return RayCluster(self.address, self.jobs, self.timeout, self.stale_after)
        if self.executor == "slurm":
            from benchmarks.running.slurm import Slurm, parsed_parameters

            return Slurm(
                self.out / SLURM_FOLDER, parsed_parameters(self.slurm), self.jobs, self.timeout, self.stale_after
            )
        return local((os.cpu_count() or 1) if self.jobs is None else self.jobs, self.timeout)


def do_and_report(experiment: Experiment, choices: Choices, console: Console, modules: Sequence[str] = ()) -> None:
    """Does the runs that have no result yet, and reports.

    Args:
        experiment: whose runs they are.
        choices: of the person.
        console: to show progress and report on.
        modules: imported before a run: what they register can be named by its settings.

    Raises:
        ValueError, OSError: as `run_experiment` and `report`.
        typer.Exit: with 130 after an interruption, with 1 where runs failed.
    """
    seeds = experiment.seeds if choices.seeds is None else choices.seeds
    asked = runs_of(experiment, seeds)
    out, interrupted = choices.out, False
    if choices.plan:
        say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
        folder = plan_experiment(experiment, out, seeds, say, choices.device)
        say(f"{len(asked)} runs are planned; on every machine: python -m benchmarks work {folder}")
        return
    executor = choices.made_executor()
    with ProgressBars(console, len(asked), _finished(asked, out)) as bars:
        try:
            run_experiment(
                experiment,
                out,
                1,
                bars.listen,
                seeds,
                bars.say,
                choices.device,
                choices.retry,
                modules,
                None,
                choices.anew,
                executor,
                choices.stale_after,
            )
        except KeyboardInterrupt:
            interrupted = True
    report(out / experiment.name, console)
    if not _conclude(asked, out, interrupted, console):
        raise typer.Exit(1)


def work(folder: Path, choices: Choices, console: Console, modules: Sequence[str] = (), trust: bool = False) -> bool:
    """Does, with whoever else does, those runs that an experiment's folder asks for and that have no result yet.

    Args:
        folder: of the experiment.
        choices: of the person; `out`, `seeds` and `device` are the folder's.
        console: to show progress on.
        modules: imported before a run: what they register can be named by its settings.
        trust: whether import paths in the folder are followed.

    Returns:
        Whether all of them have a result now, or others are at work on them and are not waited for.

    Raises:
        ValueError, OSError: as `work_on` and `planned_runs`.
        typer.Exit: with 130 after an interruption.
    """
    folder, interrupted = Path(os.path.abspath(folder)), False
    runs = planned_runs(folder, read_manifest(folder), trust)
    manner = Manner(
        choices.retry,
        tuple(modules),
        choices.anew,
        "" if trust else str(folder / MANIFEST),
        choices.wait,
        choices.stale_after,
    )
    executor = choices.made_executor()
    with ProgressBars(console, len(runs), _finished(runs, folder.parent)) as bars:
        try:
            work_on(folder, runs, executor, bars.listen, bars.say, manner)
        except KeyboardInterrupt:
            interrupted = True
    if not choices.wait and not interrupted:
        left = len(runs) - _finished(runs, folder.parent)
        console.print(f"{left} of {len(runs)} runs have no result yet: others are at work on them, or they failed")
        return True
    return _conclude(runs, folder.parent, interrupted, console)


def _finished(runs: Sequence[Run], out: Path) -> int:
    return sum(read_state(out / run.name).status == "finished" for run in runs)


def _conclude(asked: Sequence[Run], out: Path, interrupted: bool, console: Console) -> bool:
    """Says how many runs are left; whether it is none."""
    states = [read_state(out / run.name) for run in asked]
    left = [state for state in states if state.status != "finished"]
    if interrupted:
        console.print(f"interrupted; {len(left)} of {len(asked)} runs are left: the same command goes on with them")
        raise typer.Exit(130)
    if left:
        console.print(f"{len(left)} of {len(asked)} runs failed; see above, and error.json in their folders")
        # One without an error was failed by a disk that took none.
        again = sum(state.error is None or may_be_tried_again(state.error) for state in left)
        if again:
            console.print(f"{again} of them by no fault of their agents: the same command tries them again")
        if again < len(left):
            console.print(f"{'the others' if again else 'they'} are not run again, unless asked for by --retry")
    return not left
