"""Runs done in worker processes, each in one of its own: one that raises, dies or hangs costs itself only."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Literal

from benchmarks.running.worker import LOOK_SECONDS, Execute, Worker
from benchmarks.specs.experiment import Run
from benchmarks.store.results import MACHINE_FAILED, Failure

EventKind = Literal["started", "advanced", "finished", "failed"]


@dataclass(frozen=True)
class Event:
    """Event in a run's life: "started", "advanced" to `tokens`, "finished", or "failed" with `message`."""

    kind: EventKind
    run: Run
    tokens: int = 0
    message: str = ""


Listener = Callable[[Event], None]


def execute_all(
    runs: Sequence[Run],
    execute: Execute[Run],
    listener: Listener,
    jobs: int,
    record: Callable[[Run, Failure], None],
    timeout: float | None = None,
) -> None:
    """Does all runs, `jobs` at a time, each in a process of its own; 0 does them one by one in this process.

    Args:
        runs: in this order, but for one that starts from another, which waits until that one has ended; the others come
            before those that start from them.
        execute: does one of them, and records its outcome.
        listener: hears what happens.
        jobs: processes at a time.
        record: called with the failure of a run that has recorded nothing: its process died, or its time was over.
        timeout: seconds that a run may take; None for any time.

    Raises:
        ValueError: as `check_workers`.
        KeyboardInterrupt: the workers are ended first.
    """
    check_workers(jobs, timeout)
    if jobs == 0:
        for run in runs:
            _execute_here(run, execute, listener)
        return
    waiting = deque(runs)
    working: list[Worker[Run]] = []
    try:
        with _paused_together(working):
            _do(waiting, working, execute, listener, jobs, record, timeout)
    finally:
        for worker in working:
            worker.terminate()
        for worker in working:
            worker.end()


def _do(
    waiting: deque[Run],
    working: list[Worker[Run]],
    execute: Execute[Run],
    listener: Listener,
    jobs: int,
    record: Callable[[Run, Failure], None],
    timeout: float | None,
) -> None:
    while waiting or working:
        while len(working) < jobs and (begun := next_run(waiting, (each.run for each in working))) is not None:
            listener(Event("started", begun))
            try:
                working.append(Worker(begun, execute, timeout))
            except OSError as error:
                failure = Failure(f"{MACHINE_FAILED}: no process was had for the run ({error})")
                record(begun, failure)
                listener(_ended(begun, failure.error))
        wait([sign for worker in working for sign in worker.signs], LOOK_SECONDS)
        for worker in tuple(working):
            for tokens in worker.listen():
                listener(Event("advanced", worker.run, tokens=tokens))
            if worker.outcome is None:
                continue
            working.remove(worker)
            worker.end()
            if isinstance(worker.outcome, Failure):
                record(worker.run, worker.outcome)
                listener(_ended(worker.run, worker.outcome.error))
            else:
                listener(_ended(worker.run, worker.outcome))


@contextmanager
def _paused_together(working: Sequence[Worker[Run]]) -> Iterator[None]:
    """Within it Ctrl-Z, which reaches the group of this process and not those of the workers, pauses them too."""
    if not hasattr(signal, "SIGTSTP") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def pause(number: int, frame: object) -> None:
        for worker in working:
            worker.send(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        for worker in working:
            worker.send(signal.SIGCONT)

    before = signal.signal(signal.SIGTSTP, pause)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


def check_workers(jobs: int, timeout: float | None) -> None:
    """
    Raises:
        ValueError: jobs < 0; a timeout that is not above 0, or that this process would have to keep for itself.
    """
    if jobs < 0:
        raise ValueError(f"jobs={jobs} must be >= 1, or 0 for this process")
    if timeout is not None and not 0 < timeout <= threading.TIMEOUT_MAX:
        raise ValueError(f"timeout={timeout} must be above 0, and at most {threading.TIMEOUT_MAX:.0f} seconds")
    if timeout is not None and jobs == 0:
        raise ValueError(f"timeout={timeout} is for runs in processes of their own: jobs must be >= 1")


def next_run(waiting: deque[Run], busy: Iterable[Run]) -> Run | None:
    """Takes out the first of the waiting runs that starts from none that is waiting or being done."""
    pending = {run.name for run in (*waiting, *busy)}
    for run in waiting:
        if run.parent is None or run.parent.name not in pending:
            waiting.remove(run)
            return run
    return None


def _execute_here(run: Run, execute: Execute[Run], listener: Listener) -> None:
    listener(Event("started", run))
    error = execute(run, lambda tokens: listener(Event("advanced", run, tokens)))
    listener(_ended(run, error or ""))


def _ended(run: Run, error: str) -> Event:
    return Event("failed", run, message=error) if error else Event("finished", run)
