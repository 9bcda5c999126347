"""Advantage actor-critic, and what PPO, the natural policy gradient and TRPO share with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.baselines.uniform import Uniform
from agents.data.episodes import evaluate, play
from agents.exact import exact_gradient, network_logits, policy_table
from agents.functional.natural_gradient import flat
from agents.policy_gradient.a2c import A2C, A2CConfig
from agents.policy_gradient.npg import NPG
from agents.policy_gradient.ppo import PPO
from agents.policy_gradient.trpo import TRPO
from support.games import share_copied
from support.gradient_estimates import flat_gradient, policy_gradients, standard_errors_off, unequal
from support.text_batches import forbids, masks_of
from textgen_env import BaseTask, TextGenVectorEnv
from textgen_env.solve import TextMDP, backward_induction, evaluate_policy, expected_return, occupancy

PLAIN: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4, "scale_advantages": False}
AGENTS = [A2C, PPO, NPG, TRPO]
LEARNS: dict[Any, tuple[int, dict[str, Any]]] = {
    A2C: (10_000, {}),
    PPO: (20_000, {"batch_size": 128, "learning_rate": 0.005}),
    NPG: (15_000, {"batch_size": 64}),
    TRPO: (20_000, {}),
}


def small_tiny(num_envs: int) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, vocab_size=3, max_length=3)


def lambda_advantages(mdp: TextMDP, policy: np.ndarray, values: np.ndarray, lambda_: float) -> np.ndarray:
    """E[A_t | s_t, x_t] of generalised advantages (S, V), by recursion from the longest prefixes."""
    found = np.zeros(mdp.allowed.shape)
    for level in reversed(mdp.levels):
        following, goes_on = mdp.next_state[level], mdp.next_state[level] >= 0
        ahead = np.where(goes_on, values[following], 0)
        later = np.where(goes_on, (policy * found).sum(1)[following], 0)
        found[level] = mdp.rewards[level] + ahead - values[level, None] + lambda_ * later
    return found


def gradient_with(agent: Any, mdp: TextMDP, advantages: np.ndarray) -> np.ndarray:
    """sum_s d(s) sum_a pi(a|s) A(s, a) grad log pi(a|s), (P,)."""
    policy = policy_table(agent, mdp)
    weights = torch.from_numpy(occupancy(mdp, policy)[:, None] * policy * advantages).float()
    return flat_gradient(agent, (weights * network_logits(agent.network, mdp, slice(None)).log_softmax(-1)).sum())


def critic_of(agent: Any, mdp: TextMDP) -> np.ndarray:
    """What the value head says of every state (S,)."""
    hidden = agent.network.hidden(torch.from_numpy(mdp.tokens), None)[torch.arange(mdp.num_states), mdp.lengths]
    return agent.network.values(hidden).detach().double().numpy()


@pytest.mark.parametrize("center", [True, False])
def test_with_lambda_1_the_gradient_is_exact_whatever_the_critic_says(center: bool) -> None:
    envs = small_tiny(256)
    agent = unequal(A2C(envs, A2CConfig(**PLAIN, gae_lambda=1.0, center_values=center)))
    exact = flat(exact_gradient(agent, TextMDP.of(envs))).double().numpy()
    off, resolution = standard_errors_off(policy_gradients(agent, envs, 80), exact)
    assert off < 4
    assert resolution < 0.05


def test_with_less_the_gradient_is_as_biased_as_the_critic_is_wrong() -> None:
    envs = small_tiny(256)
    mdp = TextMDP.of(envs)
    agent = unequal(A2C(envs, A2CConfig(**PLAIN, gae_lambda=0.5, center_values=False)))
    policy = policy_table(agent, mdp)
    exact = flat(exact_gradient(agent, mdp)).double().numpy()
    biased = gradient_with(agent, mdp, lambda_advantages(mdp, policy, critic_of(agent, mdp), 0.5))
    found = policy_gradients(agent, envs, 80)
    assert standard_errors_off(found, biased)[0] < 4
    assert standard_errors_off(found, exact)[0] > 10
    bias = [
        np.linalg.norm(gradient_with(agent, mdp, lambda_advantages(mdp, policy, critic_of(agent, mdp), each)) - exact)
        for each in (0.0, 0.5, 0.9, 1.0)
    ]
    assert bias[0] > bias[1] > bias[2] > 0.01 * np.linalg.norm(exact)
    assert bias[3] < 1e-5 * np.linalg.norm(exact)
    # With the right values there is none, whatever lambda is.
    right = lambda_advantages(mdp, policy, evaluate_policy(mdp, policy).V, 0.5)
    np.testing.assert_allclose(gradient_with(agent, mdp, right), exact, rtol=1e-4, atol=1e-6)


def test_the_critic_learns_the_values_and_leaves_the_policy_alone() -> None:
    envs = small_tiny(64)
    mdp = TextMDP.of(envs)
    config = A2CConfig(hidden_size=32, center_values=False, gae_lambda=1.0, value_learning_rate=0.1)
    agent = unequal(A2C(envs, config))
    right = evaluate_policy(mdp, policy_table(agent, mdp)).V
    before = policy_table(agent, mdp)
    error = np.abs(critic_of(agent, mdp) - right).max()
    for _ in range(200):
        value = agent.losses(agent.gather(envs, np.ones(64, np.int64)))["value"]
        agent.gradient_step(value, {"value": value})
    np.testing.assert_array_equal(policy_table(agent, mdp), before)
    assert error > 1
    assert np.abs(critic_of(agent, mdp) - right)[occupancy(mdp, before) > 0.05].max() < 0.15


def test_a_far_critic_does_not_slow_the_policy() -> None:
    """The critic's gradient is shortened, and the policy's with it or not."""
    envs = small_tiny(32)
    ways = []
    for factor in (1.0, 1e6):
        agent = unequal(A2C(envs, A2CConfig(**PLAIN, max_grad_norm=50.0), seed=0))
        terms = agent.losses(agent.gather(envs, np.ones(32, np.int64), seed=0))
        agent.gradient_step(terms["policy"] + factor * terms["value"], terms)
        critic = flat([parameter.grad for parameter in agent.network.value.parameters()])
        ways.append((flat([parameter.grad for parameter in agent.policy_parameters]), float(critic.norm())))
    (way, near), (same, far) = ways
    assert torch.equal(way, same)
    assert near < far == pytest.approx(50.0, rel=1e-4)


@pytest.mark.parametrize("kind", AGENTS)
def test_it_writes_the_best_text_of_tiny(kind: Any) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64, max_length=4)
    mdp = TextMDP.of(envs)
    tokens, changes = LEARNS[kind]
    config = kind.config_class(hidden_size=32, entropy_half_life=3_000, **changes)
    agent = kind(envs, config, seed=0).train(envs, tokens)
    assert expected_return(mdp, policy_table(agent, mdp)) > 0.98 * float(mdp.start @ backward_induction(mdp).V)


@pytest.mark.parametrize("kind", AGENTS)
def test_what_masks_forbid_has_no_gradient(kind: Any) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=16)
    agent = unequal(kind(envs, kind.config_class(**PLAIN)))
    played = play(Uniform(envs, seed=1).predict, envs, np.ones(16, np.int64))
    kept = replace(played, tokens=np.where(played.tokens == 3, 1, played.tokens), allowed_tokens=forbids(3, 4))
    terms = agent.losses(kept)
    for name in ("policy", "entropy"):
        (gradient,) = torch.autograd.grad(terms[name], agent.network.decoder.output.bias, retain_graph=True)
        assert gradient[3] == 0, name
        assert (gradient[:3] != 0).all(), name
    before = agent.network.decoder.output.bias.detach().clone()
    agent.learn(kept)
    moved = agent.network.decoder.output.bias.detach() != before
    assert moved.tolist() == [True, True, True, False]
    assert not masks_of(kept, 4)[:, 0, 3].any()


@pytest.mark.parametrize("kind", AGENTS)
def test_it_answers_its_source(kind: Any, echo_task: BaseTask) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 64, reward_mode="dense")
    config = kind.config_class(hidden_size=24, entropy_weight=0.05)
    if kind is NPG:
        # Its steps are as long as the rewards are large, and these are shares.
        config = replace(config, learning_rate=1.0)
    agent = kind(envs, config, seed=0)
    random = evaluate(agent.predict, envs, 400).returns.mean()
    agent.train(envs, 8_000)
    assert evaluate(agent.predict, envs, 400).returns.mean() > random + 0.15
