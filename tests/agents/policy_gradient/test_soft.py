"""The soft policy gradient: its gradient is exact, its noise vanishes at the optimum, and it comes to it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.exact import exact_gradient, policy_table
from agents.functional.natural_gradient import flat
from agents.policy_gradient.soft import SoftPolicyGradient, SoftPolicyGradientConfig
from support.games import constant, share_copied
from support.gradient_estimates import flat_gradient, policy_gradients, standard_errors_off, unequal
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, kl_divergence, solve

SMALL: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4}


@pytest.mark.parametrize(
    ("credit", "baseline", "temperature"),
    [("whole", "batch_mean", 1.0), ("reward_to_go", "batch_mean", 0.4), ("whole", "learned", 0.4)],
)
def test_the_gradient_is_that_of_return_and_entropy(credit: Any, baseline: Any, temperature: float) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=256, vocab_size=3, max_length=3)
    entropies: dict[str, Any] = {"temperature": temperature / 2, "entropy_weight": temperature / 2}
    config = SoftPolicyGradientConfig(**SMALL, **entropies, entropy_half_life=None, credit=credit, baseline=baseline)
    agent = unequal(SoftPolicyGradient(envs, config))
    mdp = TextMDP.of(envs)
    exact = flat(exact_gradient(agent, mdp, temperature)).double().numpy()
    found = policy_gradients(agent, envs, 60)
    off, resolution = standard_errors_off(found, exact)
    assert off < 4
    assert resolution < 0.1
    assert standard_errors_off(found, flat(exact_gradient(agent, mdp)).double().numpy())[0] > 10


def test_at_the_optimum_no_text_moves_it() -> None:
    """Of a constant reward the uniform policy."""
    envs = TextGenVectorEnv("oracle", constant, 32, vocab_size=4, max_length=3, train_size=1, test_size=1)
    for credit in ("whole", "reward_to_go"):
        agent = SoftPolicyGradient(envs, SoftPolicyGradientConfig(credit=credit))  # type: ignore[arg-type]
        with torch.no_grad():
            agent.network.decoder.output.weight.zero_()
        policy = agent.losses(agent.gather(envs, np.ones(32, np.int64)))["policy"]
        assert np.abs(flat_gradient(agent, policy)).max() < 1e-5


def test_it_comes_to_the_soft_optimum_of_tiny() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=32, vocab_size=3, max_length=4)
    mdp = TextMDP.of(envs)
    config = SoftPolicyGradientConfig(batch_size=32, entropy_half_life=2_000)
    agent = SoftPolicyGradient(envs, config, seed=0).train(envs, 30_000)
    assert kl_divergence(mdp, policy_table(agent, mdp), solve(envs, temperature=1.0).policy) < 0.02


def test_of_the_oracles_likelihood_it_recovers_the_oracle() -> None:
    envs = gym.make_vec("TextGen-Oracle-v0", num_envs=64, vocab_size=4, max_length=3, train_size=1, test_size=1)
    mdp = TextMDP.of(envs)
    oracle = solve(envs, temperature=1.0)
    assert oracle.optimum == pytest.approx(0, abs=1e-4)  # log Z of probabilities
    agent = SoftPolicyGradient(envs, seed=0)
    first = kl_divergence(mdp, policy_table(agent, mdp), oracle.policy)
    agent.train(envs, 40_000)
    assert first > 1
    assert kl_divergence(mdp, policy_table(agent, mdp), oracle.policy) < 0.01


def test_it_answers_its_source_as_varied_as_it_is_paid_for(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 64)
    mdp = TextMDP.of(envs)
    config = SoftPolicyGradientConfig(hidden_size=24, temperature=0.3, entropy_weight=0.0, baseline="learned")
    agent = SoftPolicyGradient(envs, config, seed=0)
    optimum = solve(envs, temperature=0.3).policy
    first = kl_divergence(mdp, policy_table(agent, mdp), optimum)
    agent.train(envs, 8_000)
    assert kl_divergence(mdp, policy_table(agent, mdp), optimum) < 0.6 * first


def test_under_masks_only_what_is_allowed_counts(no_repeat_task: Any) -> None:
    envs = TextGenVectorEnv(no_repeat_task, constant, 64)
    mdp = TextMDP.of(envs)
    agent = SoftPolicyGradient(envs, SoftPolicyGradientConfig(hidden_size=16, entropy_weight=0.0), seed=0)
    optimum = solve(envs, temperature=1.0).policy
    first = kl_divergence(mdp, policy_table(agent, mdp), optimum)
    agent.train(envs, 6_000)
    assert kl_divergence(mdp, policy_table(agent, mdp), optimum) < 0.3 * first


def test_the_learning_rate_fades_by_half() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=2)
    agent = SoftPolicyGradient(envs, SoftPolicyGradientConfig(**SMALL, learning_rate=0.4, learning_rate_half_life=100))
    agent.tokens_generated = 200
    agent.learn(agent.gather(envs, np.ones(2, np.int64)))
    assert agent.optimiser.param_groups[0]["lr"] == pytest.approx(0.1)
    constant = SoftPolicyGradient(envs, SoftPolicyGradientConfig(**SMALL, learning_rate_half_life=None))
    constant.tokens_generated = 10**9
    constant.learn(constant.gather(envs, np.ones(2, np.int64)))
    assert constant.optimiser.param_groups[0]["lr"] == 0.01


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"temperature": 0}, ValueError),
        ({"temperature": "1"}, TypeError),
        ({"credit": "all"}, ValueError),
        ({"baseline": "none"}, ValueError),
        ({"learning_rate_half_life": 0}, ValueError),
        ({"entropy_weight": -0.1}, ValueError),
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    (name,) = changes
    with pytest.raises(error, match=f"{name}={changes[name]!r}"):
        SoftPolicyGradientConfig(**changes)
