"""Executor on a Slurm cluster, by submitit: a run is one job, submitted again where it ended without an outcome."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.running.executor import Hear, Report
from benchmarks.running.remote import ATTEMPTS, do_and_write, told_variables, written_outcome
from benchmarks.running.task import Task
from benchmarks.store.leases import BEATS, STALE_SECONDS
from benchmarks.store.results import MACHINE_FAILED, Failure

JOBS = 64
"""Jobs at a time, queued or running, if nobody says otherwise."""


def parsed_parameters(texts: Iterable[str]) -> dict[str, int | str]:
    """Parameters of jobs as a person types them: "timeout_min=240", "slurm_partition=long".

    Raises:
        ValueError: another form.
    """
    found: dict[str, int | str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value) or name in found:
            raise ValueError(
                f"--slurm {text!r} must be of the form NAME=VALUE, each name once, such as timeout_min=240"
            )
        found[name] = int(value) if value.isdecimal() else value
    return found


class Slurm:
    """Executor whose tasks are Slurm's jobs, on nodes that see the folder of results.

    What a job tells it writes into the folder of its lease, as JSON: of what submitit keeps of its results, as pickle,
    nothing is read here.

    Args:
        folder: where submitit keeps what it submits, and what jobs print.
        parameters: of jobs, as `submitit.AutoExecutor.update_parameters` takes them: timeout_min, slurm_partition, ...
        jobs: at a time, queued or running.
        timeout: seconds that a run may take; None for any time.
        stale_after: as in `benchmarks.store.leases.Leases`.
        cluster: of submitit's: "slurm"; "local" for jobs on this machine.

    Raises:
        ValueError: submitit is not installed, there is no Slurm here, or parameters that it does not take.
    """

    attempts, is_here = ATTEMPTS, False

    def __init__(
        self,
        folder: Path,
        parameters: Mapping[str, Any] | None = None,
        jobs: int | None = None,
        timeout: float | None = None,
        stale_after: float = STALE_SECONDS,
        cluster: str = "slurm",
    ) -> None:
        try:
            import submitit
        except ImportError as error:
            raise ValueError(f"--executor slurm: {error}; pip install 'textgen-env[slurm]'") from None
        self.jobs = JOBS if jobs is None else jobs
        self.timeout, self.beat_seconds = timeout, stale_after / BEATS
        self._jobs: dict[str, tuple[Any, Task]] = {}
        try:
            self._submitit: Any = submitit.AutoExecutor(folder, cluster)
            self._submitit.update_parameters(**{"name": "textgen", "cpus_per_task": 1, **(parameters or {})})
        except (RuntimeError, NameError, ValueError, TypeError) as error:
            raise ValueError(f"--executor slurm: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, task in tuple(self._jobs.values()):
            self.cancel(task)

    def submit(self, task: Task) -> None:
        try:
            job = self._submitit.submit(do_and_write, task, self.timeout, self.beat_seconds, told_variables())
        except Exception as error:
            # submitit has an error of its own for a queue that refuses, which is not derived from what others are.
            raise OSError(f"Slurm takes no job: {error}") from error
        self._jobs[task.lease.token] = job, task

    def listen(self, hear: Hear, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not (ended := [token for token, (job, _) in self._jobs.items() if job.done()]):
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.2))
        for token in ended:
            job, task = self._jobs.pop(token)
            lost = Failure(f"{MACHINE_FAILED}: Slurm's job {job.job_id} ended without an outcome ({job.state})")
            outcome = written_outcome(task.lease.place)
            hear(Report(task, outcome=lost if outcome is None else outcome))

    def cancel(self, task: Task) -> None:
        found = self._jobs.pop(task.lease.token, None)
        if found is not None:
            found[0].cancel(check=False)
