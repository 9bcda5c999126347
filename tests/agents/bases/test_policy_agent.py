"""Learning of all agents with a policy: saving, determinism, progress."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.imitation.mle import MLE, MLEConfig
from support.policy_agents import AGENTS, SMALL, make_envs, weights_of
from textgen_env import BaseTask


def same_weights(first: Any, second: Any) -> bool:
    other = weights_of(second)
    return all(torch.equal(parameter, other[name]) for name, parameter in weights_of(first).items())


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_a_loaded_agent_goes_on_bit_for_bit(kind: Any, config: Any, task: BaseTask | None, tmp_path: Path) -> None:
    envs = make_envs(task)
    agent = kind(envs, config, seed=1).train(envs, 300)
    agent.save(tmp_path / "agent")
    loaded = kind.load(tmp_path / "agent")
    assert (loaded.spec, loaded.config, loaded.updates) == (agent.spec, agent.config, agent.updates)
    assert (loaded.tokens_generated, loaded.tokens_read) == (agent.tokens_generated, agent.tokens_read)
    assert same_weights(agent, loaded)
    sources = None if task is None else task.sources.tokens[:9]  # type: ignore[union-attr]
    for one, two in zip(agent.sample(9, sources), loaded.sample(9, sources), strict=True):
        np.testing.assert_array_equal(one, two)
    agent.train(envs, 300)
    assert not same_weights(agent, loaded)
    loaded.train(make_envs(task), 300)
    assert same_weights(agent, loaded)


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_an_imitators_policy_is_adopted_whatever_is_learned_beside_it(kind: Any, config: Any) -> None:
    """A value head reads the policy's features without changing them; one that the other has not stays as it is."""
    envs = make_envs()
    imitator = MLE(envs, MLEConfig(**SMALL)).train(envs, 500)
    agent = kind(envs, config)
    agent.initialise_from(imitator)
    texts = imitator.sample(9)
    np.testing.assert_array_equal(agent.log_prob(*texts[:2]), imitator.log_prob(*texts[:2]))
    assert agent.tokens_read == imitator.tokens_read
    agent.train(envs, 300)
    assert not same_weights(agent, imitator)


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_training_in_parts_is_training_at_once(kind: Any, config: Any, task: BaseTask | None) -> None:
    def updated(agent: Any, updates: int) -> None:
        left = [updates]

        def goes_on(progress: object) -> bool:
            left[0] -= 1
            return left[0] > 0

        agent.train(make_envs(task), 10_000, goes_on)

    at_once, in_parts = kind(make_envs(task), config), kind(make_envs(task), config)
    updated(at_once, 5)
    for updates in (1, 3, 1):
        updated(in_parts, updates)
    assert at_once.updates == in_parts.updates
    assert same_weights(at_once, in_parts)


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_same_seed_same_weights_and_no_global_randomness(kind: Any, config: Any, task: BaseTask | None) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    first, same, other = (kind(make_envs(task), config, seed).train(make_envs(task), 300) for seed in (0, 0, 1))
    assert same_weights(first, same)
    assert not same_weights(first, other)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert random.getstate() == before[2]


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_looking_at_an_agent_does_not_change_how_it_learns(kind: Any, config: Any) -> None:
    envs = make_envs()
    watched, alone = kind(envs, config), kind(envs, config)
    observation, _ = make_envs().reset()

    def look(progress: object) -> None:
        watched.predict(observation)
        watched.sample(3)

    watched.train(envs, 200, look)
    alone.train(envs, 200)
    assert same_weights(watched, alone)


@pytest.mark.parametrize(("kind", "config"), AGENTS)
def test_progress_and_stopping(kind: Any, config: Any) -> None:
    envs = make_envs()
    agent = kind(envs, config)
    seen: list[Any] = []
    assert agent.train(envs, 500, seen.append) is agent
    counted = [p.tokens_generated + p.tokens_read for p in seen]
    assert counted == sorted(set(counted))
    assert counted[-2] < 500 <= counted[-1]
    assert np.isnan(seen[-1].mean_return) == (kind is MLE)
    assert all(isinstance(value, float) for p in seen for value in p.losses.values())
    assert agent.updates % len(seen) == 0  # some take several steps on a batch
    updates: list[Any] = []
    agent.train(envs, 10_000, lambda progress: updates.append(progress) or len(updates) < 3)
    assert len(updates) == 3
    assert updates[0].tokens_generated + updates[0].tokens_read > counted[-1]
