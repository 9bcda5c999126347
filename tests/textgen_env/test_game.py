"""The game as every view has it, through whatever wraps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecMonitor

from textgen_env import TextGame, text_game
from textgen_env.sb3 import make_sb3_vec_env

ID = "TextGen-Captions-v1"
VIEWS: dict[str, Callable[..., Any]] = {
    "env": lambda **kwargs: gym.wrappers.RecordEpisodeStatistics(gym.make(ID, **kwargs)),
    "vector": lambda **kwargs: gym.wrappers.vector.RecordEpisodeStatistics(gym.make_vec(ID, num_envs=3, **kwargs)),
    "sb3": lambda **kwargs: VecMonitor(make_sb3_vec_env(ID, num_envs=3, **kwargs)),
    "sb3 row": lambda **kwargs: make_sb3_vec_env(ID, num_envs=3, **kwargs).rows[1],
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_game_is_reached_through_wrappers(view: str) -> None:
    game: TextGame = text_game(VIEWS[view](min_length=3))
    texts = game.task.training_sequences()
    assert (game.reward.name, game.reward_mode) == ("bleu", "terminal")
    np.testing.assert_array_equal(game.score(texts.tokens[:4], texts.lengths[:4]), 1.0)
    assert game.masks_anything
    assert not text_game(VIEWS[view]()).masks_anything
    eos = game.task.vocabulary.eos_id
    assert eos is not None
    allowed = game.allowed_tokens(texts.tokens[:2], np.array([2, 3]))
    assert allowed is not None
    assert allowed[:, eos].tolist() == [False, True]
    assert text_game(VIEWS[view]()).allowed_tokens(texts.tokens[:2], np.array([2, 3])) is None


@pytest.mark.parametrize(("view", "rows"), [("env", 1), ("vector", 3), ("sb3", 3), ("sb3 row", 1)])
def test_generators_are_put_back(view: str, rows: int) -> None:
    envs = VIEWS[view]()
    if view != "sb3 row":
        envs.reset()
    game = text_game(envs)
    core = envs.unwrapped.core if hasattr(envs, "unwrapped") else envs.core
    first = 1 if view == "sb3 row" else 0
    core.generators[first].random()
    kept = game.generator_states()
    assert len(kept) == rows
    drawn = core.generators[first].random()
    game.set_generator_states(kept)
    assert core.generators[first].random() == drawn


def test_another_environment_is_no_game() -> None:
    with pytest.raises(TypeError, match=r"must be an environment of texts, such as .*; got CartPoleEnv"):
        text_game(gym.make("CartPole-v1"))
