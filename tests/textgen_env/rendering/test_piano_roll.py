"""Piano rolls in images: a bar a note, where its key has its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textgen_env import BaseTask, GenerationCore, Vocabulary
from textgen_env.rendering.frames import INK, MARGIN, TEXT_BOTTOM, TEXT_TOP, WIDTH, render_row
from textgen_env.rendering.piano_roll import KEYS, LABELS, melody_of
from textgen_env.rewards.base import FunctionReward
from textgen_env.tasks.pitches import LOWEST, NAMES

pytest.importorskip("PIL")
DARK = np.array([int(INK[at : at + 2], 16) for at in (1, 3, 5)])
LEFT, RIGHT = MARGIN + LABELS, WIDTH - MARGIN


class Keys(BaseTask):
    """Any keys, and an end."""

    vocabulary = Vocabulary([*NAMES, "<end>"], eos="<end>")
    max_length = 8
    pitches = np.append(np.arange(LOWEST, LOWEST + 88), -1)


def drawn(keys: list[int]) -> np.ndarray:
    core = GenerationCore(Keys(), FunctionReward(lambda tokens, lengths, sources=None: np.zeros(len(tokens))))
    core.reset()
    for key in keys:
        core.step([key])
    image = render_row(core, 0, "rgb_array")
    assert image.shape == (360, 640, 3)
    assert (image[TEXT_TOP - 4 : TEXT_BOTTOM + 4] != 255).any()
    return (image[:290] == DARK).all(2)


def centre(bars: np.ndarray) -> tuple[float, float]:
    rows, columns = bars.nonzero()
    return float(rows.mean()), float(columns.mean())


@pytest.mark.parametrize("key", [0, 40, 87])
@pytest.mark.parametrize("before", [0, 3])
def test_a_bar_stands_at_its_key_and_step(key: int, before: int) -> None:
    bars = drawn([20] * before + [key]) & ~drawn([20] * before) if before else drawn([key])
    y, x = centre(bars)
    height, width = (TEXT_BOTTOM - TEXT_TOP) / KEYS, (RIGHT - LEFT) / Keys.max_length
    assert y == pytest.approx(TEXT_BOTTOM - (key + 0.5) * height, abs=2)
    assert x == pytest.approx(LEFT + (before + 0.5) * width, abs=4)


def test_a_held_key_is_one_bar() -> None:
    held, apart = drawn([40, 40, 40]), drawn([40, 42, 40])
    row = held.any(1).nonzero()[0][0]
    columns = held[row].nonzero()[0]
    assert (np.diff(columns) == 1).all()
    assert len(columns) == pytest.approx(3 * (RIGHT - LEFT) / 8, abs=3)
    assert apart.any(1).sum() > held.any(1).sum()


def test_the_end_token_is_no_note() -> None:
    np.testing.assert_array_equal(drawn([40, 88]), drawn([40]))
    assert not drawn([]).any()
    task: Any = Keys()
    assert melody_of(task, np.array([3, 4, 88, 89])).tolist() == [24, 25]
    assert melody_of(task, np.array([3, 4, 89, 89])).tolist() == [24, 25]
    assert melody_of(task, np.array([3, 4])).tolist() == [24, 25]
