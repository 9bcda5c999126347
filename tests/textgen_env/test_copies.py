"""A copy of an environment plays on as the environment itself does, and apart from it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from textgen_env.prefixes import COMPILED_FROM

Plain = Callable[[Any], Any]
COPIES = [deepcopy, lambda env: pickle.loads(pickle.dumps(env))]


def played(envs: Any, seed: int, steps: int = 4) -> list[Any]:
    """What random tokens lead to from here on."""
    rng = np.random.default_rng(seed)
    return [envs.step(rng.integers(envs.single_action_space.n, size=envs.num_envs)) for _ in range(steps)]


@pytest.mark.parametrize("num_envs", [3, COMPILED_FROM])
@pytest.mark.parametrize("copied", COPIES, ids=["deepcopy", "pickle"])
def test_a_copy_plays_on_alone(
    env_id: str, small_kwargs: dict[str, Any], num_envs: int, copied: Any, plain: Plain
) -> None:
    envs = gym.make_vec(env_id, num_envs=num_envs, **small_kwargs)
    envs.reset(seed=0)
    played(envs, 0, steps=1)
    copy, later = copied(envs), copied(envs)
    before = plain(later.unwrapped.snapshot())
    expected = plain(played(envs, 1))
    assert plain(later.unwrapped.snapshot()) == before
    assert plain(played(copy, 1)) == expected
    assert plain(copy.unwrapped.snapshot()) == plain(envs.unwrapped.snapshot())


@pytest.mark.parametrize("copied", COPIES, ids=["deepcopy", "pickle"])
def test_a_copy_of_one_text_writes_on(copied: Any) -> None:
    env = gym.make("TextGen-Captions-v1", render_mode="ansi")
    env.reset(seed=0)
    words = env.unwrapped.task.vocabulary.encode(["a", "man", "is"])
    env.step(words[0])
    copy = copied(env)
    for token in words[1:]:
        env.step(token)
        observation = copy.step(token)[0]
    assert observation[:4].tolist() == [*words, 450]
    assert copy.render() == env.render()
