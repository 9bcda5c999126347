"""The agent that knows how often each token occurs, and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from scipy import stats

from agents.baselines.uniform import Uniform
from agents.baselines.unigram import Unigram, UnigramConfig
from agents.data.episodes import evaluate
from agents.protocol import Agent
from textgen_env import BaseTask, TextGenVectorEnv, Texts

EVERYTHING = 10**9


@pytest.fixture(scope="module")
def envs() -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=10)


def tokens_of(texts: Texts) -> list[int]:
    """All tokens that are written, one text after another."""
    return [token for row, n in zip(texts.tokens.tolist(), texts.lengths, strict=True) for token in row[:n]]


def shares(envs: Any) -> np.ndarray:
    counted = Counter(tokens_of(envs.unwrapped.task.training_sequences()))
    return np.array([counted[k] for k in range(len(envs.unwrapped.task.vocabulary))]) / counted.total()


def by_hand(chances: np.ndarray, texts: Texts) -> np.ndarray:
    return np.array([np.prod(chances[row[:n]]) for row, n in zip(texts.tokens, texts.lengths, strict=True)])


def test_texts_are_as_likely_as_their_tokens_together(envs: Any) -> None:
    agent = Unigram(envs, UnigramConfig(), seed=1).train(envs, EVERYTHING)
    texts = envs.unwrapped.task.all_texts()
    chances = np.exp(agent.log_prob(texts.tokens, texts.lengths))
    np.testing.assert_allclose(chances, by_hand(shares(envs), texts))
    assert chances.sum() == pytest.approx(1)
    drawn = agent.sample(20_000)
    np.testing.assert_array_equal(envs.unwrapped.task.vocabulary.lengths(drawn.tokens), drawn.lengths)
    index = {tuple(text): i for i, text in enumerate(texts.tokens.tolist())}
    observed = np.bincount([index[tuple(text)] for text in drawn.tokens.tolist()], minlength=len(chances))
    rare = chances * 20_000 < 5
    expected = np.append(chances[~rare], chances[rare].sum()) * 20_000
    assert stats.chisquare(np.append(observed[~rare], observed[rare].sum()), expected).pvalue > 1e-3


def test_its_return_is_the_mean_over_all_texts_by_their_chance(envs: Any) -> None:
    agent = Unigram(envs, seed=2).train(envs, EVERYTHING)
    texts = envs.unwrapped.task.all_texts()
    expected = by_hand(shares(envs), texts) @ envs.unwrapped.score(texts.tokens, texts.lengths)
    returns = evaluate(agent.predict, envs, 4_000).returns
    assert abs(returns.mean() - expected) < 4 * returns.std() / np.sqrt(4_000)


def test_masks_leave_the_chances_of_what_they_allow_in_proportion(envs: Any) -> None:
    agent = Unigram(envs, seed=3).train(envs, EVERYTHING)
    chances = shares(envs)
    observation = np.full((8_000, 5), 4)
    masks = np.tile([True, False, True, True], (8_000, 1))
    drawn = np.bincount(agent.predict(observation, action_masks=masks)[0], minlength=4)
    assert drawn[1] == 0
    expected = chances[masks[0]] / chances[masks[0]].sum() * 8_000
    assert stats.chisquare(drawn[masks[0]], expected).pvalue > 1e-3
    assert stats.chisquare(np.bincount(agent.predict(observation)[0], minlength=4), chances * 8_000).pvalue > 1e-3
    likeliest = int(chances.argmax())
    assert (agent.predict(observation, deterministic=True)[0] == likeliest).all()
    masks[:, likeliest] = False
    chosen, state = agent.predict(observation, deterministic=True, action_masks=masks)
    assert (chosen == np.where(masks[0], chances, 0).argmax()).all()
    assert state is None
    with pytest.raises(ValueError, match="row 1 allows no token"):
        agent.predict(observation[:2], action_masks=[[True, True, False, False], [False] * 4])


def test_what_was_never_read_is_never_written() -> None:
    """Of 5,000 tokens, a hundred texts of 20 have at most 2,000; texts run to the horizon."""
    envs = gym.make_vec("TextGen-Oracle-v0", num_envs=2, train_size=100, test_size=1)
    agent = Unigram(envs).train(envs, EVERYTHING)
    seen = np.unique(envs.unwrapped.task.training_sequences().tokens)
    drawn = agent.sample(500)
    assert (drawn.lengths == 20).all()
    assert np.isin(drawn.tokens, seen).all()
    unseen = np.setdiff1d(np.arange(5_000), seen)
    text = drawn.tokens[:2].copy()
    text[1, 7] = unseen[0]
    log_probs = agent.log_prob(text)
    assert np.isfinite(log_probs[0])
    assert log_probs[1] == -np.inf
    # Where nothing else is allowed, the unseen are equally likely.
    masks = np.zeros((600, 5_000), np.bool_)
    masks[:, unseen[:3]] = True
    chosen, _ = agent.predict(np.full((600, 20), 5_000), action_masks=masks)
    assert stats.chisquare(np.bincount(chosen, minlength=5_000)[unseen[:3]]).pvalue > 1e-3


def test_it_reads_each_token_once_within_the_budget(envs: Any) -> None:
    tokens = tokens_of(envs.unwrapped.task.training_sequences())
    agent = Unigram(envs)
    texts = envs.unwrapped.task.all_texts()
    np.testing.assert_allclose(agent.log_prob(texts.tokens, texts.lengths), -texts.lengths * np.log(4))
    seen: list[Any] = []
    read = 0
    for budget in (7, 100, 1_000, EVERYTHING, 50):
        assert agent.train(envs, budget, seen.append) is agent
        read = min(read + budget, len(tokens))
        np.testing.assert_array_equal(agent.weights, np.bincount(tokens[:read], minlength=4))
    assert [p.tokens_read for p in seen] == [7, 107, 1_107, len(tokens), len(tokens)]
    assert all(p.tokens_generated == p.tokens_rolled_out == 0 and np.isnan(p.mean_return) for p in seen)


def test_sources_are_asked_for_and_not_looked_at(echo_task: BaseTask) -> None:
    envs = TextGenVectorEnv(echo_task, lambda tokens, lengths, sources=None: np.zeros(len(tokens)), 3)
    agent = Unigram(envs).train(envs, EVERYTHING)
    texts = echo_task.training_sequences()
    assert echo_task.sources is not None
    sources = echo_task.sources.tokens[texts.sources]
    np.testing.assert_allclose(np.exp(agent.log_prob(*texts[:2], sources)), by_hand(shares(envs), texts))
    np.testing.assert_array_equal(agent.log_prob(*texts[:2], sources), agent.log_prob(*texts[:2], sources[::-1]))
    assert agent.sample(4, sources[:4]).tokens.shape == (4, 4)
    with pytest.raises(ValueError, match="sources=None"):
        agent.sample(2)


@pytest.mark.parametrize("kind", [Unigram, Uniform])
def test_a_loaded_agent_goes_on_drawing_and_reading(kind: Any, envs: Any, tmp_path: Path) -> None:
    agent = kind(envs, seed=4).train(envs, 50)
    agent.sample(3)
    agent.predict(np.full((7, 5), 4))
    agent.save(tmp_path / "agent")
    loaded = kind.load(tmp_path / "agent", device="cpu")
    for each in (agent, loaded):
        each.train(envs, 60)
    assert (loaded.spec, loaded.seed, loaded.config) == (agent.spec, agent.seed, agent.config)
    assert loaded.tokens_read == agent.tokens_read
    np.testing.assert_array_equal(loaded.weights, agent.weights)
    np.testing.assert_array_equal(loaded.sample(20).tokens, agent.sample(20).tokens)
    np.testing.assert_array_equal(loaded.predict(np.full((9, 5), 4))[0], agent.predict(np.full((9, 5), 4))[0])


@pytest.mark.parametrize("kind", [Unigram, Uniform])
def test_the_seed_decides_what_is_drawn(kind: Any, envs: Any) -> None:
    first, same, other = (kind(envs, seed=seed).train(envs, 500).sample(50).tokens for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


@pytest.mark.parametrize("kind", [Unigram, Uniform])
def test_it_follows_the_protocol_and_refuses_what_does_not_fit(
    kind: Any, envs: Any, echo_task: BaseTask, tmp_path: Path
) -> None:
    agent = kind(envs, device="cpu")
    assert isinstance(agent, Agent)
    agent.save(tmp_path / "agent")
    with pytest.raises(ValueError, match="device='abacus' cannot be used"):
        kind(envs, device="abacus")
    with pytest.raises(ValueError, match="device='abacus' cannot be used"):
        kind.load(tmp_path / "agent", device="abacus")
    with pytest.raises(TypeError, match=f"must be a {kind.__name__}Config"):
        kind(envs, {"learning_rate": 1})
    with pytest.raises(ValueError, match="was made for"):
        agent.train(TextGenVectorEnv(echo_task, lambda tokens, lengths, sources=None: np.zeros(len(tokens))), 10)
    with pytest.raises(ValueError, match="total_tokens=0"):
        agent.train(envs, 0)
    assert agent.predict(np.full(5, 4))[0].shape == ()


@pytest.mark.parametrize("weights", [[1, 2, 3], [1, -2, 3, 1], [0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], None])
def test_a_file_with_other_weights_is_refused(envs: Any, tmp_path: Path, weights: Any) -> None:
    path = tmp_path / "agent"
    Unigram(envs).save(path)
    with safe_open(path, "np") as file:
        header = file.metadata()
    save_file({} if weights is None else {"weights": np.array(weights)}, path, header)
    with pytest.raises(ValueError, match="weights"):
        Unigram.load(path)


def test_a_task_without_data_is_refused(no_repeat_task: BaseTask, monkeypatch: pytest.MonkeyPatch) -> None:
    envs = TextGenVectorEnv(no_repeat_task, lambda tokens, lengths, sources=None: np.zeros(len(tokens)))
    with pytest.raises(ValueError, match="no training data"):
        Unigram(envs).train(envs, 100)
    empty = Texts(np.zeros((0, 5), np.int64), np.zeros(0, np.int64))
    monkeypatch.setattr(no_repeat_task, "training_sequences", lambda: empty)
    with pytest.raises(ValueError, match="nothing to learn from"):
        Unigram(envs).train(envs, 100)
