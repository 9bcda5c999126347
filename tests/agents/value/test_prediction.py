"""Prediction comes to the exact values of the policy that writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.baselines.uniform import Uniform
from agents.data.episodes import play
from agents.data.text_batch import TextBatch
from agents.exact import policy_table
from agents.functional.returns import reward_to_go
from agents.value.mc_prediction import MCPrediction, MCPredictionConfig
from agents.value.td_prediction import TDPrediction, TDPredictionConfig
from support.games import share_of_a
from support.lambda_returns import lambda_returns
from support.return_variances import return_variance
from support.text_sums import random_policy
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, evaluate_policy

AGENTS = [
    (MCPrediction, MCPredictionConfig()),
    (TDPrediction, TDPredictionConfig()),
    (TDPrediction, TDPredictionConfig(trace_decay=0.6)),
]


def small_envs(**kwargs: Any) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=16, vocab_size=3, max_length=3, **kwargs)


def played(envs: Any, count: int, seed: int = 0) -> TextBatch:
    return play(Uniform(envs, seed=seed).predict, envs, np.full(envs.num_envs, count), masked=True)


def alone(episodes: TextBatch, text: int) -> TextBatch:
    """One of them."""
    parts = (getattr(episodes, name)[[text]] for name in ("tokens", "lengths", "rewards"))
    return TextBatch(*parts)


def test_monte_carlo_is_as_far_from_the_values_as_its_errors_say() -> None:
    envs = small_envs()
    mdp = TextMDP.of(envs, discount=0.8)
    policy = random_policy(mdp)
    agent = MCPrediction(envs, MCPredictionConfig(discount=0.8), seed=0)
    agent.set_policy(policy, mdp.tokens, mdp.lengths)
    agent.train(envs, 20_000)
    V = evaluate_policy(mdp, policy).V
    errors = np.sqrt(return_variance(mdp, policy)[0] / agent.visits)
    assert (agent.visits > 100).all()
    z = (agent.values_after(mdp.tokens, mdp.lengths) - V) / errors
    assert np.abs(z).max() < 4
    assert np.sqrt(np.square(z).mean()) > 0.2
    # The test can tell.
    wrong = evaluate_policy(mdp, mdp.uniform_policy()).V
    assert (np.abs(wrong - V) > 10 * errors).any()


@pytest.mark.parametrize("trace_decay", [0.0, 0.6])
@pytest.mark.parametrize("kind", ["tiny", "masked"])
def test_temporal_differences_come_to_the_values(kind: str, trace_decay: float, no_repeat_task: Any) -> None:
    envs = small_envs() if kind == "tiny" else TextGenVectorEnv(no_repeat_task, share_of_a, 16)
    mdp = TextMDP.of(envs)
    policy = random_policy(mdp)
    agent = TDPrediction(envs, TDPredictionConfig(trace_decay=trace_decay), seed=0)
    agent.set_policy(policy, mdp.tokens, mdp.lengths)
    agent.train(envs, 25_000)
    at = agent.rows.along(mdp.tokens, None)[np.arange(mdp.num_states), mdp.lengths]
    visits = agent.visits[at]
    seen = visits > 50
    assert seen.sum() > 6
    V = evaluate_policy(mdp, policy).V
    # A step of alpha_n forgets what is older than 1 / alpha_n visits: no estimate varies more than that many returns.
    deviations = np.sqrt(agent.config.step_sizes(visits[seen]) * return_variance(mdp, policy)[0][seen])
    found = agent.values_after(mdp.tokens, mdp.lengths)[seen]
    np.testing.assert_array_less(np.abs(found - V[seen]), 4 * deviations + 1e-9)
    wrong = evaluate_policy(mdp, mdp.uniform_policy()).V[seen]
    assert (np.abs(wrong - V[seen]) > 6 * deviations).any()


@pytest.mark.parametrize("trace_decay", [0.0, 0.6, 1.0])
def test_td_lambda_moves_towards_the_lambda_return(trace_decay: float) -> None:
    """Backward and forward view are one and the same where no prefix comes twice in a text."""
    envs = small_envs()
    agent = TDPrediction(envs, TDPredictionConfig(trace_decay=trace_decay, discount=0.9, step_size=0.7))
    rng = np.random.default_rng(0)
    agent.values[:] = rng.normal(size=agent.values.shape)
    agent.visits[:] = rng.integers(5, size=agent.visits.shape)
    episodes = played(envs, 2)
    for text in range(len(episodes.tokens)):
        one = alone(episodes, text)
        length = int(one.lengths[0])
        rows = agent.rows.along(one.tokens, None)
        returns = lambda_returns(one.rewards, agent.values[rows], one.lengths, trace_decay, 0.9)
        rows = rows[0, :length]
        steps = 0.7 / (agent.visits[rows] + 1) ** 0.8
        expected = agent.values.copy()
        expected[rows] += steps * (returns[0, :length] - expected[rows])
        agent.learn(one)
        np.testing.assert_allclose(agent.values, expected, atol=1e-14)


def test_td_one_is_monte_carlo() -> None:
    envs = small_envs()
    config: dict[str, Any] = {"step_size": 0.5, "step_size_power": 0.6, "discount": 0.9}
    td = TDPrediction(envs, TDPredictionConfig(**config, trace_decay=1.0), seed=3).train(envs, 2_000)
    mc = MCPrediction(envs, MCPredictionConfig(**config), seed=3).train(envs, 2_000)
    np.testing.assert_allclose(td.values, mc.values, atol=1e-12)
    np.testing.assert_array_equal(td.visits, mc.visits)
    assert np.abs(td.values).min() > 0


def test_monte_carlo_with_steps_of_one_over_n_is_the_mean() -> None:
    envs = small_envs()
    agent = MCPrediction(envs)
    episodes = played(envs, 30)
    losses = agent.learn(episodes)
    returns = reward_to_go(episodes.rewards, episodes.lengths)
    assert agent.values[0] == pytest.approx(returns[:, 0].mean())
    begins = (episodes.tokens[:, 0] == 2) & (episodes.lengths > 1)
    assert agent.values[2] == pytest.approx(returns[begins, 1].mean())
    assert agent.visits[[0, 2]].tolist() == [480, begins.sum()]
    assert losses["error"] > 0


def test_errors_reported_are_those_before_the_update() -> None:
    envs = small_envs()
    episodes = played(envs, 1)
    one = alone(episodes, 0)
    paid = one.rewards[0, : one.lengths[0]]
    assert TDPrediction(envs).learn(one)["td_error"] == pytest.approx(np.sqrt(np.square(paid).mean()))
    to_go = reward_to_go(one.rewards, one.lengths)[0, : one.lengths[0]]
    assert MCPrediction(envs).learn(one)["error"] == pytest.approx(np.sqrt(np.square(to_go).mean()))


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_the_policy_is_the_one_given(kind: Any, config: Any, tmp_path: Path) -> None:
    envs = small_envs()
    mdp = TextMDP.of(envs)
    agent = kind(envs, config)
    np.testing.assert_allclose(policy_table(agent, mdp), 1 / 3)
    policy = random_policy(mdp)
    agent.train(envs, 300)
    agent.set_policy(policy, mdp.tokens, mdp.lengths)
    assert not agent.visits.any()
    assert agent.values.any()
    np.testing.assert_allclose(policy_table(agent, mdp), policy)
    observation, _ = envs.reset()
    assert (agent.predict(observation, deterministic=True)[0] == policy[0].argmax()).all()
    agent.save(tmp_path / "agent")
    np.testing.assert_array_equal(kind.load(tmp_path / "agent").policy, agent.policy)


def test_the_policy_is_shared_out_among_what_is_allowed() -> None:
    envs = small_envs()
    mdp = TextMDP.of(envs)
    agent = TDPrediction(envs)
    agent.set_policy(np.tile([0.2, 0.8, 0.0], (mdp.num_states, 1)), mdp.tokens, mdp.lengths)
    blank = np.full((3, 3), 3)
    masks = np.array([[True, False, True], [False, False, True], [True, True, False]])
    found = agent.masked_probabilities(blank, np.zeros(3, np.int64), None, masks)
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 0, 1], [0.2, 0.8, 0]])
    with pytest.raises(ValueError, match="action_masks: row 1 allows no token"):
        agent.predict(blank, action_masks=masks & [[True], [False], [True]])


def test_policies_that_are_none_are_refused() -> None:
    envs = small_envs()
    mdp = TextMDP.of(envs)
    agent = TDPrediction(envs)
    good = mdp.uniform_policy()
    for bad, said in [
        (good[:, :2], r"policy has shape \(7, 2\), expected \(7, 3\)"),
        (good * 2, r"policy\[0\]=.* must be probabilities >= 0 that add up to 1"),
        (good + np.array([0.5, -0.5, 0.0]), r"policy\[0\]=.* must be probabilities"),
        (good * np.nan, r"policy\[0\]=.* must be probabilities"),
    ]:
        with pytest.raises(ValueError, match=said):
            agent.set_policy(bad, mdp.tokens, mdp.lengths)
    for tokens, lengths in (
        (mdp.tokens[:, :2], mdp.lengths),
        (mdp.tokens, mdp.lengths + 3),
        (mdp.tokens, mdp.lengths - 1),
    ):
        with pytest.raises(ValueError, match=r"expected prefixes \(K, 3\) and \(K,\) lengths from 0 to 2"):
            agent.set_policy(good, tokens, lengths)
    with pytest.raises(ValueError, match="unconditional"):
        agent.set_policy(good, mdp.tokens, mdp.lengths, np.zeros((7, 1), np.int64))
    for value in (-0.1, 1.1):
        with pytest.raises(ValueError, match=f"trace_decay={value}"):
            TDPredictionConfig(trace_decay=value)
