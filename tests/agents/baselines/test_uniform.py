"""The agent that knows nothing."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

from agents.baselines.uniform import Uniform, UniformConfig
from agents.data.episodes import evaluate


@pytest.fixture
def envs() -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=10)


def test_tokens_are_equally_likely(envs: Any) -> None:
    agent = Uniform(envs, UniformConfig(), seed=1)
    observation = np.full((8_000, 5), 4)
    assert stats.chisquare(np.bincount(agent.predict(observation)[0], minlength=4)).pvalue > 1e-3
    masks = np.tile([True, False, True, True], (8_000, 1))
    drawn = np.bincount(agent.predict(observation, action_masks=masks)[0], minlength=4)
    assert drawn[1] == 0
    assert stats.chisquare(drawn[masks[0]]).pvalue > 1e-3


def test_log_prob_is_that_of_equally_likely_tokens(envs: Any) -> None:
    agent = Uniform(envs)
    texts = envs.unwrapped.task.all_texts()
    log_probs = agent.log_prob(texts.tokens, texts.lengths)
    np.testing.assert_allclose(log_probs, -texts.lengths * np.log(4))
    assert np.exp(log_probs).sum() == pytest.approx(1)
    drawn = agent.sample(4_000)
    expected = np.array([np.exp(log_probs)[texts.lengths == n].sum() for n in range(1, 6)]) * 4_000
    assert stats.chisquare(np.bincount(drawn.lengths, minlength=6)[1:], expected).pvalue > 1e-3
    assert (drawn.tokens[np.arange(5) >= drawn.lengths[:, None]] == 4).all()


def test_its_return_is_the_mean_over_all_texts_by_their_chance(envs: Any) -> None:
    agent = Uniform(envs, seed=2)
    texts = envs.unwrapped.task.all_texts()
    scores = envs.unwrapped.score(texts.tokens, texts.lengths)
    expected = np.exp(agent.log_prob(texts.tokens, texts.lengths)) @ scores
    returns = evaluate(agent.predict, envs, 4_000).returns
    assert abs(returns.mean() - expected) < 4 * returns.std() / np.sqrt(4_000)


def test_it_learns_nothing_and_says_so(envs: Any) -> None:
    seen: list[Any] = []
    agent = Uniform(envs)
    assert agent.train(envs, 1_000, seen.append) is agent
    assert (seen[0].tokens_generated, seen[0].tokens_read, len(seen)) == (0, 0, 1)
