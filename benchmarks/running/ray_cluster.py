"""Executor on a Ray cluster: a run is one task of Ray's, tried again from its checkpoint where its node is gone."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from benchmarks.running.executor import Hear, Report
from benchmarks.running.remote import ATTEMPTS, do_there, outcome_of, told_variables
from benchmarks.running.task import Task
from benchmarks.store.leases import BEATS, STALE_SECONDS
from benchmarks.store.results import MACHINE_FAILED, Failure

MOST_WORDS = 300


class RayCluster:
    """Executor whose tasks are Ray's, of one processor each, and one graphics card where the run asks for one, on
    whatever nodes see the folder of results.

    Ray is told to try nothing again by itself: the scheduler does, under another lease, so that what may still go on of
    the first attempt can write no more.

    Args:
        address: of the cluster, as `ray.init` takes it: "auto" for the one that this machine belongs to; None for one
            that is started here and ends with the block, or for the one that this process is connected to already.
        jobs: runs at a time; None for one a processor of the cluster, however many it comes to have.
        timeout: seconds that a run may take; None for any time.
        stale_after: as in `benchmarks.store.leases.Leases`.

    Raises:
        ValueError: Ray is not installed, or no cluster is there.
    """

    attempts, is_here = ATTEMPTS, False

    def __init__(
        self,
        address: str | None = None,
        jobs: int | None = None,
        timeout: float | None = None,
        stale_after: float = STALE_SECONDS,
    ) -> None:
        try:
            import ray
        except ImportError as error:
            raise ValueError(f"--executor ray: {error}; pip install 'textgen-env[ray]'") from None
        self._ray: Any = ray
        self._jobs, self.timeout, self.beat_seconds = jobs, timeout, stale_after / BEATS
        self._tasks: dict[Any, Task] = {}
        self._connected = False
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise ValueError(f"--address {address!r}: no Ray cluster answers there: {error}") from None
            self._connected = True
        self._do = ray.remote(num_cpus=1, max_retries=0)(do_there)

    @property
    def jobs(self) -> int:
        """Runs at a time."""
        if self._jobs is not None:
            return self._jobs
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._tasks.values()):
            self.cancel(task)
        if self._connected:
            self._ray.shutdown()

    def submit(self, task: Task) -> None:
        # Ray hides the graphics cards of a node from tasks that have not asked for one.
        do = self._do.options(num_gpus=1) if task.run.device.startswith("cuda") else self._do
        self._tasks[do.remote(task, self.timeout, self.beat_seconds, told_variables())] = task

    def listen(self, hear: Hear, seconds: float) -> None:
        ended, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=seconds)
        for reference in ended:
            task = self._tasks.pop(reference)
            try:
                outcome = outcome_of(self._ray.get(reference))
            except self._ray.exceptions.RayError as error:
                said = " ".join(str(error).split())[:MOST_WORDS]
                outcome = Failure(f"{MACHINE_FAILED}: Ray has lost the run: {type(error).__name__}: {said}")
            hear(Report(task, outcome=outcome))

    def cancel(self, task: Task) -> None:
        for reference in [each for each, known in self._tasks.items() if known == task]:
            del self._tasks[reference]
            self._ray.cancel(reference, force=True)
