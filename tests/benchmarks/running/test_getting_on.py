"""Runs on machines that go again and again: one that gets on is not given up, and how far it has come is heard of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from benchmarks.running import job, sharing
from benchmarks.running.executor import Event, Hear, Report
from benchmarks.running.scheduler import run_experiment
from benchmarks.running.task import Task, execute
from benchmarks.store.checkpoints import progress_of
from benchmarks.store.results import MACHINE_FAILED, Failure
from benchmarks.store.run_folder import AGENT, read_state
from support.tiny_experiment import MICRO, do

POINTS = 4
LEARNING = replace(
    MICRO,
    algorithms=tuple(each for each in MICRO.algorithms if each.label == "REINFORCE"),
    evaluation=replace(MICRO.evaluation, points=POINTS),
    baseline="",
    compared_with="",
    expected_shares={},
)
(LABEL,) = (each.label for each in LEARNING.algorithms)


def without_times(value: Any) -> Any:
    """JSON values without what the wall clock says."""
    if isinstance(value, dict):
        return {name: without_times(each) for name, each in value.items() if "seconds" not in name}
    return [without_times(each) for each in value] if isinstance(value, list | tuple) else value


class Gone(BaseException):
    """The machine has gone."""


class Fleeting:
    """Executor of machines that go, each after so many checkpoints.

    Args:
        survived: checkpoints that a machine writes before it goes.
    """

    jobs, attempts, is_here = 1, 2, False

    def __init__(self, survived: int) -> None:
        self.survived, self.begun = survived, 0
        self.task: Task | None = None
        self.outcome: str | Failure | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def submit(self, task: Task) -> None:
        self.task, self.outcome = task, None
        self.begun += 1

    def listen(self, hear: Hear, seconds: float) -> None:
        if self.task is None:
            return
        if self.outcome is not None:
            task, self.task = self.task, None
            hear(Report(task, outcome=self.outcome))
            return
        try:
            self.outcome = self._done(self.task)
        except Gone:
            self.outcome = Failure(f"{MACHINE_FAILED}: the machine has gone")

    def cancel(self, task: Task) -> None:
        self.task = None

    def _done(self, task: Task) -> str:
        left = self.survived

        def write(*given: Any) -> None:
            nonlocal left
            if not left:
                raise Gone
            left -= 1
            kept(*given)

        kept = job.write_run_checkpoint
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(job, "write_run_checkpoint", write)
            return execute(task, lambda tokens: None) or ""


def test_a_run_that_gets_on_is_not_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LOOK_ELSEWHERE_SECONDS", 0.0)
    do(LEARNING, tmp_path / "here")
    where, heard = Fleeting(1), list[Event]()
    run_experiment(LEARNING, tmp_path / "there", 0, heard.append, notify=lambda words: None, executor=where)
    kinds = [event.kind for event in heard]
    assert kinds[-1] == "finished"
    assert where.begun > where.attempts, "more machines went than attempts are had at one point"
    told = [event.tokens for event in heard if event.kind == "advanced"]
    assert len(set(told)) >= POINTS - 1
    assert told == sorted(told), "as far as the checkpoints had come"
    run = Path(LEARNING.name) / LABEL / "seed-0"
    one, other = (read_state(tmp_path / place / run).result for place in ("here", "there"))
    assert one is not None
    assert other is not None
    assert without_times(one.to_json()) == without_times(other.to_json())
    agents = [(tmp_path / place / run / AGENT).read_bytes() for place in ("here", "there")]
    assert agents[0] == agents[1]


def test_a_run_that_does_not_is_given_up(tmp_path: Path) -> None:
    where, heard = Fleeting(0), list[Event]()
    run_experiment(LEARNING, tmp_path, 0, heard.append, notify=lambda words: None, executor=where)
    assert where.begun == where.attempts
    assert (heard[-1].kind, "the machine has gone" in heard[-1].message) == ("failed", True)
    assert progress_of(tmp_path / LEARNING.name / LABEL / "seed-0") == (0, 0)
