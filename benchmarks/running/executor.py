"""Executor: where runs are done, and what is heard of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

from benchmarks.running.task import Task
from benchmarks.specs.experiment import Run
from benchmarks.store.results import Failure

EventKind = Literal["started", "advanced", "finished", "failed", "taken"]


@dataclass(frozen=True)
class Event:
    """Event in a run's life: "started", "advanced" to `tokens`, "finished", "failed" with `message`, or "taken" over by
    another process. What another process does is heard of when it has ended."""

    kind: EventKind
    run: Run
    tokens: int = 0
    message: str = ""


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Report:
    """Report of a task: the tokens that it has spent, or its outcome.

    Attributes:
        task: that was submitted.
        tokens: so far.
        outcome: None while it is under way; "" of a run that is finished, the error that it has recorded itself, or a
            `Failure` that is not recorded.
    """

    task: Task
    tokens: int = 0
    outcome: str | Failure | None = None


Hear = Callable[[Report], None]


class Executor(Protocol):
    """Executor: a place where tasks are done, so many at a time. It is used as a context, at whose end nothing of it is
    under way any more.

    What the scheduler asks of it is to begin a task, to say what has become of those that are under way, and to end
    one. It decides nothing: which run is next, who holds its lease, what is recorded and what is tried again is the
    scheduler's.

    Attributes:
        jobs: tasks at a time, at least 1; it may change.
        attempts: how often a task is begun within one command that was lost with its place, by no fault of its own;
            each attempt goes on from the run's checkpoint, and where that has come further they are counted anew.
        is_here: whether tasks are done on this machine, so that its devices are theirs, and report their tokens; of
            others the checkpoints tell.
    """

    @property
    def jobs(self) -> int: ...

    @property
    def attempts(self) -> int: ...

    @property
    def is_here(self) -> bool: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends what is under way."""
        ...

    def submit(self, task: Task) -> None:
        """Begins a task, or sees to it that it is begun.

        Raises:
            OSError: there is no place for it; the run is failed by the machine.
        """
        ...

    def listen(self, hear: Hear, seconds: float) -> None:
        """Hands on what has been reported since the last call; waits so long at most if that is nothing. A task's
        outcome is its last report."""
        ...

    def cancel(self, task: Task) -> None:
        """Ends a task, of which nothing is reported any more."""
        ...
