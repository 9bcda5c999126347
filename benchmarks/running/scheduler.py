"""Scheduler of an experiment: what is finished is kept, what is missing is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks.running.tensorboard import ADVICE, is_installed
from benchmarks.running.worker import WORKER_DIED
from benchmarks.running.workers import Listener, check_workers, execute_all
from benchmarks.specs.experiment import Experiment, Run, runs_of, settings_digest
from benchmarks.specs.file_digests import FILES, refuse_missing
from benchmarks.store.checkpoints import CheckpointRefused, place_of, read_run_checkpoint, remove_run_checkpoint
from benchmarks.store.manifest import MANIFEST, Manifest, read_manifest
from benchmarks.store.results import MACHINE_FAILED, Failure
from benchmarks.store.run_folder import (
    CONFIG,
    ERROR,
    config_differences,
    lock_folders,
    read_state,
    remove_drafts,
    set_aside,
    write_sealed,
)
from textgen_env.files import what_is_wrong

Notify = Callable[[str], None]
MISMATCHES_SHOWN = 12
# Of torch's, those that everything that learns computes on.
DEVICES = ("cpu", "cuda")


class ConfigMismatch(ValueError):
    """Error: results on disk were made with other settings than those to be run."""


@dataclass(frozen=True)
class Plan:
    """Plan: what is to be done.

    Attributes:
        waiting: runs to be done, those that others start from before these.
        finished: runs whose result is kept.
        skipped: runs that failed or diverged and are not done again, in words.
        notes: on what is done again, in words.
        broken: files of the others that cannot be read, each with the reason.
    """

    waiting: tuple[Run, ...]
    finished: tuple[Run, ...]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]
    broken: tuple[tuple[Path, str], ...]


def run_experiment(
    experiment: Experiment,
    out: Path,
    jobs: int,
    listener: Listener,
    seeds: Sequence[int] | None = None,
    notify: Notify = print,
    device: str = "cpu",
    retry: bool = False,
    modules: Sequence[str] = (),
    timeout: float | None = None,
    anew: bool = False,
) -> Path:
    """Does the runs of an experiment that have no result yet, each in its folder `out`/experiment/label/seed-n.

    A run of an agent that was interrupted goes on from its latest checkpoint. One that failed, diverged or ran out of
    time is done again if `retry`, or if the machine failed it (see `benchmarks.running.machine_failures`), or its
    process was ended from outside, or if the run that it starts from was at fault.

    Args:
        experiment: what to run.
        out: the folder of results.
        jobs: runs at a time, each in a process of its own; 0 for this process.
        listener: hears what happens to each run.
        seeds: in place of the experiment's.
        notify: hears, in words, of what is skipped, retried or set aside.
        device: of torch's, for agents and rewards that learn.
        retry: whether to do again what failed or diverged.
        modules: imported before a run, in whichever process does it: what they register can be named by its settings.
        timeout: seconds that a run may take in this call; None for any time. One that takes longer has failed.
        anew: whether to begin anew where a checkpoint cannot be gone on with; it is kept under another name.

    Returns:
        The experiment's folder.

    Raises:
        FileNotFoundError: a file that an environment is to read is missing; nothing is run or written then.
        ConfigMismatch: a result of other settings is in the way; likewise.
        CheckpointRefused: a checkpoint that a run cannot go on from is in the way, and not `anew`; likewise.
        FolderInUse: another process is doing runs in one of the folders; likewise.
        ValueError: seeds, jobs, a device or a timeout that are not allowed.
    """
    # A run may change the current folder.
    out = out.absolute()
    runs = runs_of(experiment, None if seeds is None else tuple(seeds), device)
    folder = out / experiment.name
    check_workers(jobs, timeout)
    _refuse_unknown_device(device)
    for run in runs:
        refuse_missing(run.env_kwargs, run.evaluation.env_kwargs)
    _refuse_other_settings(runs, out)
    with lock_folders({folder, *(out / Path(run.name).parts[0] for run in runs)}):
        # Planned once no other process can finish a run any more.
        plan = _planned(runs, out, retry)
        for run in plan.waiting:
            try:
                read_run_checkpoint(out / run.name, settings_digest(run.to_config()))
            except CheckpointRefused as refused:
                if not anew:
                    raise
                aside = set_aside(place_of(out / run.name))
                notify(f"{run.name} is begun anew: {refused.found}; kept as {aside.name}")
        for path, reason in plan.broken:
            notify(f"{path} is broken ({reason}); kept as {set_aside(path).name}, the run is done again")
        for run in plan.finished:
            # Of a run that was killed after its result was written.
            remove_run_checkpoint(out / run.name)
        remove_drafts(folder)
        _write_manifest(Manifest.of(experiment, runs), folder, notify)
        if plan.finished:
            notify(f"{len(plan.finished)} of {len(runs)} runs are finished and kept")
        for words in (*plan.skipped, *plan.notes):
            notify(words)
        if plan.waiting and not is_installed():
            notify(ADVICE)
        here = [run.from_anywhere() for run in plan.waiting]
        do = partial(_execute, out, tuple(modules))
        execute_all(here, do, listener, jobs, partial(_record, out), timeout)
    return folder


def may_be_tried_again(error: Failure) -> bool:
    """Whether the same command does a run again that failed so: it was no fault of the agent's."""
    return error.kind in (WORKER_DIED, MACHINE_FAILED)


