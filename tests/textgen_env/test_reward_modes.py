"""Reward modes: a text earns the same at the end, token by token and in one call; and rewards of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

from support.games import share_copied, share_of_a, write
from textgen_env import BaseReward, TextGenVectorEnv, combine
from textgen_env.rewards.base import Reward, RewardState, Terms
from textgen_env.tasks.base import Sources, Task

EXACT = {"rel": 1e-9, "abs": 1e-9}
FLOAT32 = {"rel": 1e-5, "abs": 1e-5}
FLOAT32_REWARDS = ("likelihood", "discriminator")
# A prefix owes nothing for what it lacks; a text does.
LENIENT = ("TextGen-Transcribe-v0",)


def tolerance(env: Any) -> dict[str, float]:
    """How closely two ways to the same score agree."""
    return FLOAT32 if env.unwrapped.reward.name in FLOAT32_REWARDS else EXACT


def played(env_id: str, kwargs: dict[str, Any], reward_mode: str, options: dict[str, Any] | None = None) -> Any:
    """The rows' returns, last infos, texts and sources after four rows of random texts, and the environment."""
    envs = gymnasium.make_vec(env_id, num_envs=4, reward_mode=reward_mode, autoreset_mode="Disabled", **kwargs)
    core = envs.unwrapped.core
    rng = np.random.default_rng(0)
    envs.reset(seed=0, options=options)
    end = core.task.vocabulary.eos_id
    while core.running.any():
        rows = np.flatnonzero(core.running)
        actions = rng.integers(core.vocab_size, size=len(rows))
        if end is not None:
            actions[rng.random(len(rows)) < 0.2] = end
        moved = core.step(actions, rows)
        assert np.isfinite(moved.rewards).all()
        assert moved.finished is None or all(np.isfinite(v).all() for v in moved.finished.terms.values())
    return core.returns.copy(), core.tokens.copy(), core.source_indices, envs


def test_dense_terminal_and_score_agree(env_id: str, small_kwargs: dict[str, Any]) -> None:
    at_end, tokens, sources, envs = played(env_id, small_kwargs, "terminal")
    along, same_tokens, same_sources, dense_envs = played(env_id, small_kwargs, "dense")
    np.testing.assert_array_equal(tokens, same_tokens)
    if sources is not None:
        np.testing.assert_array_equal(sources, same_sources)
    scores = envs.unwrapped.score(tokens, sources=sources)
    assert (scores.shape, scores.dtype) == ((4,), np.float64)
    assert at_end == pytest.approx(scores, **tolerance(envs))
    assert along == pytest.approx(scores, **tolerance(envs))
    assert dense_envs.unwrapped.score(tokens, sources=sources) == pytest.approx(scores, **tolerance(envs))
    alone = [envs.unwrapped.score(tokens[[i]], sources=None if sources is None else sources[[i]])[0] for i in range(4)]
    assert alone == pytest.approx(scores, **tolerance(envs))


def test_from_a_prefix_dense_pays_the_rest_and_terminal_pays_all(env_id: str, small_kwargs: dict[str, Any]) -> None:
    prefix = [2, 1, 3]
    begun = {"prefix": prefix}
    at_end, tokens, sources, envs = played(env_id, small_kwargs, "terminal", begun)
    along, same_tokens, _, _ = played(env_id, small_kwargs, "dense", begun)
    np.testing.assert_array_equal(tokens, same_tokens)
    assert tokens[:, :3].tolist() == [prefix] * 4
    scores = envs.unwrapped.score(tokens, sources=sources)
    core = envs.unwrapped.core
    written = np.full_like(tokens, core.task.vocabulary.blank_id)
    written[:, :3] = prefix
    shown = None if sources is None else core.task.sources.take(sources)
    before = core.reward.begin(written, np.full(4, 3), shown)["total"]
    if env_id not in LENIENT:
        assert before == pytest.approx(envs.unwrapped.score([prefix] * 4, sources=sources), **tolerance(envs))
    assert at_end == pytest.approx(scores, **tolerance(envs))
    assert along == pytest.approx(scores - before, **tolerance(envs))


