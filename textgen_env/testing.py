"""Checks to run on a task or a reward of your own; each raises `AssertionError` that says what does not hold.

    from textgen_env.testing import check_reward, check_task

An environment as a whole is checked by `gymnasium.utils.env_checker.check_env`.
"""

from __future__ import annotations

import numpy as np

from textgen_env.core import GenerationCore
from textgen_env.rewards.base import FloatArray, as_reward
from textgen_env.tasks.base import Task
from textgen_env.vocabulary import IntArray, Texts


def check_task(task: Task) -> None:
    """The task follows the Protocol, its data are texts of its vocabulary, and its masks leave a choice.

    Raises:
        AssertionError: naming what does not hold.
    """
    assert isinstance(task, Task), f"{type(task).__name__} lacks an attribute or method of textgen_env.Task"
    assert task.max_length >= 1, f"max_length={task.max_length} must be at least 1"
    for name, texts in (("training_sequences", task.training_sequences()), ("test_sequences", task.test_sequences())):
        _check_texts(name, texts, task)
    if task.sources is not None:
        table = task.sources
        assert len(table.pool) > 0, "sources.pool is empty: reset would have nothing to draw from"
        assert table.pool.min() >= 0, "sources.pool holds a negative row"
        assert table.pool.max() < len(table.tokens), "sources.pool names rows beyond the source table"
        assert table.tokens.min() >= 0, "sources.tokens holds a negative id"
        assert table.tokens.max() <= len(table.vocabulary), "sources.tokens holds ids beyond the blank"
    empty = np.full((2, task.max_length), task.vocabulary.blank_id, np.int64)
    allowed = task.allowed_tokens(empty, np.zeros(2, np.int64))
    if allowed is not None:
        expected = (2, len(task.vocabulary))
        assert allowed.shape == expected, f"allowed_tokens has shape {allowed.shape}, expected {expected}"
        assert allowed.any(1).all(), "allowed_tokens leaves no token to begin with"


def check_reward(reward: object, task: Task, texts: int = 16, seed: int = 0, tolerance: float = 1e-5) -> None:
    """The reward scores a text alone as in a batch, and pays in dense form what it pays at the end.

    Args:
        reward: a `Reward`, an object with `score`, or a function.
        task: played with uniformly random allowed tokens.
        texts: how many.
        seed: of the tokens.
        tolerance: absolute and relative.

    Raises:
        AssertionError: naming what does not hold.
    """
    played: list[tuple[FloatArray, IntArray, IntArray | None]] = []
    for mode in ("terminal", "dense"):
        core = GenerationCore(task, as_reward(reward), texts, reward_mode=mode)
        core.generators.seed(np.arange(texts), list(range(seed, seed + texts)))
        core.reset()
        rng = np.random.default_rng(seed)
        while core.running.any():
            rows = np.flatnonzero(core.running)
            masks = core.action_masks(rows)
            core.step((rng.random(masks.shape) * masks).argmax(1), rows)
        played.append((core.returns.copy(), core.tokens.copy(), core.source_indices))
    (at_end, tokens, sources), (along, _, _) = played
    assert np.isfinite(at_end).all(), "the reward is not finite"
    same = np.allclose(at_end, along, rtol=tolerance, atol=tolerance)
    assert same, f"terminal and dense differ by up to {np.abs(at_end - along).max()}"
    fresh = GenerationCore(task, as_reward(reward))
    whole = fresh.score(tokens, sources=sources)
    alone = np.array(
        [fresh.score(tokens[[i]], sources=None if sources is None else sources[[i]])[0] for i in range(texts)]
    )
    same = np.allclose(whole, alone, rtol=tolerance, atol=tolerance)
    assert same, f"a text scores differently alone and in a batch, by up to {np.abs(whole - alone).max()}"
    # A reward that learns has changed since it paid.
    if not hasattr(fresh.reward, "update"):
        same = np.allclose(whole, at_end, rtol=tolerance, atol=tolerance)
        assert same, f"an episode pays other than score says, by up to {np.abs(whole - at_end).max()}"


def _check_texts(name: str, texts: Texts, task: Task) -> None:
    tokens, lengths = texts.tokens, texts.lengths
    blank = task.vocabulary.blank_id
    assert tokens.ndim == 2, f"{name}: tokens must be (N, T), got shape {tokens.shape}"
    assert tokens.shape[1] == task.max_length, f"{name}: tokens are {tokens.shape[1]} wide, expected {task.max_length}"
    assert lengths.shape == (len(tokens),), f"{name}: lengths must be ({len(tokens)},), got {lengths.shape}"
    written = np.arange(task.max_length) < lengths[:, None]
    assert (tokens[written] < blank).all(), f"{name}: an id beyond the vocabulary"
    assert (tokens[written] >= 0).all(), f"{name}: a negative id"
    assert (tokens[~written] == blank).all(), f"{name}: what follows a text must be the blank {blank}"
    assert (task.vocabulary.lengths(tokens) == lengths).all(), f"{name}: lengths that disagree with the end token"
    if task.sources is not None:
        assert texts.sources is not None, f"{name}: a conditional task's texts must name their sources"
