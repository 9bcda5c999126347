"""SARSA comes to the exact values of the policy that writes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.exact import policy_table
from agents.value.sarsa import Sarsa, SarsaConfig
from support.games import share_of_a
from support.return_variances import return_variance
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, backward_induction, evaluate_policy


@pytest.mark.parametrize("kind", ["epsilon_greedy", "boltzmann", "masked"])
def test_it_comes_to_the_values_of_its_own_policy(kind: str, no_repeat_task: Any) -> None:
    masked = kind == "masked"
    envs = (
        TextGenVectorEnv(no_repeat_task, share_of_a, 16, min_length=4)
        if masked
        else gym.make_vec("TextGen-Tiny-v0", num_envs=16, vocab_size=3, max_length=3)
    )
    mdp = TextMDP.of(envs)
    config = SarsaConfig(
        exploration="epsilon_greedy" if masked else kind,  # type: ignore[arg-type]
        exploration_schedule="constant",
        exploration_end=0.5,
        step_size=1.0,
        step_size_power=0.8,
    )
    agent = Sarsa(envs, config, seed=0).train(envs, 20_000)
    policy = policy_table(agent, mdp)
    Q = evaluate_policy(mdp, policy).Q
    at = agent.rows.along(mdp.tokens, None)[np.arange(mdp.num_states), mdp.lengths]
    found, visits = agent.values[at], agent.visits[at]
    seen = mdp.allowed & (visits > 50)
    assert seen.sum() > 10
    # A step of alpha_n forgets what is older than 1 / alpha_n visits: no estimate varies more than that many returns.
    deviations = np.sqrt(agent.config.step_sizes(visits[seen]) * return_variance(mdp, policy)[1][seen])
    np.testing.assert_array_less(np.abs(found[seen] - Q[seen]), 4 * deviations + 1e-2)
    # The test can tell: the best values are others.
    best = backward_induction(mdp).Q
    assert (np.abs(best[seen] - Q[seen]) > 6 * deviations + 1e-2).any()
    assert not visits[~mdp.allowed].any()


def test_an_update_by_hand() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=1, vocab_size=3, max_length=3)
    agent = Sarsa(envs, SarsaConfig(batch_size=1, discount=0.5, step_size=0.8, step_size_power=0.0))
    agent.values[:] = [[0, 0, 0], [9, 1, 5], [2, 3, 4], *[[0, 0, 0]] * 4]
    episodes = agent.gather(envs, np.ones(1, np.int64))
    episodes.tokens[:], episodes.lengths[:], episodes.rewards[:] = [[1, 1, 3]], 2, [[1.0, -2.0, 0.0]]
    losses = agent.learn(episodes)
    assert agent.values[0, 1] == pytest.approx(0.8 * (1 + 0.5 * 1))
    assert agent.values[1, 1] == pytest.approx(1 + 0.8 * (-2 - 1))
    assert losses["td_error"] == pytest.approx(np.sqrt((1.5**2 + 3**2) / 2))


def test_it_writes_the_best_text_of_tiny() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64)
    texts = envs.unwrapped.task.all_texts()
    scores = envs.unwrapped.score(texts.tokens, texts.lengths)
    config = SarsaConfig(
        exploration="boltzmann", exploration_start=2.0, exploration_end=0.05, exploration_tokens=25_000, step_size=0.2
    )
    agent = Sarsa(envs, config, seed=100).train(envs, 35_000)
    assert np.exp(agent.log_prob(texts.tokens, texts.lengths)) @ scores > 0.98 * scores.max()
