"""A run of an algorithm of Stable-Baselines3: in one go."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.evaluation.evaluator import Evaluator
from benchmarks.policies.sb3 import SB3Adapter
from benchmarks.running.job import Tell, result_of
from benchmarks.running.tensorboard import EventLog
from benchmarks.running.training import CurveRecorder, train_at_once
from benchmarks.specs.experiment import Run
from benchmarks.store.results import Measurement, Point, Result


class SB3Job:
    """Nothing is kept of it under way: one that was interrupted begins anew (see `SB3Adapter`)."""

    def __init__(self, out: Path, run: Run, tell: Tell) -> None:
        self.evaluator = Evaluator(run)
        self.adapter = SB3Adapter(run)
        self.events = EventLog(out / run.name)
        self.recorder = CurveRecorder(run, self.evaluator, self.adapter, tell, self.events.add)

    @property
    def curve(self) -> tuple[Point, ...]:
        """So far."""
        return tuple(self.recorder.points)

    def perform(self) -> Result:
        """Trains and measures; see `benchmarks.running.job.Job`."""
        try:
            train_at_once(self.adapter, self.recorder)
        finally:
            self.events.close()
        begun = time.perf_counter()
        final = self.evaluator.finish(self.adapter)
        return result_of(self.evaluator, self.recorder, final, time.perf_counter() - begun)

    def last_finite(self) -> Measurement | None:
        """None: no policy is kept."""
        return None
