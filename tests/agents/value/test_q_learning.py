"""Q-learning comes to the exact optimum, whoever writes the texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.exact import policy_table
from agents.value.q_learning import QLearning, QLearningConfig
from agents.value.sarsa import Sarsa
from support.games import share_of_a
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, backward_induction, evaluate_policy, expected_return

ALWAYS_TRYING: dict[str, Any] = {"exploration_schedule": "constant", "exploration_end": 1.0}


def rows_of(agent: Any, mdp: TextMDP) -> np.ndarray:
    return agent.rows.along(mdp.tokens, None)[np.arange(mdp.num_states), mdp.lengths]


@pytest.mark.parametrize("kind", ["tiny", "terminal", "masked"])
def test_with_steps_of_one_it_is_value_iteration(kind: str, no_repeat_task: Any) -> None:
    """Nothing in the game is random: once every token was tried often enough, Q is Q* to rounding."""
    small: dict[str, Any] = {"task": "tiny", "reward": "table", "vocab_size": 3, "max_length": 3, "num_envs": 16}
    games = {
        "tiny": TextGenVectorEnv(**small),
        "terminal": TextGenVectorEnv(**small, reward_mode="terminal", min_length=2),
        "masked": TextGenVectorEnv(no_repeat_task, share_of_a, 16, min_length=2),
    }
    envs = games[kind]
    mdp = TextMDP.of(envs, discount=0.9)
    config = QLearningConfig(**ALWAYS_TRYING, step_size_power=0.0, discount=0.9)
    agent = QLearning(envs, config, seed=0).train(envs, 8_000)
    best = backward_induction(mdp)
    at = rows_of(agent, mdp)
    np.testing.assert_allclose(agent.values[at][mdp.allowed], best.Q[mdp.allowed], atol=1e-12)
    assert (agent.visits[at][mdp.allowed] > 5).all()
    # What is not allowed was never written.
    assert not agent.visits[at][~mdp.allowed].any()
    # The test can tell: the values of the policy that wrote are others.
    wrote = evaluate_policy(mdp, mdp.uniform_policy()).Q
    assert np.abs(wrote[mdp.allowed] - best.Q[mdp.allowed]).max() > 0.05


def test_with_steps_that_shrink_it_comes_to_the_optimum_too() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=16, vocab_size=3, max_length=3)
    mdp = TextMDP.of(envs)
    agent = QLearning(envs, QLearningConfig(**ALWAYS_TRYING), seed=0).train(envs, 8_000)
    best, found = backward_induction(mdp).Q, agent.values[rows_of(agent, mdp)]
    # What an entry was told in its first m of n updates is forgotten by exp(-(n^0.2 - m^0.2) / 0.2): less than 1 / 100
    # for half of 100 updates.
    assert np.abs(found - best)[mdp.allowed].max() < 0.05
    others = Sarsa(envs, Sarsa.config_class(**ALWAYS_TRYING), seed=0).train(envs, 8_000).values
    assert np.abs(others[rows_of(agent, mdp)] - best)[mdp.allowed].max() > 0.5


def test_an_update_by_hand() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=1, vocab_size=3, max_length=3)
    agent = QLearning(envs, QLearningConfig(batch_size=1, discount=0.5, step_size=0.8, step_size_power=1.0))
    agent.values[:] = [[0, 0, 0], [9, 1, 5], [2, 3, 4], *[[0, 0, 0]] * 4]
    agent.visits[0, 1] = 1
    episodes = agent.gather(envs, np.ones(1, np.int64))
    episodes.tokens[:], episodes.lengths[:], episodes.rewards[:] = [[1, 2, 0]], 3, [[1.0, -2.0, 6.0]]

    def allowed(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return (lengths != 1)[:, None] | (np.arange(3) != 0)

    losses = agent.learn(replace(episodes, allowed_tokens=allowed))
    # The second update of (empty, 1): 0.8 / 2 of 1 + 0.5 max(1, 5); then 0.8 of -2 + 0 - 5; then 0.8 of 6.
    assert agent.values[0, 1] == pytest.approx(0.4 * 3.5)
    assert agent.values[1, 2] == pytest.approx(5 + 0.8 * (-2 - 5))
    assert agent.values[4, 0] == pytest.approx(0.8 * 6)
    assert losses["td_error"] == pytest.approx(np.sqrt((3.5**2 + 7**2 + 6**2) / 3))
    assert agent.updates == 1


def test_it_writes_the_best_text_of_tiny() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64)
    mdp = TextMDP.of(envs)
    agent = QLearning(envs, QLearningConfig(exploration_tokens=20_000), seed=100).train(envs, 30_000)
    best = float(backward_induction(mdp).V[0])
    assert 0.98 * best < expected_return(mdp, policy_table(agent, mdp)) < best
