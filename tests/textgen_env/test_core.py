"""The core by itself: rows that are played apart, and what it keeps of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textgen_env import GenerationCore
from textgen_env.rewards.base import FunctionReward
from textgen_env.rewards.table import TableReward
from textgen_env.tasks.tiny import TinyTask


def kept(core: GenerationCore) -> dict[str, Any]:
    """What is known of each row."""
    names = ("tokens", "lengths", "running", "ended", "last_rewards", "returns")
    return {name: getattr(core, name).tolist() for name in names}


def token_sum(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    """The sum of the ids written."""
    return np.where(np.arange(tokens.shape[1]) < lengths[:, None], tokens, 0).sum(1)


@pytest.fixture(params=["terminal", "dense"])
def core(request: pytest.FixtureRequest) -> GenerationCore:
    """Three rows of at most three tokens, paid their sum."""
    return GenerationCore(TinyTask(4, 3), FunctionReward(token_sum), 3, reward_mode=request.param)


def test_rows_are_played_apart(core: GenerationCore) -> None:
    dense = core.reward_mode == "dense"
    nothing = {"ended": [False] * 3, "last_rewards": [0.0] * 3, "returns": [0.0] * 3}
    blank = [4, 4, 4]
    assert kept(core) == nothing | {"tokens": [blank] * 3, "lengths": [0] * 3, "running": [False] * 3}
    core.reset(np.array([2, 0]))
    assert kept(core) == nothing | {"tokens": [blank] * 3, "lengths": [0] * 3, "running": [True, False, True]}

    moved = core.step([3, 1], np.array([2, 0]))
    assert moved.finished is None
    assert moved.terminated.tolist() == [False] * 3
    assert moved.rewards.tolist() == ([1.0, 0.0, 3.0] if dense else [0.0] * 3)
    moved = core.step([0, 2], np.array([2, 0]))
    assert moved.terminated.tolist() == [False, False, True]
    assert moved.rewards.tolist() == ([2.0, 0.0, 0.0] if dense else [0.0, 0.0, 3.0])
    assert moved.finished is not None
    assert [field.tolist() for field in moved.finished[:4]] == [[2], [[3, 0, 4]], [2], [True]]
    assert {name: values.tolist() for name, values in moved.finished.terms.items()} == {"token_sum": [3.0]}
    assert kept(core) == {
        "tokens": [[1, 2, 4], blank, [3, 0, 4]],
        "lengths": [2, 0, 2],
        "running": [True, False, False],
        "ended": [False, False, True],
        "last_rewards": [2.0, 0.0, 0.0] if dense else [0.0, 0.0, 3.0],
        "returns": [3.0 if dense else 0.0, 0.0, 3.0],
    }

    core.reset(np.array([2]), prefix=[1])
    core.step([2], np.array([2]))
    assert core.returns.tolist() == ([3.0, 0.0, 2.0] if dense else [0.0] * 3)
    core.reset(np.array([2]))
    assert (core.last_rewards[2], core.returns[2]) == (0.0, 0.0)
    assert core.tokens[2].tolist() == blank


def test_what_a_row_earned_is_kept_apart_from_what_was_returned(core: GenerationCore) -> None:
    core.reset()
    moved = core.step([1, 0, 3])
    before = kept(core)
    for array in (moved.rewards, moved.terminated, *moved.finished[:4]):
        array[...] = 0
    assert kept(core) == before


def test_a_step_of_no_rows_does_nothing(core: GenerationCore) -> None:
    core.reset()
    before = kept(core)
    none = np.zeros(0, np.int64)
    moved = core.step(none, none)
    assert (moved.rewards.tolist(), moved.terminated.tolist(), moved.finished) == ([0.0] * 3, [False] * 3, None)
    assert kept(core) == before


def test_finished_texts_stay_as_they_were() -> None:
    buffer = np.zeros(1)

    def into_the_buffer(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        buffer[:] = token_sum(tokens, lengths)
        return buffer

    core = GenerationCore(TinyTask(), FunctionReward(into_the_buffer, "sum"))
    finished = []
    for token in (1, 2):
        core.reset(prefix=[token])
        finished.append(core.step([0]).finished)
    assert [f.terms["sum"].tolist() for f in finished] == [[1.0], [2.0]]
    assert [f.tokens.tolist() for f in finished] == [[[1, 0, 4, 4, 4]], [[2, 0, 4, 4, 4]]]


def test_the_game_is_told_in_words() -> None:
    core = GenerationCore(TinyTask(), TableReward())
    assert core.game == "TinyTask of 4 tokens, max_length=5, reward 'table', reward_mode='dense'"