def test_score_reads_lengths_blanks_and_end_tokens() -> None:
    env = gymnasium.make("TextGen-Tiny-v0").unwrapped
    whole = env.score([[1, 2, 0], [1, 2, 3]])
    assert env.score([[1, 2, 0, 4, 4]])[0] == whole[0]
    assert env.score([[1, 2, 0, 3, 3]])[0] == whole[0]
    assert env.score([[1, 2, 3, 1, 1]], lengths=[3])[0] == whole[1]
    assert env.score([[4, 4, 4]]).tolist() == [0.0]
    assert env.score([[1, 2, 3]], lengths=[0]).tolist() == [0.0]
    assert env.score(np.zeros((0, 5), np.int64)).tolist() == []
    assert env.score([[1, 2, 0]] * 3).tolist() == [whole[0]] * 3


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
def test_combined_terms_reach_the_info_unweighted(reward_mode: str) -> None:
    def length(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        return lengths

    reward = combine((2.0, share_of_a), (-0.5, length))
    env = gymnasium.make("TextGen-Tiny-v0", reward=reward, reward_mode=reward_mode)
    env.reset(seed=0)
    total, info = write(env, [1, 2, 3, 0])
    assert info["reward_terms"] == {"share_of_a": 0.25, "length": 4.0}
    assert total == pytest.approx(2 * 0.25 - 0.5 * 4, **EXACT)
    assert env.unwrapped.score([[1, 2, 3, 0]])[0] == pytest.approx(total, **EXACT)


class Scorer:
    """An object with `score` alone."""

    def score(self, tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> list[float]:
        return share_of_a(tokens, lengths).tolist()


class FromProtocol:
    """All that the Protocol asks, without the base class: the number of tokens 1, carried along."""

    name = "ones"
    default_mode = "dense"

    def __init__(self) -> None:
        self.told: list[list[int]] = []

    def bind(self, task: Task) -> Reward:
        return self

    def terms(self, tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None) -> Terms:
        return {"count": (tokens == 1).sum(1).astype(float), "length": lengths.astype(float)}

    def total(self, terms: Terms) -> np.ndarray:
        return terms["count"]

    def begin(self, tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None) -> RewardState:
        return {"total": (tokens == 1).sum(1).astype(float), "steps": np.zeros((len(tokens), 2))}

    def extend(
        self, state: RewardState, tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None
    ) -> tuple[Terms, RewardState]:
        last = tokens[np.arange(len(tokens)), lengths - 1]
        terms = {"count": state["total"] + (last == 1), "length": lengths.astype(float)}
        return terms, {"steps": state["steps"] + 1}

    def episodes_ended(self, tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None) -> None:
        self.told += tokens.tolist()


@pytest.mark.parametrize("reward_mode", ["terminal", "dense"])
@pytest.mark.parametrize(
    ("make", "expected"),
    [(lambda: share_of_a, 0.5), (Scorer, 0.5), (FromProtocol, 2.0), (lambda: Summed(), 2.0)],
    ids=["function", "object", "protocol", "subclass"],
)
def test_rewards_of_the_users_own(make: Callable[[], Any], expected: float, reward_mode: str) -> None:
    env = gymnasium.make("TextGen-Tiny-v0", reward=make(), reward_mode=reward_mode)
    env.reset(seed=0)
    total, _ = write(env, [1, 2, 1, 0])
    assert total == pytest.approx(expected, **EXACT)
    assert env.unwrapped.score([[1, 2, 1, 0]])[0] == pytest.approx(expected, **EXACT)
    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=3, reward=make(), reward_mode=reward_mode)
    envs.reset(seed=0)
    rewards = sum(envs.step([token] * 3)[1] for token in [1, 2, 1, 0])
    assert rewards == pytest.approx(np.full(3, expected), **EXACT)


class Summed(BaseReward):
    """A subclass that defines `score` alone."""

    name = "summed"
    default_mode = "dense"

    def score(self, tokens: np.ndarray, lengths: np.ndarray, sources: Sources | None = None) -> np.ndarray:
        return (tokens == 1).sum(1).astype(float)


def test_a_protocol_reward_names_its_terms_and_is_told_of_texts() -> None:
    reward = FromProtocol()
    env = gymnasium.make("TextGen-Tiny-v0", reward=reward)
    env.reset(seed=0)
    _, info = write(env, [1, 1, 0])
    assert info["reward_terms"] == {"count": 2.0, "length": 3.0}
    assert reward.told == [[1, 1, 0, 4, 4]]


def test_a_reward_that_hands_out_one_buffer_is_read_each_time() -> None:
    buffer = np.zeros(1)

    def ones(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        buffer[:] = (tokens == 1).sum(1)
        return buffer

    env = gymnasium.make("TextGen-Tiny-v0", reward=ones, reward_mode="dense")
    env.reset(seed=0)
    assert [env.step(token)[1] for token in (1, 1, 2, 1, 0)] == [1.0, 1.0, 0.0, 1.0, 0.0]


def test_all_rows_that_end_in_a_step_are_scored_in_one_call() -> None:
    calls: list[int] = []

    def counted(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        calls.append(len(tokens))
        return lengths

    envs = gymnasium.make_vec("TextGen-Tiny-v0", num_envs=5, reward=counted, autoreset_mode="SameStep")
    envs.reset(seed=0)
    envs.step([1, 0, 0, 1, 2])
    assert calls == [2]
    envs.step([0, 0, 0, 1, 2])
    assert calls == [2, 3]


def test_a_conditional_reward_sees_the_sources_of_its_texts(echo_task: Any) -> None:
    seen: list[Any] = []

    def watching(tokens: np.ndarray, lengths: np.ndarray, sources: Any = None) -> np.ndarray:
        seen.append((sources.indices.tolist(), sources.tokens.tolist()))
        return share_copied(tokens, lengths, sources)

    envs = TextGenVectorEnv(echo_task, watching, num_envs=3)
    envs.reset(seed=0, options={"source": [0, 5, 1]})
    envs.step([1, 0, 0])
    assert seen == [([5, 1], [[0, 2, 3], [1, 3, 3]])]
    assert envs.score([[1, 3, 0]], sources=[5]).tolist() == [1.0]
