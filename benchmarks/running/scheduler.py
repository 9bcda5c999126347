"""Scheduler of an experiment: what is finished is kept, what is missing is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.running.executor import Executor, Listener
from benchmarks.running.queue import Queue
from benchmarks.running.sharing import Notify, Orders, Sharing
from benchmarks.running.tensorboard import ADVICE, is_installed
from benchmarks.running.worker import WORKER_DIED
from benchmarks.running.workers import check_workers, local
from benchmarks.specs.experiment import Experiment, Run, runs_of, settings_digest
from benchmarks.specs.file_digests import FILES, refuse_missing
from benchmarks.store.checkpoints import CheckpointRefused, place_of, read_run_checkpoint, remove_run_checkpoint
from benchmarks.store.lease import Lease, standing
from benchmarks.store.leases import STALE_SECONDS, Leases
from benchmarks.store.manifest import MANIFEST, Manifest, read_manifest
from benchmarks.store.results import MACHINE_FAILED, Failure
from benchmarks.store.run_folder import (
    CONFIG,
    config_differences,
    read_state,
    remove_drafts,
    set_aside,
)
from textgen_env.files import what_is_wrong

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
        known: name of a waiting run -> the error that it ended with before.
    """

    waiting: tuple[Run, ...]
    finished: tuple[Run, ...]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]
    known: Mapping[str, Failure]


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
    executor: Executor | None = None,
    stale_after: float = STALE_SECONDS,
) -> Path:
    """Does the runs of an experiment that have no result yet, each in its folder `out`/experiment/label/seed-n.

    Other processes, on this machine or on others that see the folder, may be at work on the same experiment: a run is
    done by the one that holds its lease, and what others do is waited for.

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
        executor: where runs are done, in place of `jobs` processes on this machine.
        stale_after: seconds without a sign of life after which another machine's lease counts as given up.

    Returns:
        The experiment's folder.

    Raises:
        FileNotFoundError: a file that an environment is to read is missing; nothing is run or written then.
        ConfigMismatch: a result of other settings is in the way; likewise.
        CheckpointRefused: a checkpoint that a run cannot go on from is in the way, and not `anew`; likewise.
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
    where = executor or local(jobs, timeout)
    with Leases(stale_after) as leases:
        plan = _planned(runs, out, retry)
        _refuse_checkpoints(plan, out, leases, anew)
        with leases.waited_for(folder) as lease:
            _write_manifest(Manifest.of(experiment, runs), folder, notify, lease)
        remove_drafts(folder)
        for run in plan.finished:
            _tidy(out / run.name, leases, notify)
        if plan.finished:
            notify(f"{len(plan.finished)} of {len(runs)} runs are finished and kept")
        for words in (*plan.skipped, *plan.notes):
            notify(words)
        if plan.waiting and not is_installed():
            notify(ADVICE)
        orders = Orders(out, tuple(modules), "", plan.known, anew)
        here = [run.from_anywhere() for run in plan.waiting]
        Sharing(orders, Queue(here), where, leases, listener, notify).do()
    return folder


def may_be_tried_again(error: Failure) -> bool:
    """Whether the same command does a run again that failed so: it was no fault of the agent's."""
    return error.kind in (WORKER_DIED, MACHINE_FAILED)


def _refuse_checkpoints(plan: Plan, out: Path, leases: Leases, anew: bool) -> None:
    """
    Raises:
        CheckpointRefused: one that a run cannot go on from, and that no other process is at work on.
    """
    for run in plan.waiting:
        folder = out / run.name
        try:
            read_run_checkpoint(folder, settings_digest(run.to_config()))
        except CheckpointRefused:
            if not anew and not leases.is_held(folder) and read_state(folder).status != "finished":
                raise


def _tidy(folder: Path, leases: Leases, notify: Notify) -> None:
    """Removes what a process left that was killed after it had written a result, and sets aside what is broken."""
    broken = read_state(folder).broken
    if not broken and not place_of(folder).exists() and standing(folder) is None:
        return
    lease = leases.claim(folder)
    if lease is None:
        return
    for path, reason in read_state(folder).broken:
        notify(f"{path} is broken ({reason}); kept as {set_aside(path).name}")
    remove_run_checkpoint(folder, lease)
    leases.release(lease)


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
    known: dict[str, Failure] = {}
    for run in runs:
        state = read_state(out / run.name)
        if state.status == "finished":
            finished.append(run)
            continue
        if state.error is not None:
            if not (retry or _may_be_done_again(state.error, run, skipped)):
                skipped[run.name] = f"{run.name} {_in_words(state.error)}; it is not run again: --retry does"
                continue
            notes.append(f"{run.name} {_in_words(state.error)} and is run again")
            known[run.name] = state.error
        waiting.append(run)
    return Plan(tuple(waiting), tuple(finished), tuple(skipped.values()), tuple(notes), known)


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


def _write_manifest(manifest: Manifest, folder: Path, notify: Notify, lease: Lease) -> None:
    try:
        manifest = manifest.with_earlier(read_manifest(folder))
    except FileNotFoundError:
        pass
    except ValueError as error:
        aside = set_aside(folder / MANIFEST)
        notify(f"{folder / MANIFEST} is broken ({what_is_wrong(error)}); kept as {aside.name}, written anew")
    manifest.write(folder, lease)
