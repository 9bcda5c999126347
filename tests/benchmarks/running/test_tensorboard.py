"""Event files for TensorBoard."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.running import scheduler as run
from benchmarks.running import tensorboard
from benchmarks.running.tensorboard import ADVICE, EVENTS, EventLog
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.store.results import Point

POINTS = (Point(0, 0, 0.0, -3.0), Point(64, 2, 0.5, -2.0, 8, "mle", {"nll": 1.5}, {"nll_oracle": 2.5}))


def test_a_run_has_one_event_file_however_often_it_was_interrupted(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for points in (POINTS[:1], POINTS):
        log = EventLog(tmp_path)
        for point in points:
            log.add(point)
        log.close()
    (file,) = tmp_path.glob(EVENTS)
    found = accumulators.EventAccumulator(str(file)).Reload()
    scalars = {name: [(e.step, e.value) for e in found.Scalars(name)] for name in found.Tags()["scalars"]}
    assert scalars == {
        "return": [(0, -3.0), (74, -2.0)],
        "loss/nll": [(74, 1.5)],
        "measure/nll_oracle": [(74, 2.5)],
    }


def test_without_tensorboard_it_is_said_once_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (run, tensorboard):
        monkeypatch.setattr(module, "is_installed", lambda: False)
    rows = tuple(Algorithm(label, "uniform", num_envs=4) for label in ("A", "B"))
    experiment = Experiment("x", "d", "TextGen-Tiny-v0", rows, seeds=(0,), evaluation=Evaluation(1, 4, 4, 4, 1))
    words: list[str] = []
    run.run_experiment(experiment, tmp_path, 0, lambda event: None, notify=words.append)
    assert words == [ADVICE]
    assert "pip install" in ADVICE
    assert not list(tmp_path.rglob("events*"))
    EventLog(tmp_path).add(POINTS[0])
