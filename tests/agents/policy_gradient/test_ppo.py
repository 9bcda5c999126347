"""PPO: where its first step goes, what the clip and the passes cost in bias, and when it leaves a batch."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.exact import exact_gradient, network_logits, policy_table
from agents.functional.losses import ppo_clip_loss
from agents.functional.natural_gradient import assign, flat
from agents.policy_gradient.a2c import A2C
from agents.policy_gradient.ppo import PPO, PPOConfig
from support.gradient_estimates import flat_gradient, policy_gradients, standard_errors_off, unequal
from textgen_env.solve import TextMDP, evaluate_policy, occupancy

PLAIN: dict[str, Any] = {"embedding_size": 3, "hidden_size": 4, "scale_advantages": False}


def small_tiny(num_envs: int) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, vocab_size=3, max_length=3)


def test_its_first_step_follows_the_exact_gradient() -> None:
    envs = small_tiny(256)
    agent = unequal(PPO(envs, PPOConfig(**PLAIN, gae_lambda=1.0)))
    exact = flat(exact_gradient(agent, TextMDP.of(envs))).double().numpy()
    off, resolution = standard_errors_off(policy_gradients(agent, envs, 60), exact)
    assert off < 4
    assert resolution < 0.05


def test_it_is_biased_as_the_policy_leaves_that_which_wrote_the_texts() -> None:
    """The gradient that it expects with the right advantages of the old policy: the states are still visited as often
    as by that one, and its advantages are not the new one's."""
    mdp = TextMDP.of(small_tiny(2))
    agent = unequal(PPO(small_tiny(2), PPOConfig(**PLAIN)))
    old = policy_table(agent, mdp)
    V, Q = evaluate_policy(mdp, old)
    shares = occupancy(mdp, old)[:, None] * old
    start, way_up = flat(agent.parameters), flat(exact_gradient(agent, mdp))
    bias, held = [], []
    for step in (0.0, 0.1, 0.3, 1.0):
        assign(agent.parameters, start + step * way_up)
        weighted = torch.from_numpy((shares * (Q - V[:, None])).reshape(-1, 1)).float()
        everywhere = torch.ones(len(weighted), 1, dtype=torch.bool)
        exact = flat(exact_gradient(agent, mdp)).double().numpy()
        found = []
        for clip in (1e6, 0.2):
            log_probs = network_logits(agent.network, mdp, slice(None)).log_softmax(-1).reshape(-1, 1)
            loss = ppo_clip_loss(log_probs, torch.from_numpy(np.log(old)).reshape(-1, 1), weighted, everywhere, clip)
            found.append(-flat_gradient(agent, loss * len(log_probs)))
        bias.append(float(np.linalg.norm(found[0] - exact) / np.linalg.norm(exact)))
        held.append(float(np.linalg.norm(found[1] - exact) / np.linalg.norm(exact)))
    assert bias[0] < 1e-5
    assert held[0] < 1e-5
    assert bias[1] < bias[2] < bias[3]
    assert bias[3] > 0.1
    assert held[3] > bias[3]


def test_one_pass_over_the_whole_batch_is_the_actor_critics_step() -> None:
    envs = small_tiny(32)
    agent = unequal(PPO(envs, PPOConfig(**PLAIN, epochs=1, minibatches=1, entropy_weight=0.2)))
    episodes = agent.gather(envs, np.ones(32, np.int64))
    terms = A2C.losses(agent, episodes)
    expected = flat_gradient(agent, agent.total_loss(terms))
    losses = agent.learn(episodes)
    found = torch.cat([parameter.grad.flatten() for parameter in agent.parameters if parameter.grad is not None])
    np.testing.assert_allclose(found.double().numpy(), expected, atol=1e-5)
    assert losses["approximate_kl"] == pytest.approx(0, abs=1e-6)
    assert losses["clip_fraction"] == 0
    assert losses["entropy"] == pytest.approx(float(terms["entropy"].detach()), abs=1e-5)


def steps_on_a_batch(**changes: Any) -> tuple[int, dict[str, float], list[list[int]], Any]:
    """How many steps PPO takes on 10 texts, its losses, and the sizes of the minibatches by pass."""
    envs = small_tiny(10)
    agent = PPO(envs, PPOConfig(**{"embedding_size": 3, "hidden_size": 8, "batch_size": 10} | changes), seed=0)
    taken: list[int] = []
    whole = agent.clipped_losses

    def counted(played: Any, old: Any) -> Any:
        taken.append(len(played.tokens))
        return whole(played, old)

    agent.clipped_losses = counted  # type: ignore[method-assign]
    losses = agent.learn(agent.gather(envs, np.ones(10, np.int64)))
    each = agent.config.minibatches
    return agent.updates, losses, [taken[begun : begun + each] for begun in range(0, len(taken), each)], agent


def test_every_pass_reads_every_text_once() -> None:
    updates, losses, sizes, _ = steps_on_a_batch(epochs=3, minibatches=4)
    assert sizes == [[3, 3, 2, 2]] * 3
    assert updates == 12
    assert set(losses) == {"policy", "value", "entropy", "approximate_kl", "clip_fraction"}
    assert steps_on_a_batch(epochs=2, minibatches=100)[0] == 20


def test_a_batch_is_left_when_the_policy_has_gone_far_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    far, losses, _, _ = steps_on_a_batch(epochs=10, learning_rate=0.03)
    assert far == 40
    assert losses["clip_fraction"] > 0.1
    near, bounded, _, _ = steps_on_a_batch(epochs=10, learning_rate=0.03, target_kl=0.01)
    assert 1 < near < 40
    assert 0 < bounded["approximate_kl"] < 1.5 * 0.01 < losses["approximate_kl"]
    # The first step is always taken, whatever rounding makes of a divergence of 0.
    monkeypatch.setattr("agents.policy_gradient.ppo.approximate_kl", lambda *args: torch.tensor(1.0))
    assert steps_on_a_batch(target_kl=0.01)[0] == 1


def test_values_may_be_held_near_the_old_ones() -> None:
    def moved(**changes: Any) -> float:
        agent = steps_on_a_batch(epochs=20, value_learning_rate=0.05, center_values=False, **changes)[3]
        return float(flat(list(agent.network.value.parameters())).detach().abs().sum())

    assert moved(value_clip=0.01) < 0.5 * moved()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"epochs": 0}, ValueError),
        ({"minibatches": 1.5}, TypeError),
        ({"clip": 0}, ValueError),
        ({"value_clip": -1}, ValueError),
        ({"target_kl": 0}, ValueError),
        ({"gae_lambda": 1.5}, ValueError),
        ({"value_learning_rate": 0}, ValueError),
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    (name,) = changes
    with pytest.raises(error, match=f"{name}={changes[name]!r}"):
        PPOConfig(**changes)
