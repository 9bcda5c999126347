"""All agents that learn from whole texts: they are resumed bit for bit, need no global randomness, keep to
masks, answer sources, name what is not finite, and find the best text."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.exact import policy_table
from agents.policy_gradient.grpo import GRPO
from agents.policy_gradient.mixer import Mixer
from agents.policy_gradient.off_policy import OffPolicy
from agents.policy_gradient.rloo import RLOO
from agents.policy_gradient.self_critical import SelfCritical
from agents.protocol import Agent
from support.games import share_copied
from support.gradient_statistics import SMALLEST
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, backward_induction, expected_return

# Annealed within a few updates, so that every phase is saved and resumed.
QUICK: dict[Any, dict[str, Any]] = {
    RLOO: {"group_size": 4},
    GRPO: {"group_size": 4},
    SelfCritical: {},
    Mixer: {"xent_updates": 2, "anneal_updates": 1},
    OffPolicy: {"refresh_every": 3, "pretrain_epochs": 1},
}
AGENTS = list(QUICK)


def small(kind: Any, envs: Any, seed: int = 0, **config: Any) -> Any:
    return kind(envs, kind.config_class(**{**SMALLEST, "batch_size": 8, **QUICK[kind], **config}), seed)


def make_envs(task: Any = None) -> Any:
    if task is None:
        return gym.make_vec("TextGen-Tiny-v0", num_envs=4, train_size=20)
    return TextGenVectorEnv(task, share_copied, 4)


def same_networks(first: Any, second: Any) -> bool:
    other = second._networks()
    return all(
        torch.equal(tensor, other[part].state_dict()[name])
        for part, network in first._networks().items()
        for name, tensor in network.state_dict().items()
    )


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("kind", AGENTS)
def test_in_segments_saved_between_them_it_goes_on_bit_for_bit(
    kind: Any, conditional: bool, echo_task: Any, tmp_path: Path
) -> None:
    task = echo_task if conditional else None
    agent = small(kind, make_envs(task), seed=1)
    assert isinstance(agent, Agent)
    resumed = small(kind, make_envs(task), seed=1)
    for _ in range(5):
        agent.train(make_envs(task), 80)
        resumed.train(make_envs(task), 80)
        resumed.save(tmp_path / "agent")
        resumed = kind.load(tmp_path / "agent")
    assert agent.tokens_generated > 100
    assert same_networks(agent, resumed)
    assert [getattr(agent, name) for name in kind.counters] == [getattr(resumed, name) for name in kind.counters]
    for ours, theirs in zip(agent.parameters, resumed.parameters, strict=True):
        one, two = agent.optimiser.state[ours], resumed.optimiser.state[theirs]
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("kind", AGENTS)
def test_training_in_parts_is_training_at_once(kind: Any, conditional: bool, echo_task: Any) -> None:
    """Through every phase of each: what is drawn once for a call of `train` would differ."""
    task = echo_task if conditional else None

    def updated(agent: Any, steps: int) -> None:
        seen: list[Any] = []
        agent.train(make_envs(task), 10_000, lambda progress: seen.append(progress) or len(seen) < steps)

    at_once, in_parts = small(kind, make_envs(task)), small(kind, make_envs(task))
    updated(at_once, 14)
    for steps in (1, 3, 5, 5):
        updated(in_parts, steps)
    assert at_once.updates == in_parts.updates == 14
    assert same_networks(at_once, in_parts)


@pytest.mark.parametrize("kind", AGENTS)
def test_same_seed_same_weights_and_no_global_randomness(kind: Any) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    first, same, other = (small(kind, make_envs(), seed).train(make_envs(), 250) for seed in (0, 0, 1))
    assert same_networks(first, same)
    assert not same_networks(first, other)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert random.getstate() == before[2]


@pytest.mark.parametrize("kind", [RLOO, GRPO, SelfCritical, OffPolicy])
def test_it_keeps_to_the_masks(kind: Any, no_repeat_task: Any) -> None:
    """A token that is not allowed would be refused by the environment."""
    envs = TextGenVectorEnv(no_repeat_task, lambda tokens, lengths, sources=None: (tokens == 2).sum(1) + 0.0, 4)
    agent = small(kind, envs, **({"pretrain_epochs": 0} if kind is OffPolicy else {}))
    agent.train(envs, 200)
    assert agent.updates > 2


@pytest.mark.parametrize("kind", AGENTS)
def test_a_reward_that_ruins_the_loss_is_named_and_changes_nothing(kind: Any) -> None:
    envs = make_envs()
    agent = small(kind, envs, **({"pretrain_epochs": 0} if kind is OffPolicy else {}))
    if kind is Mixer:
        agent.updates = 100
    losses = agent.losses
    agent.losses = lambda episodes: {name: term * float("nan") for name, term in losses(episodes).items()}
    before = {name: tensor.clone() for name, tensor in agent.network.state_dict().items()}
    with pytest.raises(FloatingPointError, match=rf"{kind.__name__}: policy is nan in update "):
        agent.train(envs, 100)
    assert all(torch.equal(tensor, before[name]) for name, tensor in agent.network.state_dict().items())


@pytest.mark.parametrize("kind", AGENTS)
def test_rewards_that_are_not_finite_are_named_before_anything_is_learned(kind: Any) -> None:
    envs = make_envs()
    agent = small(kind, envs, **({"pretrain_epochs": 0} if kind is OffPolicy else {}))
    if kind is Mixer:
        agent.updates = 100
    gather, updates = agent.gather, agent.updates

    def spoilt(*args: Any) -> Any:
        episodes = gather(*args)
        rewards = np.ones_like(episodes.rewards)
        rewards[3, 1] = float("inf")
        return replace(episodes, rewards=rewards)

    agent.gather = spoilt
    before = {name: tensor.clone() for name, tensor in agent.network.state_dict().items()}
    said = (
        rf"{kind.__name__}: the reward of token 1 of text 3 is inf in update {updates + 1}; of the batch's \d+ rewards "
    )
    with pytest.raises(FloatingPointError, match=said):
        agent.train(envs, 100)
    assert all(torch.equal(tensor, before[name]) for name, tensor in agent.network.state_dict().items())
    assert agent.updates == updates


@pytest.mark.parametrize("kind", AGENTS)
def test_it_writes_the_best_text_of_tiny(kind: Any) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=64)
    mdp = TextMDP.of(envs)
    tokens = {RLOO: 30_000, OffPolicy: 30_000, SelfCritical: 100_000}.get(kind, 60_000)
    agent = kind(envs, seed=0).train(envs, tokens)
    best = float(mdp.start @ backward_induction(mdp).V)
    assert expected_return(mdp, policy_table(agent, mdp)) > 0.95 * best