def _record(out: Path, run: Run, failure: Failure) -> None:
    # What the disk does not take leaves the run unfinished: it is done again.
    with suppress(OSError):
        write_sealed(out / run.name / CONFIG, run.to_config())
        write_sealed(out / run.name / ERROR, failure.to_json())


def _execute(out: Path, modules: tuple[str, ...], run: Run, tell: Callable[[int], None]) -> str | None:
    for module in modules:
        import_module(module)
    # torch and the agents are loaded where they are used: in the workers.
    from benchmarks.running.job import execute

    return execute(out, run, tell)


def _refuse_other_settings(runs: Sequence[Run], out: Path) -> None:
    mismatches = []
    for run in runs:
        found = read_state(out / run.name).config
        differences = [] if found is None else config_differences(found, run.to_config(FILES in found))
        mismatches += [f"{out / run.name / CONFIG}: {line}" for line in differences]
    if mismatches:
        more = len(mismatches) - MISMATCHES_SHOWN
        lines = "\n  ".join(mismatches[:MISMATCHES_SHOWN] + ([f"... and {more} more"] if more > 0 else []))
        raise ConfigMismatch(
            f"there are results of other settings:\n  {lines}\n"
            "Nothing was run. Choose another --out, or move these folders away to run them anew."
        )


def _refuse_unknown_device(device: str) -> None:
    if device != "cpu":
        # torch is loaded in the workers, unless it is to be asked.
        import torch

        from textgen_env.models.device import checked_device

        if torch.device(checked_device("device", device)).type not in DEVICES:
            raise ValueError(f"device={device!r} must be cpu, or cuda, or one of several such as cuda:1")


def _planned(runs: Sequence[Run], out: Path, retry: bool) -> Plan:
    waiting: list[Run] = []
    finished: list[Run] = []
    skipped: dict[str, str] = {}
    notes: list[str] = []
    broken: list[tuple[Path, str]] = []
    for run in runs:
        state = read_state(out / run.name)
        broken += state.broken
        if state.status == "finished":
            finished.append(run)
            continue
        if state.error is not None:
            if not (retry or _may_be_done_again(state.error, run, skipped)):
                skipped[run.name] = f"{run.name} {_in_words(state.error)}; it is not run again: --retry does"
                continue
            notes.append(f"{run.name} {_in_words(state.error)} and is run again")
        waiting.append(run)
    return Plan(tuple(waiting), tuple(finished), tuple(skipped.values()), tuple(notes), tuple(broken))


def _may_be_done_again(error: Failure, run: Run, skipped: Mapping[str, str]) -> bool:
    """Whether it was no fault of the run's own."""
    if error.kind == "ParentFailed":
        return run.parent is None or run.parent.name not in skipped
    return may_be_tried_again(error)


def _in_words(error: Failure) -> str:
    if not error.diverged:
        return f"failed before ({error.error})"
    at = f" after {error.curve[-1].tokens_spent} tokens" if error.curve else ""
    return f"diverged before{at} ({error.error})"


def _write_manifest(manifest: Manifest, folder: Path, notify: Notify) -> None:
    try:
        manifest = manifest.with_earlier(read_manifest(folder))
    except FileNotFoundError:
        pass
    except ValueError as error:
        aside = set_aside(folder / MANIFEST)
        notify(f"{folder / MANIFEST} is broken ({what_is_wrong(error)}); kept as {aside.name}, written anew")
    manifest.write(folder)
