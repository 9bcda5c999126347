"""MIXER: which tokens are true and which are the policy's own, and what either teaches."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.data.training_texts import TrainingTexts
from agents.exact import exact_gradient
from agents.policy_gradient.mixer import Mixer, MixerConfig
from agents.protocol import Progress
from support.games import share_copied
from support.gradient_statistics import SMALLEST, Deviations, estimates, gradient_of, unequal
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP

PLAIN: dict[str, Any] = {**SMALLEST, "scale_advantages": False}


def small_envs(num_envs: int = 128, **kwargs: Any) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, vocab_size=3, max_length=3, **kwargs)


def batch_of(agent: Mixer, envs: Any, size: int) -> Any:
    return TrainingTexts(envs, agent.spec, size, 0, torch.device("cpu")).batch(0)


def test_the_true_part_falls_by_schedule() -> None:
    config = MixerConfig(xent_updates=4, anneal_updates=2, anneal_step=2)
    assert [config.true_tokens(updates, 5) for updates in range(12)] == [5, 5, 5, 5, 3, 3, 1, 1, 0, 0, 0, 0]


def test_at_the_end_of_its_annealing_it_is_reinforce() -> None:
    """With a value head that says something wrong: the gradient is unbiased all the same."""
    envs = small_envs()
    agent = unequal(Mixer(envs, MixerConfig(**PLAIN), seed=0))
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs))[:-2])
    quota = np.ones(128, np.int64)
    losses = (agent.losses(agent.gather(envs, quota))["policy"] for _ in range(80))
    found = Deviations.of(estimates(agent, losses), exact)
    assert found.largest < 4
    assert found.noise < 0.12


def test_before_its_end_it_is_biased_towards_texts_begun_as_the_true_ones() -> None:
    envs = small_envs()
    agent = unequal(Mixer(envs, MixerConfig(**PLAIN), seed=0))
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs))[:-2])
    batch = batch_of(agent, envs, 128)
    losses = (agent.losses(agent.continuations(envs, batch, 1))["policy"] for _ in range(60))
    assert Deviations.of(estimates(agent, losses), exact).largest > 8


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_own_continuations_follow_the_true_prefix_of_their_source(echo_task: Any, mode: str) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 5, autoreset_mode=mode)
    agent = Mixer(envs, MixerConfig(**PLAIN), seed=0)
    batch = batch_of(agent, envs, 39)
    mixed = agent.continuations(envs, batch, 2, seed=0)
    true, lengths = batch.tokens, batch.lengths
    np.testing.assert_array_equal(mixed.tokens[:, :2], true[:, :2])
    np.testing.assert_array_equal(mixed.sources, batch.sources)
    short = lengths <= 2
    assert 0 < short.sum() < 39
    np.testing.assert_array_equal(mixed.tokens[short], true[short])
    assert not mixed.rewards[short].any()
    assert not mixed.rewards[:, :2].any()
    assert (mixed.tokens[~short] != true[~short]).any()
    assert mixed.source_rows is not None
    scores = envs.unwrapped.score(mixed.tokens, mixed.lengths, mixed.source_rows)
    np.testing.assert_allclose(mixed.returns[~short], scores[~short])
    np.testing.assert_array_equal(mixed.lengths, agent.spec.vocabulary.lengths(mixed.tokens))
    assert mixed.tokens_written >= (mixed.lengths - 2)[~short].sum()


def test_the_loss_is_cross_entropy_before_and_reinforce_after() -> None:
    envs = small_envs(8)
    agent = unequal(Mixer(envs, MixerConfig(**PLAIN, value_weight=3.0, entropy_weight=0.0), seed=0))
    mixed = agent.continuations(envs, batch_of(agent, envs, 8), 1)
    with torch.no_grad():
        terms = agent.losses(mixed)
    hidden = agent.network.hidden(torch.from_numpy(mixed.tokens), None).detach()
    log_probs = agent.network.logits(hidden).log_softmax(-1).detach()
    values = agent.network.values(hidden).detach()
    nll = policy = value = 0.0
    count = 0
    for n, length in enumerate(mixed.lengths):
        nll -= float(log_probs[n, 0, mixed.tokens[n, 0]]) / 8
        for t in range(1, length):
            to_go = mixed.rewards[n, t:].sum()
            policy -= float(log_probs[n, t, mixed.tokens[n, t]]) * (to_go - float(values[n, t])) / 8
            value += (to_go - float(values[n, t])) ** 2 / 2
            count += 1
    assert float(terms["nll"]) == pytest.approx(nll, rel=1e-4)
    assert float(terms["policy"]) == pytest.approx(policy, rel=1e-4, abs=1e-5)
    assert float(terms["value"]) == pytest.approx(value / count, rel=1e-4)
    assert float(agent.total_loss(terms)) == pytest.approx(nll + policy + 3 * value / count, rel=1e-4)


def test_scaled_advantages_are_those_of_the_own_tokens() -> None:
    """The true tokens before them do not count: their loss is what it is for the continuations alone."""
    envs = small_envs(8)
    agent = unequal(Mixer(envs, MixerConfig(**SMALLEST), seed=0))
    seen: list[np.ndarray] = []
    agent.float_tensor = lambda array: seen.append(array) or torch.from_numpy(array).float()  # type: ignore[method-assign,func-returns-value]
    mixed = agent.continuations(envs, batch_of(agent, envs, 8), 1)
    agent.losses(mixed)
    own = (np.arange(3) >= 1) & (np.arange(3) < mixed.lengths[:, None])
    assert np.square(seen[0][own]).mean() == pytest.approx(1)


def test_phases_and_what_they_count(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 4)
    config = MixerConfig(**SMALLEST, batch_size=8, xent_updates=2, anneal_updates=1, anneal_step=2)
    seen: list[Progress] = []
    Mixer(envs, config).train(envs, 10**6, lambda progress: len(seen.append(progress) or seen) < 5)  # type: ignore[func-returns-value]
    assert [p.phase for p in seen] == ["mle", "mle", "mixed", "reinforce", "reinforce"]
    assert [set(p.losses) for p in seen[1:4]] == [
        {"nll"},
        {"nll", "policy", "value", "entropy"},
        {"policy", "value", "entropy"},
    ]
    assert np.isnan([p.mean_return for p in seen[:2]]).all()
    assert np.isfinite([p.mean_return for p in seen[2:]]).all()
    assert [p.tokens_generated > 0 for p in seen] == [False, False, True, True, True]
    assert seen[1].tokens_read < seen[2].tokens_read == seen[1].tokens_read + 16 == seen[4].tokens_read


def test_texts_too_short_to_go_on_are_read_alone() -> None:
    envs = small_envs(4)
    agent = Mixer(envs, MixerConfig(**PLAIN), seed=0)
    batch = batch_of(agent, envs, 64)
    shortest = int(batch.lengths.min())
    only = batch.take(np.flatnonzero(batch.lengths == shortest))
    mixed = agent.continuations(envs, only, shortest)
    assert mixed.given is not None
    assert (mixed.given == mixed.lengths).all()
    assert mixed.tokens_written == 0
    assert all(torch.isfinite(term) for term in agent.losses(mixed).values())


@pytest.mark.parametrize(
    "wrong", [{"xent_updates": -1}, {"anneal_updates": 0}, {"anneal_step": 0}, {"value_weight": -1.0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}={next(iter(wrong.values()))}"):
        MixerConfig(**wrong)
