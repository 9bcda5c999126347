"""Self-critical training: compared with the greedy text of the same source, by an unbiased gradient."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents.exact import exact_gradient, policy_table
from agents.policy_gradient.self_critical import SelfCritical, SelfCriticalConfig
from support.games import share_copied
from support.gradient_statistics import SMALLEST, Deviations, estimates, gradient_of, unequal
from textgen_env import TextGenVectorEnv
from textgen_env.solve import TextMDP, greedy_texts

PLAIN: dict[str, Any] = {**SMALLEST, "scale_advantages": False}


@pytest.mark.parametrize("discount", [1.0, 0.5])
def test_the_gradient_is_that_of_the_expected_return(discount: float) -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=128, vocab_size=3, max_length=3)
    agent = unequal(SelfCritical(envs, SelfCriticalConfig(**PLAIN, discount=discount), seed=0))
    exact = gradient_of(exact_gradient(agent, TextMDP.of(envs, discount)))
    quota = np.ones(128, np.int64)
    deviations = Deviations.of(
        estimates(agent, (agent.losses(agent.gather(envs, quota))["policy"] for _ in range(60))), exact
    )
    assert deviations.largest < 4
    assert deviations.noise < 0.1


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_each_text_is_compared_with_the_greedy_one_of_its_source(echo_task: Any, mode: str) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 5, autoreset_mode=mode)
    mdp = TextMDP.of(envs)
    agent = unequal(SelfCritical(envs, SelfCriticalConfig(**PLAIN), seed=0))
    played = agent.gather(envs, np.full(5, 3), seed=0)
    assert played.source_rows is not None
    assert len(np.unique(played.source_rows)) > 3
    greedy = greedy_texts(mdp, policy_table(agent, mdp))
    assert greedy.sources is not None
    returns = dict(zip(greedy.sources.tolist(), envs.unwrapped.score(*greedy), strict=True))
    np.testing.assert_allclose(played.greedy_returns, [returns[row] for row in played.source_rows.tolist()])
    assert len(np.unique(played.greedy_returns)) > 1
    # Both kinds of texts were written in the environment.
    lengths = dict(zip(greedy.sources.tolist(), greedy.lengths.tolist(), strict=True))
    both = played.lengths.sum() + sum(lengths[row] for row in played.source_rows.tolist())
    assert played.tokens_written >= both


def test_without_sources_there_is_one_greedy_text_which_all_rows_write() -> None:
    envs = gym.make_vec("TextGen-Tiny-v0", num_envs=4)
    mdp = TextMDP.of(envs)
    agent = unequal(SelfCritical(envs, SelfCriticalConfig(**PLAIN), seed=0), seed=5)
    greedy = greedy_texts(mdp, policy_table(agent, mdp))
    played = agent.gather(envs, np.full(4, 2), seed=0)
    np.testing.assert_allclose(played.greedy_returns, np.full(8, envs.unwrapped.score(*greedy[:2])[0]))
    assert played.tokens_written >= played.lengths.sum() + 4 * greedy.lengths[0]


def test_the_greedy_texts_keep_to_the_masks(no_repeat_task: Any) -> None:
    envs = TextGenVectorEnv(no_repeat_task, lambda tokens, lengths, sources=None: lengths.astype(float), 4)
    agent = unequal(SelfCritical(envs, SelfCriticalConfig(**PLAIN), seed=0))
    mdp = TextMDP.of(envs)
    played = agent.gather(envs, np.ones(4, np.int64))
    greedy = greedy_texts(mdp, policy_table(agent, mdp))
    np.testing.assert_allclose(played.greedy_returns, greedy.lengths[0])


def test_the_loss_weighs_texts_by_what_they_earn_above_the_greedy_one(echo_task: Any) -> None:
    envs = TextGenVectorEnv(echo_task, share_copied, 6)
    agent = unequal(SelfCritical(envs, SelfCriticalConfig(**PLAIN), seed=0))
    played = agent.gather(envs, np.ones(6, np.int64), seed=0)
    log_probs = agent.log_prob(played.tokens, played.lengths, played.sources)
    expected = -(log_probs * (played.returns - played.greedy_returns)).mean()
    assert float(agent.losses(played)["policy"].detach()) == pytest.approx(expected, rel=1e-4)
    scaled = unequal(SelfCritical(envs, SelfCriticalConfig(**SMALLEST), seed=0))
    repeated = np.repeat(played.returns - played.greedy_returns, played.lengths)
    size = np.sqrt(np.square(repeated).mean())
    assert float(scaled.losses(played)["policy"].detach()) == pytest.approx(expected / size, rel=1e-4)
