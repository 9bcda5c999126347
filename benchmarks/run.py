"""Running an experiment: what is finished is kept, what is missing is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.manifest import MANIFEST, Manifest, read_manifest
from benchmarks.specs import Experiment, Run, runs_of
from benchmarks.storage import (
    CONFIG,
    ERROR,
    config_differences,
    read_state,
    set_aside,
    write_json,
)
from benchmarks.workers import Listener, execute_all

Notify = Callable[[str], None]
MISMATCHES_SHOWN = 12


class ConfigMismatch(ValueError):
    """Results on disk were made with other settings than those to be run."""


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        runs: all that were asked for.
        waiting: those of them without a result.
        retried: those of `waiting` that failed before.
    """

    runs: tuple[Run, ...]
    waiting: tuple[Run, ...]
    retried: tuple[Run, ...]


def run_experiment(
    experiment: Experiment,
    out: Path,
    jobs: int,
    listener: Listener,
    seeds: Sequence[int] | None = None,
    notify: Notify = print,
) -> Path:
    """Does the runs of an experiment that have no result yet, each in its folder `out`/experiment/label/seed-n.

    Args:
        experiment: what to run.
        out: the folder of results.
        jobs: worker processes; 0 for this process.
        listener: hears what happens to each run.
        seeds: in place of the experiment's.
        notify: hears, in words, of what is skipped, retried or set aside.

    Returns:
        The experiment's folder.

    Raises:
        ConfigMismatch: a result of other settings is in the way; nothing is run or written then.
        ValueError: seeds or jobs that are not allowed.
    """
    runs = runs_of(experiment, None if seeds is None else tuple(seeds))
    folder = out / experiment.name
    _refuse_other_settings(runs, out)
    plan = _prepared(runs, out, notify)
    _write_manifest(Manifest.of(experiment, runs), folder, notify)
    done = len(plan.runs) - len(plan.waiting)
    if done:
        notify(f"{done} of {len(plan.runs)} runs are finished and kept")
    for run in plan.retried:
        notify(f"{run.name} failed before and is run again")
    execute_all(plan.waiting, partial(_execute, out), listener, jobs, partial(_record_death, out))
    return folder


def _record_death(out: Path, run: Run, death: str) -> None:
    write_json(out / run.name / CONFIG, run.to_config())
    write_json(out / run.name / ERROR, {"error": death, "traceback": "(none: the process was ended from outside)"})


def _execute(out: Path, run: Run, tell: Callable[[int], None]) -> str | None:
    # torch and the agents are loaded where they are used: in the workers.
    from benchmarks.job import execute

    return execute(out, run, tell)


def _refuse_other_settings(runs: Sequence[Run], out: Path) -> None:
    mismatches = []
    for run in runs:
        found = read_state(out / run.name).config
        differences = [] if found is None else config_differences(found, run.to_config())
        mismatches += [f"{out / run.name / CONFIG}: {line}" for line in differences]
    if mismatches:
        more = len(mismatches) - MISMATCHES_SHOWN
        lines = "\n  ".join(mismatches[:MISMATCHES_SHOWN] + ([f"... and {more} more"] if more > 0 else []))
        raise ConfigMismatch(
            f"there are results of other settings:\n  {lines}\n"
            "Nothing was run. Choose another --out, or move these folders away to run them anew."
        )


def _prepared(runs: Sequence[Run], out: Path, notify: Notify) -> Plan:
    waiting, retried = [], []
    for run in runs:
        state = read_state(out / run.name)
        for path, reason in state.broken:
            notify(f"{path} is broken ({reason}); kept as {set_aside(path).name}, the run is done again")
        if state.status != "finished":
            waiting.append(run)
        if state.status == "failed":
            retried.append(run)
    return Plan(tuple(runs), tuple(waiting), tuple(retried))


def _write_manifest(manifest: Manifest, folder: Path, notify: Notify) -> None:
    try:
        manifest = manifest.with_earlier(read_manifest(folder))
    except FileNotFoundError:
        pass
    except ValueError as error:
        aside = set_aside(folder / MANIFEST)
        notify(f"{folder / MANIFEST} is broken ({error}); kept as {aside.name}, written anew")
    manifest.write(folder)
