"""Checks to run on a task or a reward of your own; each raises `AssertionError` that says what does not hold.

    from textgen_env.testing import check_reward, check_task

An environment as a whole is checked by `gymnasium.utils.env_checker.check_env`.
"""

from __future__ import annotations

import numpy as np

from textgen_env.checks import hold
from textgen_env.core import GenerationCore
from textgen_env.rewards.base import FloatArray, as_reward
from textgen_env.tasks.base import Task
from textgen_env.vocabulary import IntArray, Texts


def check_task(task: Task, texts: int = 64, seed: int = 0) -> None:
    """The task follows the Protocol, its data are texts of its vocabulary, and its masks leave a choice: after every
    prefix of its training texts, and along texts of random tokens that it allows.

    Args:
        task: the task.
        texts: how many random texts, and training texts, are looked at.
        seed: of the random texts.

    Raises:
        AssertionError: naming what does not hold.
    """
    hold(isinstance(task, Task), f"{type(task).__name__} lacks an attribute or method of textgen_env.Task")
    hold(task.max_length >= 1, f"max_length={task.max_length} must be at least 1")
    training = task.training_sequences()
    for name, each in (("training_sequences", training), ("test_sequences", task.test_sequences())):
        _check_texts(name, each, task)
    if task.sources is not None:
        table = task.sources
        hold(len(table.pool) > 0, "sources.pool is empty: reset would have nothing to draw from")
        hold(table.pool.min() >= 0, "sources.pool holds a negative row")
        hold(table.pool.max() < len(table.tokens), "sources.pool names rows beyond the source table")
        hold(table.tokens.min() >= 0, "sources.tokens holds a negative id")
        hold(table.tokens.max() <= len(table.vocabulary), "sources.tokens holds ids beyond the blank")
    _check_masks(task, np.full((texts, task.max_length), task.vocabulary.blank_id, np.int64), seed)
    _check_masks(task, training.tokens[:texts], seed)


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
    hold(np.isfinite(at_end).all(), "the reward is not finite")
    same = np.allclose(at_end, along, rtol=tolerance, atol=tolerance)
    hold(same, f"terminal and dense differ by up to {np.abs(at_end - along).max()}")
    fresh = GenerationCore(task, as_reward(reward))
    whole = fresh.score(tokens, sources=sources)
    alone = np.array(
        [fresh.score(tokens[[i]], sources=None if sources is None else sources[[i]])[0] for i in range(texts)]
    )
    same = np.allclose(whole, alone, rtol=tolerance, atol=tolerance)
    hold(same, f"a text scores differently alone and in a batch, by up to {np.abs(whole - alone).max()}")
    # A reward that learns has changed since it paid.
    if not hasattr(fresh.reward, "update"):
        same = np.allclose(whole, at_end, rtol=tolerance, atol=tolerance)
        hold(same, f"an episode pays other than score says, by up to {np.abs(whole - at_end).max()}")


def _check_texts(name: str, texts: Texts, task: Task) -> None:
    tokens, lengths = texts.tokens, texts.lengths
    blank = task.vocabulary.blank_id
    hold(tokens.ndim == 2, f"{name}: tokens must be (N, T), got shape {tokens.shape}")
    hold(tokens.shape[1] == task.max_length, f"{name}: tokens are {tokens.shape[1]} wide, expected {task.max_length}")
    hold(lengths.shape == (len(tokens),), f"{name}: lengths must be ({len(tokens)},), got {lengths.shape}")
    written = np.arange(task.max_length) < lengths[:, None]
    hold((tokens[written] < blank).all(), f"{name}: an id beyond the vocabulary")
    hold((tokens[written] >= 0).all(), f"{name}: a negative id")
    hold((tokens[~written] == blank).all(), f"{name}: what follows a text must be the blank {blank}")
    hold((task.vocabulary.lengths(tokens) == lengths).all(), f"{name}: lengths that disagree with the end token")
    if task.sources is not None:
        hold(texts.sources is not None, f"{name}: a conditional task's texts must name their sources")


def _check_masks(task: Task, texts: IntArray, seed: int) -> None:
    """Follows texts (N, T) token by token, and where one is blank a random token that is allowed."""
    vocab_size, blank = len(task.vocabulary), task.vocabulary.blank_id
    rng = np.random.default_rng(seed)
    tokens, going = np.full_like(texts, blank), np.arange(len(texts))
    for t in range(task.max_length):
        if not len(going):
            return
        prefixes = tokens[going].copy()
        allowed = task.allowed_tokens(prefixes, np.full(len(going), t))
        hold(np.array_equal(prefixes, tokens[going]), "allowed_tokens changes the tokens that it is given")
        if allowed is None:
            allowed = np.ones((len(going), vocab_size), np.bool_)
        expected = (len(going), vocab_size)
        hold(isinstance(allowed, np.ndarray), f"allowed_tokens returns {type(allowed).__name__}, expected an array")
        hold(allowed.shape == expected, f"allowed_tokens has shape {allowed.shape}, expected {expected}")
        hold(allowed.dtype == np.bool_, f"allowed_tokens has type {allowed.dtype}, expected bool")
        left = allowed.any(1)
        at = int(left.argmin())
        text = " ".join(task.vocabulary.tokens[token] for token in tokens[going[at], :t])
        where = f"after the prefix {tokens[going[at], :t].tolist()} ({text!r})" if t else "to begin with"
        hold(left.all(), f"allowed_tokens leaves no token {where}; after {t} of {task.max_length} tokens one must be")
        given = texts[going, t]
        drawn = (rng.random(allowed.shape) * allowed).argmax(1)
        chosen = np.where(given < blank, given, drawn)
        known = allowed[np.arange(len(going)), chosen]
        at = int(known.argmin())
        hold(known.all(), f"allowed_tokens forbids token {chosen[at]} of training text {going[at]} at position {t}")
        tokens[going, t] = chosen
        ends = chosen == (-1 if task.vocabulary.eos_id is None else task.vocabulary.eos_id)
        going = going[~ends]
