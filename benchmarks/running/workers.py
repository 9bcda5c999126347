"""Executors on this machine: runs one by one in this process, or each in a process of its own: one that raises, dies or
hangs costs itself only."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from benchmarks.running.executor import Executor, Hear, Report
from benchmarks.running.task import Task, execute
from benchmarks.running.worker import Worker


def local(jobs: int, timeout: float | None = None) -> Executor:
    """The executor that does so many runs at a time on this machine; 0 for this process.

    Args:
        jobs: processes.
        timeout: seconds that a run may take; None for any time.

    Raises:
        ValueError: as `check_workers`.
    """
    check_workers(jobs, timeout)
    return LocalProcesses(jobs, timeout) if jobs else ThisProcess()


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


class ThisProcess:
    """Executor that does a run whenever it is listened to."""

    jobs, attempts, is_here = 1, 1, True

    def __init__(self) -> None:
        self._waiting: deque[Task] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.clear()

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def listen(self, hear: Hear, seconds: float) -> None:
        if not self._waiting:
            time.sleep(seconds)
            return
        task = self._waiting.popleft()
        outcome = execute(task, lambda tokens: hear(Report(task, tokens)))
        hear(Report(task, outcome=outcome or ""))

    def cancel(self, task: Task) -> None:
        if task in self._waiting:
            self._waiting.remove(task)


class LocalProcesses:
    """Executor whose every run has a process of its own.

    Args:
        jobs: processes at a time.
        timeout: seconds that a run may take; None for any time.
    """

    attempts, is_here = 1, True

    def __init__(self, jobs: int, timeout: float | None = None) -> None:
        self.jobs, self.timeout = jobs, timeout
        self._working: list[Worker[Task]] = []
        self._paused = _paused_together(self._working)

    def __enter__(self) -> Self:
        self._paused.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._paused.__exit__(kind, error, trace)
        for worker in self._working:
            worker.terminate()
        for worker in self._working:
            worker.end()

    def submit(self, task: Task) -> None:
        self._working.append(Worker(task, execute, self.timeout))

    def listen(self, hear: Hear, seconds: float) -> None:
        if not self._working:
            time.sleep(seconds)
            return
        wait([sign for worker in self._working for sign in worker.signs], seconds)
        for worker in tuple(self._working):
            for tokens in worker.listen():
                hear(Report(worker.run, tokens))
            if worker.outcome is not None:
                self._working.remove(worker)
                worker.end()
                hear(Report(worker.run, outcome=worker.outcome))

    def cancel(self, task: Task) -> None:
        for worker in [each for each in self._working if each.run == task]:
            self._working.remove(worker)
            worker.terminate()
            worker.end()


@contextmanager
def _paused_together(working: Sequence[Worker[Task]]) -> Iterator[None]:
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
