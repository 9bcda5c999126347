"""Task: a run, with all that a process on any machine needs to do it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.specs.experiment import Run
from benchmarks.store.lease import Lease
from textgen_env.registries import names_alone


@dataclass(frozen=True)
class Task:
    """Task: a run to be done under a lease.

    Attributes:
        out: the folder of results.
        run: what is done.
        lease: of the run's folder.
        modules: imported before: what they register can be named by the run's settings.
        untrusted: the file that the run's settings were read from, whose import paths are not followed; "" where the
            person who gives the command has named them.
    """

    out: Path
    run: Run
    lease: Lease
    modules: tuple[str, ...] = ()
    untrusted: str = ""


def execute(task: Task, tell: Callable[[int], None]) -> str | None:
    """Does a task in this process; see `benchmarks.running.job.execute`."""
    for module in task.modules:
        import_module(module)
    # torch and the agents are loaded where they are used: in the workers.
    from benchmarks.running.job import execute

    with names_alone(task.untrusted) if task.untrusted else nullcontext():
        return execute(task.out, task.run, task.lease, tell)
