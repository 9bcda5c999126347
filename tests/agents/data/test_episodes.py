"""Whole texts, as many of each row as asked for, whatever the autoreset mode."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from scipy import stats

import textgen_env
from agents.baselines.uniform import Uniform
from agents.data.episodes import evaluate, play
from agents.functional.returns import written
from support.text_batches import masks_of
from textgen_env import BaseTask, TextGenVectorEnv

MODES = [mode.value for mode in AutoresetMode]


def letters(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
    """A reward of the text and its source: a number no other text has."""
    digits = np.where(written(lengths, tokens.shape[1]), tokens + 1, 0) @ 10.0 ** -np.arange(tokens.shape[1])
    return digits + (0 if sources is None else 100 * sources.indices)


def make_envs(task: BaseTask, num_envs: int, mode: str, **kwargs: Any) -> TextGenVectorEnv:
    return TextGenVectorEnv(task, letters, num_envs, autoreset_mode=mode, **kwargs)


def tiny(num_envs: int, mode: str = "NextStep", **kwargs: Any) -> Any:
    return gym.make_vec("TextGen-Tiny-v0", num_envs=num_envs, autoreset_mode=mode, **kwargs)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reward_mode", ["dense", "terminal"])
def test_texts_and_rewards_are_those_of_the_environment(mode: str, reward_mode: str) -> None:
    envs = tiny(7, mode, reward_mode=reward_mode)
    quota = np.array([3, 0, 1, 5, 2, 2, 4])
    played = play(Uniform(envs).predict, envs, quota, seed=0)
    vocabulary = envs.unwrapped.task.vocabulary
    assert len(played.tokens) == quota.sum()
    np.testing.assert_array_equal(vocabulary.lengths(played.tokens), played.lengths)
    assert ((played.lengths == 5) | (played.tokens == 0).any(1)).all()
    np.testing.assert_allclose(played.returns, envs.unwrapped.score(played.tokens, played.lengths))
    assert (played.rewards[np.arange(5) >= played.lengths[:, None]] == 0).all()
    assert played.allowed_tokens is None


@pytest.mark.parametrize("mode", MODES)
def test_rows_come_in_order_each_with_the_texts_it_began_first(mode: str) -> None:
    """Row i writes its k-th text of length 1 + (i + k) % 5, of letters 1 + i % 3."""
    envs = tiny(4, mode)
    lengths = np.array([[1 + (row + k) % 5 for k in range(6)] for row in range(4)])
    counts = np.full(4, -1)

    def predict(observation: np.ndarray, state: Any, episode_start: np.ndarray, deterministic: bool) -> Any:
        counts[episode_start] += 1
        written = (observation < 4).sum(1)
        last = written + 1 >= lengths[np.arange(4), np.minimum(counts, 5)]
        return np.where(last & (written < 4), 0, 1 + np.arange(4) % 3), None

    played = play(predict, envs, np.array([2, 3, 0, 6]))
    expected = [(0, 1), (0, 2), (1, 2), (1, 3), (1, 4), (3, 4), (3, 5), (3, 1), (3, 2), (3, 3), (3, 4)]
    found = [(int(n), int(text[0])) for text, n in zip(played.tokens, played.lengths, strict=True)]
    assert found == [(n, 0 if n == 1 else 1 + row % 3) for row, n in expected]


@pytest.mark.parametrize("mode", MODES)
def test_sources_belong_to_their_texts(mode: str, echo_task: BaseTask) -> None:
    envs = make_envs(echo_task, 5, mode)
    played = play(Uniform(envs).predict, envs, np.full(5, 4), seed=0)
    assert played.sources is not None
    assert played.source_rows is not None
    assert echo_task.sources is not None
    assert len(np.unique(played.source_rows)) > 5
    np.testing.assert_array_equal(played.sources, echo_task.sources.tokens[played.source_rows])
    scores = envs.score(played.tokens, played.lengths, played.source_rows)
    np.testing.assert_allclose(played.returns, scores)
    np.testing.assert_array_equal(played.texts.sources, played.source_rows)


def test_no_masks_are_made_where_the_game_masks_nothing(no_repeat_task: BaseTask) -> None:
    for envs, masks in ((tiny(6), False), (make_envs(no_repeat_task, 6, MODES[0]), True)):
        handed: list[Any] = []

        def predict(*args: Any, of: Any, handed: list[Any], **kwargs: Any) -> Any:
            handed.append(kwargs.get("action_masks"))
            return Uniform(of).predict(*args, **kwargs)

        play(partial(predict, of=envs, handed=handed), envs, np.ones(6, np.int64), masked=True)
        assert handed
        assert all((each is not None) == masks for each in handed)


@pytest.mark.parametrize("mode", MODES)
def test_masks_are_those_at_each_token(mode: str, no_repeat_task: BaseTask) -> None:
    envs = make_envs(no_repeat_task, 6, mode)
    played = play(Uniform(envs).predict, envs, np.full(6, 5), masked=True)
    for text, length, masks in zip(played.tokens, played.lengths, masks_of(played, 4), strict=True):
        for t in range(length):
            allowed = no_repeat_task.allowed_tokens(text[None], np.array([t]))
            assert allowed is not None
            np.testing.assert_array_equal(masks[t], allowed[0])
        assert masks[length:].all()
    with pytest.raises(gym.error.InvalidAction, match="masked"):
        play(Uniform(envs).predict, envs, np.full(6, 5))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("episodes", [1, 5, 8, 21])
def test_evaluate_plays_as_many_texts_as_asked_for(mode: str, episodes: int) -> None:
    envs = tiny(8, mode)
    found = evaluate(Uniform(envs).predict, envs, episodes)
    assert found.returns.shape == (episodes,)
    np.testing.assert_allclose(found.returns, envs.unwrapped.score(found.texts.tokens, found.texts.lengths))


@pytest.mark.parametrize("mode", MODES)
def test_lengths_are_unbiased(mode: str) -> None:
    """The texts that end first in 64 rows would be much shorter than 3/4 of them going on at each token."""
    envs = tiny(64, mode)
    found = evaluate(Uniform(envs, seed=3).predict, envs, 64 * 12)
    observed = np.bincount(found.texts.lengths, minlength=6)[1:]
    expected = np.array([0.25 * 0.75**t for t in range(4)] + [0.75**4]) * 768
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_tokens_written_counts_all_that_the_environment_wrote() -> None:
    envs = gym.make_vec("TextGen-OracleSmall-v0", num_envs=4, train_size=1, test_size=1)
    assert play(Uniform(envs).predict, envs, np.full(4, 3)).tokens_written == 4 * 3 * 10
    assert play(Uniform(envs).predict, envs, np.array([1, 0, 0, 0])).tokens_written == 4 * 10


def test_seed_decides_the_sources(echo_task: BaseTask) -> None:
    envs = make_envs(echo_task, 5, "SameStep")
    first, same, other = (evaluate(Uniform(envs).predict, envs, 20, seed=seed).texts for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.sources, same.sources)
    assert (first.sources != other.sources).any()


def test_wrappers_are_played_through() -> None:
    envs = gym.wrappers.vector.RecordEpisodeStatistics(tiny(4))
    found = evaluate(Uniform(envs).predict, envs, 4, masked=True)
    np.testing.assert_allclose(found.returns, envs.unwrapped.score(found.texts.tokens, found.texts.lengths))


def test_an_environment_without_an_autoreset_mode_is_refused() -> None:
    envs = tiny(2)
    envs.unwrapped.metadata.pop("autoreset_mode")
    with pytest.raises(ValueError, match=r"autoreset_mode.*None must be one of"):
        evaluate(Uniform(envs).predict, envs, 2)


@pytest.mark.parametrize(("episodes", "error"), [(0, ValueError), (2.5, TypeError)])
def test_a_wrong_number_of_episodes_is_refused(episodes: Any, error: type[Exception]) -> None:
    envs = tiny(2)
    with pytest.raises(error, match="episodes"):
        evaluate(Uniform(envs).predict, envs, episodes)


def test_models_of_stable_baselines3_are_evaluated_by_the_same_code(echo_task: BaseTask) -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    contrib = pytest.importorskip("sb3_contrib")
    envs = tiny(6)
    single = gym.make("TextGen-Tiny-v0")
    for model in (sb3.PPO("MlpPolicy", single), contrib.RecurrentPPO("MlpLstmPolicy", single)):
        found = evaluate(model.predict, envs, 13)
        np.testing.assert_allclose(found.returns, envs.unwrapped.score(found.texts.tokens, found.texts.lengths))
    conditional = textgen_env.TextGenEnv(echo_task, letters)
    envs = make_envs(echo_task, 3, "NextStep")
    found = evaluate(sb3.PPO("MultiInputPolicy", conditional).predict, envs, 7)
    np.testing.assert_allclose(found.returns, envs.score(*found.texts))
