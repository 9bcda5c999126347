"""The natural policy gradient's and TRPO's steps: how far the policy goes, and that it gains."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.exact import exact_gradient, policy_table
from agents.functional.natural_gradient import conjugate_gradient, flat
from agents.policy_gradient.natural import ascent_direction, estimate, fisher
from agents.policy_gradient.npg import NPG, NPGConfig
from agents.policy_gradient.trpo import TRPO, TRPOConfig
from support.gradient_estimates import policy_gradients, standard_errors_off, unequal
from textgen_env.solve import TextMDP, expected_return, kl_divergence

PLAIN: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4, "scale_advantages": False, "entropy_weight": 0.0}


def small_tiny(num_envs: int) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, vocab_size=3, max_length=3)


@pytest.mark.parametrize("kind", [NPG, TRPO])
def test_the_gradient_that_is_made_natural_is_exact(kind: Any) -> None:
    envs = small_tiny(256)
    agent = unequal(kind(envs, kind.config_class(**PLAIN, gae_lambda=1.0)))
    exact = flat(exact_gradient(agent, TextMDP.of(envs))).double().numpy()
    off, resolution = standard_errors_off(policy_gradients(agent, envs, 60), exact)
    assert off < 4
    assert resolution < 0.05
    # Without the critic's parameters, and with the sign that goes up.
    episodes = agent.gather(envs, np.ones(256, np.int64))
    found = ascent_direction(agent, estimate(agent, episodes)).numpy()
    policy = exact[: len(found)]
    assert found @ policy > 0.9 * np.linalg.norm(found) * np.linalg.norm(policy)


def test_the_natural_step_is_alpha_times_the_solution() -> None:
    envs = small_tiny(64)
    config = NPGConfig(**PLAIN, learning_rate=0.3, max_kl=1e9, cg_iterations=50)
    agent = unequal(NPG(envs, config))
    episodes = agent.gather(envs, np.ones(64, np.int64))
    found = estimate(agent, episodes)
    gradient, product = ascent_direction(agent, found), fisher(agent, found, config.damping)
    direction = conjugate_gradient(product, gradient, 50)
    assert float((product(direction) - gradient).norm()) < 1e-3 * float(gradient.norm())
    before = flat(agent.policy_parameters)
    losses = agent.learn(episodes)
    torch.testing.assert_close(flat(agent.policy_parameters) - before, 0.3 * direction, atol=1e-4, rtol=1e-2)
    assert losses["direction_norm"] == pytest.approx(float(direction.norm()), rel=1e-2)
    assert losses["kl"] == pytest.approx(0.3**2 * float(direction @ gradient) / 2, rel=1e-2)


def test_a_natural_step_that_goes_too_far_is_shortened() -> None:
    envs = small_tiny(64)
    steps = []
    for max_kl in (1e9, 1e-3):
        agent = unequal(NPG(envs, NPGConfig(**PLAIN, max_kl=max_kl)))
        before = flat(agent.policy_parameters)
        losses = agent.learn(agent.gather(envs, np.ones(64, np.int64), seed=0))
        steps.append((losses["kl"], flat(agent.policy_parameters) - before))
    (far, whole), (near, short) = steps
    assert far > near == 1e-3
    torch.testing.assert_close(short, whole * (near / far) ** 0.5, atol=1e-5, rtol=1e-3)


def test_trpo_keeps_within_its_bound_and_uses_it() -> None:
    envs = small_tiny(512)
    mdp = TextMDP.of(envs)
    agent = unequal(TRPO(envs, TRPOConfig(**PLAIN, max_kl=0.02, damping=0.001), seed=0))
    for _ in range(5):
        before = policy_table(agent, mdp)
        losses = agent.learn(agent.gather(envs, np.ones(512, np.int64)))
        after = policy_table(agent, mdp)
        assert 0.2 * 0.02 < losses["kl"] <= 0.02
        assert 1 <= losses["tried"] <= 10
        # Of whole texts, exactly; the bound is on the states that the batch went through.
        assert kl_divergence(mdp, before, after) == pytest.approx(losses["kl"], rel=0.2)
        assert expected_return(mdp, after) > expected_return(mdp, before)


def test_trpo_stays_where_no_step_gains() -> None:
    envs = small_tiny(64)
    agent = unequal(TRPO(envs, TRPOConfig(**PLAIN, backtracks=3)))
    episodes = agent.gather(envs, np.ones(64, np.int64))
    found = estimate(agent, episodes)
    before = flat(agent.policy_parameters)
    product = fisher(agent, found, agent.config.damping)
    down = -conjugate_gradient(product, ascent_direction(agent, found), 10)
    losses = agent.move(found, down, product)
    assert torch.equal(flat(agent.policy_parameters), before)
    assert losses == {"kl": pytest.approx(0, abs=1e-6), "tried": 3}


@pytest.mark.parametrize("kind", [NPG, TRPO])
def test_a_batch_that_is_not_finite_moves_neither_policy_nor_critic(kind: Any) -> None:
    envs = small_tiny(8)
    agent = kind(envs, kind.config_class(**PLAIN))
    episodes = agent.gather(envs, np.ones(8, np.int64))
    episodes.rewards[2, 0] = np.inf
    before = flat(agent.parameters)
    with np.errstate(invalid="ignore"):
        said = (
            rf"{kind.__name__}: \w+ is -?(inf|nan) in update 1; its batch: 8 texts of 1 to 3 tokens, returns \S+ to inf"
        )
        with pytest.raises(FloatingPointError, match=said):
            agent.learn(episodes)
    assert torch.equal(flat(agent.parameters), before)


@pytest.mark.parametrize("kind", [NPG, TRPO])
def test_a_direction_that_is_not_finite_moves_neither(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    envs = small_tiny(8)
    agent = kind(envs, kind.config_class(**PLAIN))
    before = flat(agent.parameters)
    monkeypatch.setattr("agents.policy_gradient.natural.conjugate_gradient", lambda product, b, iterations: b * np.nan)
    with pytest.raises(FloatingPointError, match=f"{kind.__name__}: direction_norm is nan in update 1; its batch: 8 t"):
        agent.learn(agent.gather(envs, np.ones(8, np.int64)))
    assert torch.equal(flat(agent.parameters), before)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"cg_iterations": 0}, ValueError),
        ({"damping": -0.1}, ValueError),
        ({"value_steps": 0}, ValueError),
        ({"max_kl": 0}, ValueError),
        ({"backtracks": 0}, ValueError),
        ({"shrink": 1.5}, ValueError),
        ({"learning_rate": 2}, ValueError),
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    (name,) = changes
    with pytest.raises(error, match=f"{name}={changes[name]!r}"):
        TRPOConfig(**changes)
