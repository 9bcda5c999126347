"""Rules of every adversarial agent: the game's masks, what of the reward it teaches, what it spends."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from agents.adversarial.gumbel_softmax import GumbelSoftmax, GumbelSoftmaxConfig
from agents.adversarial.seqgan import SeqGAN, SeqGANConfig
from agents.exact import estimated_gradient, exact_gradient
from support.adversarial_agents import DISCRIMINATOR, SMALL, small_agent, small_envs
from support.games import constant
from support.gradient_statistics import Deviations, estimates, gradient_of
from textgen_env import combine
from textgen_env.rewards.discriminator import DiscriminatorReward
from textgen_env.solve import TextMDP

GUMBEL = GumbelSoftmaxConfig(**{name: value for name, value in SMALL.items() if name != "rollouts"})


@pytest.mark.parametrize("rollouts", [0, 2])
def test_under_masks_the_gradient_is_that_of_the_game(rollouts: int) -> None:
    envs = small_envs("table", vocab_size=3, max_length=3, min_length=2)
    agent = small_agent(envs, rollouts=rollouts, initial_std=0.7, batch_size=32)
    count = np.full(4, 8)
    losses = (agent.policy_loss(envs, count, seed)[0] for seed in range(80))
    expected = gradient_of(exact_gradient(agent, TextMDP.of(envs)))
    found = Deviations.of(estimates(agent, losses), expected)
    assert found.largest < 4
    assert found.noise < 0.2


@pytest.mark.parametrize(("kind", "config"), [(SeqGAN, SeqGANConfig(**SMALL)), (GumbelSoftmax, GUMBEL)])
def test_masks_hold_for_all_that_is_written(kind: Any, config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts for the discriminator and roll-outs are longer than `min_length`, as those of the game are."""
    envs = small_envs(min_length=3)
    taught, core = envs.unwrapped.reward, envs.unwrapped.core
    seen: list[np.ndarray] = []
    update, score = type(taught).update, core.score
    monkeypatch.setattr(type(taught), "update", lambda *a, **k: (seen.append(a[1].lengths), update(*a, **k))[1])
    monkeypatch.setattr(core, "score", lambda *args: (seen.append(args[1]), score(*args))[1])
    agent = kind(envs, config)
    steps = itertools.count(1)
    agent.train(envs, 10**6, lambda _: next(steps) < 12)
    assert agent.adversarial_steps
    written = np.concatenate(seen)
    assert written.min() == 4
    assert set(map(len, seen)) >= {config.d_samples}, "a set has as many texts as it should"


def test_of_a_sum_of_rewards_the_part_that_learns_is_taught() -> None:
    def envs_of(*parts: Any, **kwargs: Any) -> Any:
        return small_envs(combine(*((1.0, part) for part in parts)), **kwargs)

    quick = {name: DISCRIMINATOR[name] for name in ("embedding_size", "widths", "counts", "batch_size")}
    learning = DiscriminatorReward(auto_update=False, **quick)
    envs = envs_of(combine((2.0, constant), (1.0, learning)), constant)
    agent = small_agent(envs, pretrain_epochs=0)
    steps = itertools.count(1)
    agent.train(envs, 10**6, lambda _: next(steps) < 4)
    part = envs.unwrapped.reward.parts[0][1].parts[1][1]
    assert agent.d_steps_taken == 3
    assert part.learner.steps_taken == 15
    with pytest.raises(ValueError, match=r"learns by itself .* 'auto_update': False"):
        small_agent(envs).train(envs_of(DiscriminatorReward(**quick), constant), 10)
    with pytest.raises(ValueError, match="2 parts of their reward learn, but SeqGAN teaches one"):
        small_agent(envs).train(envs_of(learning, learning), 10)


def test_estimating_a_gradient_spends_nothing_of_the_budget() -> None:
    for reward, kind, config in (("table", SeqGAN, SeqGANConfig(**SMALL)), ("discriminator", GumbelSoftmax, GUMBEL)):
        agent = kind(small_envs(reward), config)
        found = estimated_gradient(agent, small_envs(reward), 8)
        assert found.tokens > 0
        assert agent.tokens_spent == 0
