"""Scheduler of an experiment: what is missing is done, here and wherever else it is worked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.running.executor import Executor, Listener
from benchmarks.running.plan import ConfigMismatch as ConfigMismatch
from benchmarks.running.plan import may_be_tried_again as may_be_tried_again
from benchmarks.running.plan import planned, refuse_checkpoints
from benchmarks.running.queue import Queue
from benchmarks.running.sharing import Notify, Orders, Sharing
from benchmarks.running.tensorboard import ADVICE, is_installed
from benchmarks.running.workers import local
from benchmarks.specs.experiment import Experiment, Run, runs_of
from benchmarks.specs.file_digests import refuse_missing
from benchmarks.store.checkpoints import place_of, remove_run_checkpoint
from benchmarks.store.lease import standing
from benchmarks.store.leases import STALE_SECONDS, Leases
from benchmarks.store.manifest import MANIFEST, Manifest, read_manifest
from benchmarks.store.run_folder import read_state, remove_drafts, set_aside
from textgen_env.files import what_is_wrong

# Of torch's, those that everything that learns computes on.
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Manner:
    """Manner in which runs are done.

    Attributes:
        retry: whether to do again what failed or diverged.
        modules: imported before a run, in whichever process does it: what they register can be named by its settings.
        anew: whether to begin anew where a checkpoint cannot be gone on with; it is kept under another name.
        untrusted: the file that the runs were read from, whose import paths are not followed; "" for none.
        waits: whether what others do is waited for, and taken over where they are gone.
        stale_after: seconds without a sign of life after which another machine's lease counts as given up.
    """

    retry: bool = False
    modules: tuple[str, ...] = ()
    anew: bool = False
    untrusted: str = ""
    waits: bool = True
    stale_after: float = STALE_SECONDS


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
        retry, modules, anew, stale_after: as in `Manner`.
        timeout: seconds that a run may take in this call; None for any time. One that takes longer has failed.
        executor: where runs are done, in place of `jobs` processes on this machine.

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
    where = executor or local(jobs, timeout)
    runs = _checked_runs(experiment, seeds, device, where.is_here)
    manner = Manner(retry, tuple(modules), anew, stale_after=stale_after)
    return _do(runs, out / experiment.name, where, listener, notify, manner, experiment)


def plan_experiment(
    experiment: Experiment, out: Path, seeds: Sequence[int] | None = None, notify: Notify = print, device: str = "cpu"
) -> Path:
    """Writes down what is to be done, for `work_on`, and does none of it; returns the experiment's folder.

    Raises:
        ValueError, OSError: as `run_experiment`.
    """
    out = out.absolute()
    folder = out / experiment.name
    runs = _checked_runs(experiment, seeds, device, is_here=False)
    planned(runs, out, retry=False)
    with Leases() as leases:
        _write_manifest(experiment, runs, folder, notify, leases)
    return folder


def work_on(
    folder: Path, runs: Sequence[Run], executor: Executor, listener: Listener, notify: Notify, manner: Manner
) -> None:
    """Does those of an experiment's runs that have no result yet, as `run_experiment` does, with whoever else does.

    Args:
        folder: of the experiment.
        runs: as `benchmarks.running.planned_runs.planned_runs` reads them there.
        executor: where they are done.
        listener: hears what happens to each run.
        notify: hears, in words, of what is skipped, retried or set aside.
        manner: how.

    Raises:
        ValueError, OSError: as `run_experiment`.
    """
    _check(runs, executor.is_here)
    _do(runs, folder.absolute(), executor, listener, notify, manner)


def _do(
    runs: Sequence[Run],
    folder: Path,
    executor: Executor,
    listener: Listener,
    notify: Notify,
    manner: Manner,
    experiment: Experiment | None = None,
) -> Path:
    """Does runs; of an experiment that is given, they are written down first."""
    out = folder.parent
    with Leases(manner.stale_after) as leases:
        plan = planned(runs, out, manner.retry)
        if not manner.anew:
            refuse_checkpoints(plan, out, leases)
        if experiment is not None:
            _write_manifest(experiment, runs, folder, notify, leases)
        remove_drafts(folder)
        for run in plan.finished:
            _tidy(out / run.name, run.name in plan.untidy, leases, notify)
        if plan.finished:
            notify(f"{len(plan.finished)} of {len(runs)} runs are finished and kept")
        for words in (*plan.skipped, *plan.notes):
            notify(words)
        if plan.waiting and not is_installed():
            notify(ADVICE)
        orders = Orders(out, manner.modules, manner.untrusted, plan.known, manner.anew, manner.waits)
        queue = Queue([run.from_anywhere() for run in plan.waiting])
        Sharing(orders, queue, executor, leases, listener, notify).do()
    return folder


def _checked_runs(experiment: Experiment, seeds: Sequence[int] | None, device: str, is_here: bool) -> list[Run]:
    runs = runs_of(experiment, None if seeds is None else tuple(seeds), device)
    _check(runs, is_here)
    return runs


def _check(runs: Sequence[Run], is_here: bool) -> None:
    for device in sorted({run.device for run in runs}):
        _refuse_unknown_device(device, is_here)
    for run in runs:
        refuse_missing(run.env_kwargs, run.evaluation.env_kwargs)


def _tidy(folder: Path, is_broken: bool, leases: Leases, notify: Notify) -> None:
    """Removes what a process left that was killed after it had written a result, and sets aside what is broken."""
    if not is_broken and not place_of(folder).exists() and standing(folder) is None:
        return
    lease = leases.claim(folder)
    if lease is None:
        return
    for path, reason in read_state(folder).broken:
        notify(f"{path} is broken ({reason}); kept as {set_aside(path).name}")
    remove_run_checkpoint(folder, lease)
    leases.release(lease)


def _refuse_unknown_device(device: str, is_here: bool) -> None:
    """Refuses a device that is none; or, where runs are done on this machine, one that it lacks."""
    if device != "cpu":
        # torch is loaded in the workers, unless it is to be asked.
        import torch

        from textgen_env.models.device import checked_device

        try:
            kind = torch.device(checked_device("device", device) if is_here else device).type
        except RuntimeError as error:
            raise ValueError(f"device={device!r} is no device: {error}") from None
        if kind not in DEVICES:
            raise ValueError(f"device={device!r} must be cpu, or cuda, or one of several such as cuda:1")


def _write_manifest(experiment: Experiment, runs: Sequence[Run], folder: Path, notify: Notify, leases: Leases) -> None:
    # Files are named by paths that lead there from any folder.
    manifest = Manifest.of(experiment, [run.from_anywhere() for run in runs])
    with leases.waited_for(folder) as lease:
        manifest = _with_earlier(manifest, folder, notify)
        manifest.write(folder, lease)


def _with_earlier(manifest: Manifest, folder: Path, notify: Notify) -> Manifest:
    try:
        return manifest.with_earlier(read_manifest(folder))
    except FileNotFoundError:
        return manifest
    except ValueError as error:
        aside = set_aside(folder / MANIFEST)
        notify(f"{folder / MANIFEST} is broken ({what_is_wrong(error)}); kept as {aside.name}, written anew")
        return manifest
