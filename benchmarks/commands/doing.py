"""Experiment done from the command line: its runs with their progress, its report, how many are left."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import typer
from rich.console import Console

from benchmarks.report.report import report
from benchmarks.running.progress import ProgressBars
from benchmarks.running.scheduler import may_be_tried_again, run_experiment
from benchmarks.specs.experiment import Experiment, runs_of
from benchmarks.store.run_folder import read_state


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

    def __post_init__(self) -> None:
        if self.timeout is not None and not 0 < self.timeout < inf:
            raise ValueError(f"--timeout {self.timeout:g} must be a number of seconds above 0")
        if self.jobs is not None and self.jobs < 1:
            raise ValueError(f"--jobs {self.jobs} must be at least 1")


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
    kept = sum(read_state(out / run.name).status == "finished" for run in asked)
    with ProgressBars(console, len(asked), kept) as bars:
        try:
            run_experiment(
                experiment,
                out,
                (os.cpu_count() or 1) if choices.jobs is None else choices.jobs,
                bars.listen,
                seeds,
                bars.say,
                choices.device,
                choices.retry,
                modules,
                choices.timeout,
                choices.anew,
            )
        except KeyboardInterrupt:
            interrupted = True
    report(out / experiment.name, console)
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
        raise typer.Exit(1)
