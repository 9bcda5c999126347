"""Worker processes: one that raises, or dies, costs its own run only."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Literal

from benchmarks.specs.experiment import Run

WORKER_DIED = "WorkerDied"
"""The name of the error that is recorded of a run whose process was ended from outside."""
EventKind = Literal["started", "advanced", "finished", "failed"]


@dataclass(frozen=True)
class Event:
    """Event in a run's life: "started", "advanced" to `tokens`, "finished", or "failed" with `message`."""

    kind: EventKind
    run: Run
    tokens: int = 0
    message: str = ""


Listener = Callable[[Event], None]
Execute = Callable[[Run, Callable[[int], None]], str | None]
"""Does a run, telling its tokens now and then; returns None, or the error that it recorded.

Given to a worker it must be importable by name: a module's function, or a partial of one."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    run: Run


def execute_all(
    runs: Sequence[Run], execute: Execute, listener: Listener, jobs: int, record_death: Callable[[Run, str], None]
) -> None:
    """Does all runs, `jobs` at a time in processes of their own; 0 does them one by one in this process.

    Args:
        runs: in this order, but for one that starts from another, which waits until that one has ended; the others come
            before those that start from them.
        execute: does one of them, and records its outcome.
        listener: hears what happens.
        jobs: processes.
        record_death: called for a run whose process died before it recorded anything, with a line on how.

    Raises:
        ValueError: jobs < 0.
        KeyboardInterrupt: the workers are ended first.
    """
    if jobs < 0:
        raise ValueError(f"jobs={jobs} must be >= 1, or 0 for this process")
    if jobs == 0:
        for run in runs:
            _execute_here(run, execute, listener)
        return
    waiting = deque(runs)
    working: list[_Worker] = []
    try:
        while waiting or working:
            while len(working) < jobs and (begun := next_run(waiting, (each.run for each in working))) is not None:
                working.append(_start(execute, begun, listener))
            ready = wait([worker.connection for worker in working])
            for worker in [worker for worker in working if worker.connection in ready]:
                try:
                    kind, content = worker.connection.recv()
                except (EOFError, OSError):
                    working.remove(worker)
                    death = _end(worker)
                    record_death(worker.run, death)
                    listener(Event("failed", worker.run, message=death))
                    continue
                if kind == "advanced":
                    listener(Event("advanced", worker.run, tokens=content))
                    continue
                listener(_ended(worker.run, content))
                further = next_run(waiting, (other.run for other in working if other is not worker))
                if further is None:
                    working.remove(worker)
                    _end(worker)
                else:
                    _hand(worker, further, listener)
    finally:
        for worker in working:
            worker.process.terminate()
        for worker in working:
            _end(worker)


def next_run(waiting: deque[Run], busy: Iterable[Run]) -> Run | None:
    """Takes out the first of the waiting runs that starts from none that is waiting or being done."""
    pending = {run.name for run in (*waiting, *busy)}
    for run in waiting:
        if run.parent is None or run.parent.name not in pending:
            waiting.remove(run)
            return run
    return None


def _execute_here(run: Run, execute: Execute, listener: Listener) -> None:
    listener(Event("started", run))
    error = execute(run, lambda tokens: listener(Event("advanced", run, tokens)))
    listener(_ended(run, error))


def _ended(run: Run, error: str | None) -> Event:
    return Event("finished", run) if error is None else Event("failed", run, message=error)


def _start(execute: Execute, run: Run, listener: Listener) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, execute), daemon=True)
    with _interrupts_ignored():
        process.start()
    theirs.close()
    worker = _Worker(process, ours, run)
    _hand(worker, run, listener)
    return worker


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process started within it ignores Ctrl-C, which reaches the whole process group, from its first moment: the
    parent decides what ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _hand(worker: _Worker, run: Run, listener: Listener) -> None:
    worker.run = run
    # A worker that is dead already shows as the end of its connection.
    with suppress(OSError):
        worker.connection.send(run)
    listener(Event("started", run))


def _end(worker: _Worker) -> str:
    """Closes the connection, which ends the worker, and waits for it; says how it ended."""
    worker.connection.close()
    worker.process.join(5)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    code = worker.process.exitcode
    how = f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"with exit code {code}"
    return f"{WORKER_DIED}: its process ended {how} before the run did"


def _serve(connection: Connection, execute: Execute) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)
    while True:
        try:
            run = connection.recv()
        except EOFError:
            return
        error = execute(run, lambda tokens: _tell(connection, "advanced", tokens))
        _tell(connection, "done", error)


def _end_with_parent() -> None:
    """However the parent ends, this process ends at once: the folders that it writes into are free for others then."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _tell(connection: Connection, kind: str, content: int | str | None) -> None:
    try:
        connection.send((kind, content))
    except OSError:
        # The parent is gone: what is half done must not go on, nor be taken for a run that failed.
        raise SystemExit(1) from None
