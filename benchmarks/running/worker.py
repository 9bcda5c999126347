"""Worker: one run in a process of its own, begun, listened to, ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from benchmarks.running.worker_process import ADVANCED, DONE, serve
from benchmarks.store.results import MACHINE_FAILED, Failure

WORKER_DIED = "WorkerDied"
"""The name of the error that is recorded of a run whose process crashed, or left."""
TIMED_OUT = "TimedOut"
"""The name of the error that is recorded of a run that took longer than it may."""
# What a process that has reported its end may take to leave, and one whose time is over to say where it was.
GRACE_SECONDS = 5.0
FRAMES_SHOWN = 3
# What a process does not send itself when it crashes.
FROM_OUTSIDE = {
    getattr(signal, name).value for name in ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)
}
# How often it is looked at processes whose end no pipe tells, and at those whose time is over.
LOOK_SECONDS = 1.0
# Linux alone forks processes safely that have loaded torch; what they share is loaded once. Where that fails (it needs
# a socket in the temporary folder, whose path may be too long for one), each process loads all.
METHODS = ("forkserver", "spawn") if sys.platform == "linux" else ("spawn",)

T = TypeVar("T")
Execute = Callable[[T, Callable[[int], None]], str | None]
"""Does a run, telling its tokens now and then; returns None, or the error that it recorded.

Given to a worker it must be importable by name: a module's function, or a partial of one."""


class Worker(Generic[T]):
    """Worker: a process that does one run, and leads a group of its own, so that children it leaves end with it.

    Whether it has ended is asked of the system: a child that a run forked holds its pipes as it does, so that the end
    of a pipe says nothing.

    Args:
        run: what is done; or anything else that `execute` takes.
        execute: does it.
        timeout: seconds that it may take; None for any time.

    Raises:
        OSError: the system gives no process.
    """

    def __init__(self, run: T, execute: Execute[T], timeout: float | None) -> None:
        self.run, self.timeout = run, timeout
        self.outcome: str | Failure | None = None
        """Outcome of the run: an error that it recorded itself, or "" for none; or a failure that is not recorded yet;
        None until it has ended."""
        self._deadline: float | None = None
        self._silent = False
        # Without a name: nothing is left of it, however this process ends.
        self._trace = tempfile.TemporaryFile()  # noqa: SIM115
        failures: list[Exception] = []
        for method in METHODS:
            try:
                self._connection, self.process = _started(method, self._trace.fileno(), execute, run, timeout)
            except (OSError, EOFError) as error:
                failures.append(error)
            else:
                return
        self._trace.close()
        raise OSError("; ".join(str(error) or type(error).__name__ for error in failures)) from failures[-1]

    @property
    def signs(self) -> list[Connection | int]:
        """Connections and sentinels that become readable when there is something to hear."""
        return [self.process.sentinel] if self._silent else [self._connection, self.process.sentinel]

    def listen(self) -> Iterator[int]:
        """The tokens that were told since the last call; afterwards `outcome` is set if the run has ended."""
        # Asked before the pipe is read: what a process says last is heard.
        gone = self.process.exitcode is not None
        while self.outcome is None and (told := self._told()) is not None:
            kind, content = told
            if kind == ADVANCED:
                yield content
            elif kind == DONE:
                self.outcome = content
            elif self.timeout is not None:
                self._deadline = time.monotonic() + self.timeout + GRACE_SECONDS
        if self.outcome is None and not gone and self._deadline is not None and time.monotonic() > self._deadline:
            self._kill()
            self.outcome = self._late()
        elif self.outcome is None and gone:
            self.outcome = self._died()

    def terminate(self) -> None:
        """Asks the process to end."""
        with suppress(OSError):
            self.process.terminate()

    def send(self, number: int) -> None:
        """Sends a signal to the process and its children, where processes have groups."""
        if hasattr(os, "killpg") and self.process.pid:
            with suppress(OSError):
                os.killpg(self.process.pid, number)

    def end(self) -> None:
        """Waits a moment for the process to leave, and ends it then, with all children that it left."""
        until = time.monotonic() + GRACE_SECONDS
        while self.process.exitcode is None and time.monotonic() < until:
            # A child may keep the sentinel from being readable.
            wait([self.process.sentinel], 0.05)
        self._kill()
        self._connection.close()
        self._trace.close()

    def _told(self) -> tuple[str, Any] | None:
        """The message that was told next; None if nothing is there yet, or nothing more will come."""
        try:
            if not self._silent and self._connection.poll():
                kind, content = self._connection.recv()
                return kind, content
        except Exception:
            # An end, or something that is no message: nothing that comes then can be read.
            self._silent = True
        return None

    def _kill(self) -> None:
        if self.process.exitcode is None:
            self.process.kill()
        if hasattr(signal, "SIGKILL"):
            self.send(signal.SIGKILL)
        while self.process.exitcode is None:
            wait([self.process.sentinel], 0.05)

    def _died(self) -> Failure:
        trace = self._traced()
        if self.timeout is not None and trace.startswith("Timeout ("):
            return self._late()
        code = self.process.exitcode or 0
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        kind, why = WORKER_DIED, _place(trace)
        if -code in FROM_OUTSIDE:
            kind = MACHINE_FAILED
            why = ", as by a system that has no memory left" if how.endswith("SIGKILL") else ""
        error = f"{kind}: its process was ended {how} before the run was{why}"
        return Failure(error, trace) if trace else Failure(error)

    def _late(self) -> Failure:
        trace = self._traced()
        limit = f"the {self.timeout:g} seconds that it may take (--timeout) were over"
        return Failure(f"{TIMED_OUT}: {limit}{_place(trace) or '; it did not say where it was'}", trace)

    def _traced(self) -> str:
        self._trace.seek(0)
        return self._trace.read(1 << 20).decode(errors="replace")


