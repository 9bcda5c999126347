"""AgileRL: its PPO, its advantages, its masks."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from support.client_scripts import curve
from textgen_env import wrappers

pytest.importorskip("agilerl", reason="AgileRL is not installed: make clients makes an environment for it")
# Libraries warn of their own affairs.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_ppo_learns_what_is_paid_at_a_texts_end() -> None:
    returns = [mean for _, mean in curve("agilerl_ppo", "TextGen-NumberWords-v0", 15_000)]
    # Uniform tokens earn 0.025, with a standard error of 0.004 of a hundred texts; AgileRL's own advantages stay there.
    assert returns[0] < 0.045
    assert returns[-1] > 0.08


def advantages(use_gae: bool) -> Any:
    """Those of a text of three tokens, whose last earns 1, and of the first two of the next; values of 0."""
    from agilerl.components.rollout_buffer import RolloutBuffer

    space = gymnasium.spaces.Box(0, 1, (1,))
    buffer = RolloutBuffer(5, space, gymnasium.spaces.Discrete(2), gamma=1.0, gae_lambda=1.0, use_gae=use_gae)
    for reward, done in [(0, False), (0, False), (1, True), (0, False), (0, False)]:
        zero = np.zeros(1)
        buffer.add(zero[None], zero, np.array([reward]), np.array([done]), zero, zero, zero[None])
    buffer.compute_returns_and_advantages(np.zeros(1), np.zeros(1))
    return buffer.buffer["advantages"].squeeze(-1).tolist()


def test_its_gae_credits_the_last_token_alone() -> None:
    # Once this fails, AgileRL reads the flags rightly: the page and the script may take its GAE.
    assert advantages(use_gae=True) == [0, 0, 1, 0, 0]


def test_its_monte_carlo_returns_credit_every_token() -> None:
    assert advantages(use_gae=False) == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("name", ["DQN", "PPO"])
def test_masks_are_obeyed(name: str) -> None:
    from agilerl import algorithms

    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=64, min_length=3, autoreset_mode="SameStep")
    masked = wrappers.vector.ActionMaskInfo(wrappers.vector.OneHotObservation(envs))
    agent = getattr(algorithms, name)(masked.single_observation_space, masked.single_action_space)
    observations, info = masked.reset(seed=0)
    mask = info["action_mask"]
    assert not mask.all()
    drawn = {"epsilon": 1.0} if name == "DQN" else {}
    answer = agent.get_action(observations, action_mask=mask, **drawn)
    tokens = np.asarray(answer[0] if isinstance(answer, tuple) else answer).reshape(-1)
    assert mask[np.arange(64), tokens].all()
    assert len(set(tokens.tolist())) > 1


def test_its_dqn_refuses_a_mask_of_bools() -> None:
    from agilerl.algorithms import DQN

    agent = DQN(gymnasium.spaces.Box(0, 1, (3,)), gymnasium.spaces.Discrete(2))
    with pytest.raises(RuntimeError, match="bool"):
        agent.get_action(np.zeros((1, 3), np.float32), action_mask=np.array([[True, False]]))
