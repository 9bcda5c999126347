"""The measure of melodies: of tasks with pitches alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.measures.measured import Measured, NotApplicable
from benchmarks.measures.measures import MEASURES
from textgen_env import BaseTask, Texts, Vocabulary
from textgen_env.tasks.music import MusicTask
from textgen_env.tasks.tiny import TinyTask

POLICY: Any = None


class Three(BaseTask):
    """Three pitches, and an end that is none."""

    vocabulary = Vocabulary(["<end>", "C4", "D4", "C5"], eos="<end>")
    max_length = 3
    pitches = np.array([-1, 60, 62, 72])


def test_ends_and_blanks_are_no_pitches() -> None:
    own = Texts(np.array([[1, 2, 0], [3, 0, 4]]), np.array([3, 2]))
    data = Texts(np.array([[2, 2, 2]]), np.array([3]))
    found = MEASURES["pitch_error"](Measured(POLICY, own, Three(), data))
    assert (found.value, found.count) == (((4 + 0) / 2 + 100) / 2, 2)


def test_tasks_without_pitches_have_none() -> None:
    task = TinyTask()
    subject = Measured(POLICY, task.test_sequences(), task, task.test_sequences())
    with pytest.raises(NotApplicable, match="the task's tokens are no pitches"):
        MEASURES["pitch_error"](subject)


def test_of_the_real_tunes(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Melodies of the data themselves, and one held at their mean pitch."""
    monkeypatch.setenv("TEXTGEN_DATA", str(data_dir))
    task = MusicTask()
    test = task.test_sequences()
    real = MEASURES["pitch_error"](Measured(POLICY, test, task, test)).value
    mean = round(float(test.tokens.mean()))
    held = Texts(np.full((2, 20), mean), np.full(2, 20))
    assert real == pytest.approx(2 * task.pitches[test.tokens].var(0).mean())
    assert MEASURES["pitch_error"](Measured(POLICY, held, task, test)).value == pytest.approx(real / 2, rel=0.01)
    assert real == pytest.approx(73.77, abs=0.01)
