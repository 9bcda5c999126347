"""Simulation of many machines: 10,000 runs, 256 workers, and failures of all kinds; the scheduler, the leases and the
folders are the real ones, what a run does is made up."""

from __future__ import annotations

import heapq
import random
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.running.executor import Hear, Report
from benchmarks.running.task import Task
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.store.results import MACHINE_FAILED, Failure, Point, Reference, Result
from benchmarks.store.run_folder import AGENT, CONFIG, ERROR, write_result, write_sealed

POINTS = 20
SEQUENCES = 64
# Of the runs' attempts: a machine that goes, with the run or between two of its writes; a fault of the run's own.
GONE, FAULT = 0.05, 0.01


def experiment(algorithms: int, seeds: int) -> Experiment:
    """So many runs of each kind; half of the algorithms start from another."""
    rows = [
        Algorithm(f"A{number}", "reinforce", 1_000, init_from="" if number % 2 == 0 else f"A{number - 1}")
        for number in range(algorithms)
    ]
    return Experiment(
        "scale",
        "a simulation",
        "TextGen-OracleSmall-v0",
        tuple(rows),
        seeds=tuple(range(seeds)),
        evaluation=Evaluation(points=POINTS, measures=("nll_oracle", "nll_test", "distinct_2")),
        compared_with="A0",
    )


def made_up(task: Task) -> Result:
    """A result as a run would leave it, of numbers that are the run's own."""
    draws = random.Random(task.run.name)
    curve = tuple(
        Point(50 * n, 0, 0.1 * n, n + draws.gauss(-70, 1), 0, "", {"loss": draws.random()}, {"nll_oracle": 7 - n / 9})
        for n in range(POINTS + 1)
    )
    measures = {"nll_oracle": draws.gauss(6, 1), "nll_test": draws.gauss(5, 1), "distinct_2": draws.random()}
    return Result(
        curve,
        curve[-1].mean_return,
        1.0,
        measures,
        {"nll_test": 0.01},
        tuple(round(draws.gauss(6, 1), 4) for _ in range(SEQUENCES)),
        {},
        {"greedy": Reference("greedy", -20.0), "data": Reference("data", -40.0)},
        4.0,
        ("a made up text",) * 5,
        1.0,
        {"textgen-env": "0"},
        oracle_entropy_error=0.01,
    )


class SimulatedMachines:
    """Executor whose tasks take no time, but a time of their own that is made up, by which they end; and fail.

    Args:
        jobs: workers.
        seed: of what happens to them.
    """

    attempts, is_here = 4, True

    def __init__(self, jobs: int, seed: int = 0) -> None:
        self.jobs = jobs
        self.draws = random.Random(seed)
        self.begun = self.lost = self.most = 0
        self._now = 0.0
        self._tasks: list[tuple[float, int, Task]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.clear()

    def submit(self, task: Task) -> None:
        self.begun += 1
        heapq.heappush(self._tasks, (self._now + self.draws.expovariate(1.0), self.begun, task))
        self.most = max(self.most, len(self._tasks))

    def listen(self, hear: Hear, seconds: float) -> None:
        self._now, _, task = heapq.heappop(self._tasks)
        folder, lease = task.out / task.run.name, task.lease
        chance = self.draws.random()
        write_sealed(folder / CONFIG, task.run.to_config(), lease)
        if chance < GONE:
            self.lost += 1
            hear(Report(task, outcome=Failure(f"{MACHINE_FAILED}: the machine is gone")))
        elif chance < GONE + FAULT:
            failure = Failure("ValueError: a fault of the run's own")
            write_sealed(folder / ERROR, failure.to_json(), lease)
            hear(Report(task, outcome=failure.error))
        else:
            lease.write_whole(folder / AGENT, partial(Path.write_bytes, data=task.run.name.encode()))
            write_result(folder, made_up(task), lease)
            hear(Report(task, outcome=""))

    def cancel(self, task: Task) -> None:
        self._tasks = [each for each in self._tasks if each[2] != task]
        heapq.heapify(self._tasks)
