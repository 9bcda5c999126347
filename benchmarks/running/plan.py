"""Plan of an experiment's runs: what is finished is kept, what is missing is done, what is in the way is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.running.worker import WORKER_DIED
from benchmarks.specs.experiment import Run, settings_digest
from benchmarks.specs.file_digests import FILES
from benchmarks.store.checkpoints import CheckpointRefused, place_of, read_run_checkpoint
from benchmarks.store.leases import Leases
from benchmarks.store.results import MACHINE_FAILED, Failure
from benchmarks.store.run_folder import CONFIG, RunState, config_differences, read_state

MISMATCHES_SHOWN = 12


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
        untidy: finished runs of which files are broken.
    """

    waiting: tuple[Run, ...]
    finished: tuple[Run, ...]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]
    known: Mapping[str, Failure]
    untidy: frozenset[str]


def planned(runs: Sequence[Run], out: Path, retry: bool) -> Plan:
    """The plan for runs, whose folders are each read once; nothing is changed.

    Args:
        runs: those that others start from before these.
        out: the folder of results.
        retry: whether what failed or diverged is done again.

    Raises:
        ConfigMismatch: a result of other settings is in the way.
    """
    waiting: list[Run] = []
    finished: list[Run] = []
    skipped: dict[str, str] = {}
    notes: list[str] = []
    known: dict[str, Failure] = {}
    untidy: set[str] = set()
    mismatches: list[str] = []
    for run in runs:
        state = read_state(out / run.name)
        mismatches += _mismatches(run, out, state)
        if state.status == "finished":
            finished.append(run)
            untidy |= {run.name} if state.broken else set()
            continue
        if state.error is not None:
            if not (retry or _may_be_done_again(state.error, run, skipped)):
                skipped[run.name] = f"{run.name} {_in_words(state.error)}; it is not run again: --retry does"
                continue
            notes.append(f"{run.name} {_in_words(state.error)} and is run again")
            known[run.name] = state.error
        waiting.append(run)
    _refuse(mismatches)
    return Plan(tuple(waiting), tuple(finished), tuple(skipped.values()), tuple(notes), known, frozenset(untidy))


def refuse_checkpoints(plan: Plan, out: Path, leases: Leases) -> None:
    """
    Raises:
        CheckpointRefused: one that a run cannot go on from, and that no other process is at work on.
    """
    for run in plan.waiting:
        folder = out / run.name
        if not place_of(folder).exists():
            continue
        try:
            read_run_checkpoint(folder, settings_digest(run.to_config()))
        except CheckpointRefused:
            if not leases.is_held(folder) and read_state(folder).status != "finished":
                raise


def may_be_tried_again(error: Failure) -> bool:
    """Whether the same command does a run again that failed so: it was no fault of the agent's."""
    return error.kind in (WORKER_DIED, MACHINE_FAILED)


def _mismatches(run: Run, out: Path, state: RunState) -> list[str]:
    found = state.config
    differences = [] if found is None else config_differences(found, run.to_config(FILES in found))
    return [f"{out / run.name / CONFIG}: {line}" for line in differences]


def _refuse(mismatches: Sequence[str]) -> None:
    if mismatches:
        more = len(mismatches) - MISMATCHES_SHOWN
        lines = "\n  ".join([*mismatches[:MISMATCHES_SHOWN], *([f"... and {more} more"] if more > 0 else [])])
        raise ConfigMismatch(
            f"there are results of other settings:\n  {lines}\n"
            "Nothing was run. Choose another --out, or move these folders away to run them anew."
        )


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
