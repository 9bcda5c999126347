"""TaskWithTexts: other training texts, and the same game."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np

from agents.imitation.mle import MLE, MLEConfig
from textgen_env import Task, Texts
from textgen_env.integrations.minari import TaskWithTexts

SMALL = {"train_size": 50, "test_size": 10}


def test_the_game_is_the_same_and_its_texts_are_others() -> None:
    game = gymnasium.make("TextGen-Captions-v1", **SMALL).unwrapped
    texts = game.task.test_sequences()
    other = gymnasium.make("TextGen-Captions-v1", task=TaskWithTexts(game.task, texts)).unwrapped
    assert isinstance(other.task, Task)
    assert other.observation_space == game.observation_space
    np.testing.assert_array_equal(other.task.training_sequences().tokens, texts.tokens)
    np.testing.assert_array_equal(other.score(texts.tokens, texts.lengths), game.score(texts.tokens, texts.lengths))
    assert not other.masks_anything
    copy.deepcopy(other.task)


def test_what_a_reward_asks_of_its_task_is_there() -> None:
    envs: Any = gymnasium.make_vec("TextGen-OracleSmall-v0", num_envs=4, train_size=20, test_size=20)
    task = TaskWithTexts(envs.unwrapped.task, Texts(np.full((8, 10), 7), np.full(8, 10)))
    other = gymnasium.make_vec("TextGen-OracleSmall-v0", num_envs=4, task=task)
    tokens = envs.unwrapped.task.test_sequences().tokens
    np.testing.assert_allclose(other.unwrapped.score(tokens), envs.unwrapped.score(tokens))


def test_an_agent_that_imitates_learns_the_other_texts() -> None:
    envs: Any = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=4)
    texts = Texts(np.tile([1, 2, 1, 2, 3], (32, 1)), np.full(32, 5))
    own = gymnasium.make_vec(
        "TextGen-Tiny-v0", num_envs=4, task=TaskWithTexts(envs.unwrapped.task, texts), reward="table"
    )
    agent = MLE(own, MLEConfig(embedding_size=8, hidden_size=16), seed=0).train(own, 24_000)
    drawn = agent.sample(50).tokens
    assert (drawn == [1, 2, 1, 2, 3]).all(1).mean() > 0.8
