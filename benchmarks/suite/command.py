"""Runs of the suite: seed by seed over all environments, so that an interrupted suite has all of its first seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.commands.doing import Choices
from benchmarks.running.executor import Executor
from benchmarks.running.progress import ProgressBars
from benchmarks.running.scheduler import run_experiment
from benchmarks.running.workers import local
from benchmarks.specs.experiment import Experiment, runs_of
from benchmarks.specs.settings import no_such
from benchmarks.specs.tuned import FOLDER
from benchmarks.store.run_folder import read_state, write_json
from benchmarks.suite.experiments import PREFIX, UNTUNED, suite_facts, suite_parts
from benchmarks.suite.record import FACTS
from benchmarks.suite.sizes import SIZES, SuiteSize


def suite_size(name: str | None) -> SuiteSize:
    """A size by its name, the first by default.

    Raises:
        ValueError: no such size.
    """
    if name is None:
        return next(iter(SIZES.values()))
    if name not in SIZES:
        raise ValueError(f"--size {name!r} {no_such(name, SIZES)}")
    return SIZES[name]


def run_suite(size: SuiteSize, choices: Choices, console: Console, tuned: Path | None = FOLDER) -> tuple[Path, int]:
    """Does the runs of a size of the suite that have no result yet, in `choices.out`/suite-<size>/<environment>; one at
    a time, and without a timeout, all in this process.

    Args:
        size: of the suite.
        choices: of the person.
        console: to show progress on.
        tuned: the folder of tuned settings; None: every agent has its defaults, and the suite's folder is
            `choices.out`/suite-<size>-untuned.

    Returns:
        The suite's folder, and how many runs are left without a result.

    Raises:
        ValueError, OSError: as `run_experiment` and `suite_parts`.
        KeyboardInterrupt: what is finished is kept.
    """
    folder = choices.out / f"{PREFIX}{size.name}{UNTUNED if tuned is None else ''}"
    if choices.plan:
        raise ValueError("--plan is for one experiment; give `run suite` the same --out on every machine instead")
    with console.status("asking every agent on which environments it applies", spinner="line"):
        parts = suite_parts(size, tuned)
    experiments = [part.experiment for part in parts]
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / FACTS, suite_facts(size, parts, tuned is not None))
    seeds = size.seeds if choices.seeds is None else choices.seeds
    names = _names(experiments, seeds)
    kept = len(names) - _left(folder, names)
    with ProgressBars(console, len(names), kept) as bars:
        for seed in seeds:
            for experiment in experiments:
                run_experiment(
                    experiment,
                    folder,
                    1,
                    bars.listen,
                    (seed,),
                    bars.say,
                    choices.device,
                    choices.retry,
                    (),
                    choices.timeout,
                    choices.anew,
                    _executor(choices),
                    choices.stale_after,
                )
    return folder, _left(folder, names)


def _executor(choices: Choices) -> Executor:
    """Where runs are done. One at a time, they are done in this process: for runs as short as these another would take
    most of the time; a run that must be stopped when its time is over has one."""
    if choices.executor == "local" and choices.jobs == 1 and choices.timeout is None:
        return local(0, None)
    return choices.made_executor()


def _names(experiments: Sequence[Experiment], seeds: Sequence[int]) -> list[str]:
    return [run.name for each in experiments for run in runs_of(replace(each, seeds=tuple(seeds)))]


def _left(folder: Path, names: Sequence[str]) -> int:
    return sum(read_state(folder / name).status != "finished" for name in names)
