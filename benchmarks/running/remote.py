"""Task done on another machine: in a process of its own there, with signs of life that are given from there."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from benchmarks.running.task import Task, execute
from benchmarks.running.worker import LOOK_SECONDS, Worker
from benchmarks.store.lease import LEASE_LOST
from benchmarks.store.results import MACHINE_FAILED, Failure
from benchmarks.store.run_folder import read_json, write_json

ATTEMPTS = 4
"""Attempts at a run whose machine is gone, within one command, since its checkpoint came further."""
OUTCOME = "outcome.json"
"""File in the lease's folder that tells an outcome to a scheduler that shares the file system alone."""
VARIABLES = "TEXTGEN_"
"""Beginnings of the names of environment variables that other machines are told."""
ERROR, FAILURE = "error", "failure"


def told_variables() -> dict[str, str]:
    """The environment variables that other machines are told."""
    return {name: value for name, value in os.environ.items() if name.startswith(VARIABLES)}


def do_there(task: Task, timeout: float | None, beat_seconds: float, variables: Mapping[str, str]) -> dict[str, Any]:
    """Does a task on the machine that this is called on.

    Args:
        task: whose folder this machine sees.
        timeout: seconds that it may take; None for any time.
        beat_seconds: between two signs of life.
        variables: of the environment, added.

    Returns:
        The outcome, plain JSON; `outcome_of` reads it.
    """
    os.environ.update(variables)
    try:
        worker = Worker(task, execute, timeout)
    except OSError as error:
        return _told(Failure(f"{MACHINE_FAILED}: no process was had for the run ({error})"))
    next_beat = 0.0
    try:
        while worker.outcome is None:
            wait(worker.signs, min(LOOK_SECONDS, beat_seconds))
            for _ in worker.listen():
                pass
            if worker.outcome is None and time.monotonic() >= next_beat:
                next_beat = time.monotonic() + beat_seconds
                try:
                    task.lease.beat()
                except FileNotFoundError:
                    worker.terminate()
                    return _told(f"{LEASE_LOST}: another process has taken the run over")
                except OSError:
                    # What the file system refuses once it may grant at the next beat.
                    continue
    except BaseException:
        worker.terminate()
        raise
    finally:
        worker.end()
    return _told(worker.outcome)


def do_and_write(task: Task, timeout: float | None, beat_seconds: float, variables: Mapping[str, str]) -> None:
    """`do_there`, whose outcome is written into the lease's folder, if the lease is held."""
    outcome = do_there(task, timeout, beat_seconds, variables)
    with suppress(OSError):
        write_json(task.lease.place / OUTCOME, outcome, task.lease)


def written_outcome(place: Path) -> str | Failure | None:
    """Outcome that `do_and_write` wrote in a lease's folder; None for nothing that can be read."""
    try:
        return outcome_of(read_json(place / OUTCOME))
    except (OSError, ValueError):
        return None


def outcome_of(told: Mapping[str, Any]) -> str | Failure:
    """The outcome that `do_there` returned.

    Raises:
        ValueError: something else.
    """
    if isinstance(told.get(FAILURE), Mapping):
        return Failure.from_json(told[FAILURE])
    if isinstance(told.get(ERROR), str):
        return str(told[ERROR])
    raise ValueError(f"{told!r} is no outcome of a run")


def _told(outcome: str | Failure) -> dict[str, Any]:
    return {FAILURE: outcome.to_json()} if isinstance(outcome, Failure) else {ERROR: outcome}
