"""Small games of every kind, and policies to try on them."""

from __future__ import annotations

from typing import Any

import pytest

from support.games import share_copied, share_of_a
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP


@pytest.fixture(params=["tiny", "min_length", "no end", "one token", "bleu", "masked", "conditional"])
def game(request: pytest.FixtureRequest, no_repeat_task: Any, echo_task: Any) -> dict[str, Any]:
    """Arguments of an environment, but for the reward mode."""
    small = {"task": "tiny", "reward": "table", "vocab_size": 3, "max_length": 4}
    games: dict[str, dict[str, Any]] = {
        "tiny": small,
        "min_length": small | {"min_length": 2},
        "no end": {"task": "oracle", "reward": "likelihood", "vocab_size": 3, "max_length": 3},
        "one token": small | {"vocab_size": 1, "max_length": 3},
        "bleu": small | {"reward": "bleu", "train_size": 20},
        "masked": {"task": no_repeat_task, "reward": share_of_a, "min_length": 3},
        "conditional": {"task": echo_task, "reward": share_copied},
    }
    return games[request.param]


@pytest.fixture(params=["terminal", "dense"])
def mode(request: pytest.FixtureRequest) -> str:
    """Each reward mode."""
    return str(request.param)


@pytest.fixture
def envs(game: dict[str, Any], mode: str) -> TextGenVectorEnv:
    """One row of the game."""
    return TextGenVectorEnv(**game, reward_mode=mode)


@pytest.fixture
def mdp(envs: TextGenVectorEnv) -> TextMDP:
    """The game, whose later rewards count less."""
    return TextMDP.of(envs, discount=0.8)