def done_apart(subject: T, execute: Execute[T], timeout: float | None = None) -> str:
    """The result of `execute` for a subject, in a process of its own: "" for nothing.

    Raises:
        RuntimeError: the process ended before it was done, or its time was over, or `execute` raised; the message says
            which.
    """
    worker = Worker(subject, execute, timeout)
    try:
        while worker.outcome is None:
            wait(worker.signs, LOOK_SECONDS)
            for _ in worker.listen():
                pass
    except BaseException:
        worker.terminate()
        raise
    finally:
        worker.end()
    if isinstance(worker.outcome, Failure):
        raise RuntimeError(worker.outcome.error)
    return worker.outcome


def _started(
    method: str, trace: int, execute: Execute[T], run: T, timeout: float | None
) -> tuple[Connection, BaseProcess]:
    """A process that does a run, and where it tells of it."""
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["benchmarks.running.preloaded"])
    ours, theirs = context.Pipe(duplex=False)
    arguments = (theirs, _Handed(trace), execute, run, timeout, dict(os.environ))
    process = context.Process(target=serve, args=arguments, daemon=True)
    try:
        with _interrupts_ignored():
            process.start()
    except (OSError, EOFError):
        ours.close()
        raise
    finally:
        theirs.close()
    return ours, process


class _Handed:
    """Open file on its way to a process that is being started, where it arrives as a number of its own; as None where
    files cannot be handed over."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Callable[[Any], int | None], tuple[Any]]:
        return _arrived, (reduction.DupFd(self.number) if hasattr(reduction, "DupFd") else None,)


def _arrived(handed: Any) -> int | None:
    return None if handed is None else int(handed.detach())


def _place(trace: str) -> str:
    """In words, where the main thread was, which a trace has last: the latest calls first."""
    frames = [line.strip() for line in trace.rpartition("hread 0x")[2].splitlines() if line.startswith("  File ")]
    return f"; it was at {' < '.join(frames[:FRAMES_SHOWN])}" if frames else ""


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
