"""Enumeration of every prefix of a game, level by level, with what each token after it earns."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from textgen_env.core import GenerationCore
from textgen_env.rewards.base import FloatArray
from textgen_env.transition import BoolArray
from textgen_env.vocabulary import IntArray

# Texts that are scored in one call: few enough for the cache.
TEXTS_AT_ONCE = 1 << 14
TEXTS_ASKED_AGAIN = 64


class Level(NamedTuple):
    """The n states of one length, with the arrays of `TextMDP`; `sources` (n,) are rows of the source table, or 0."""

    tokens: IntArray
    sources: IntArray
    allowed: BoolArray
    next_state: IntArray
    rewards: FloatArray


def source_roots(core: GenerationCore) -> tuple[IntArray, FloatArray]:
    """The rows of the source table that a text may begin with, and their probabilities; one root if there are none."""
    if core.task.sources is None:
        return np.zeros(1, np.int64), np.ones(1)
    pool = core.task.sources.pool
    rows, counts = np.unique(pool, return_counts=True)
    return rows.astype(np.int64), counts / len(pool)


def check_size(core: GenerationCore, most_states: int, most_pairs: int) -> None:
    """Refuses a game that is larger than the limits by its sizes alone, where its task masks nothing.

    Raises:
        ValueError: saying how large it is.
    """
    letters = core.vocab_size - (core.task.vocabulary.eos_id is not None)
    horizon, trees = core.horizon, len(source_roots(core)[0])
    states = trees * (horizon if letters == 1 else (letters**horizon - 1) // (letters - 1)) if letters else trees
    if not core.masks.by_task:
        _check_count(core, states, "", most_states, most_pairs)


def _check_count(core: GenerationCore, states: int, so_far: str, most_states: int, most_pairs: int) -> None:
    pairs = states * core.vocab_size
    advice = "make vocab_size or max_length smaller"
    if core.task.sources is not None:
        advice += ", or the pool of sources"
    if states > most_states:
        raise ValueError(f"{core.game} has {_said(states)} prefixes{so_far}, more than {most_states=}; {advice}")
    if pairs > most_pairs:
        raise ValueError(
            f"{core.game} has {_said(pairs)} pairs of a prefix and a token{so_far}, more than {most_pairs=}; {advice}"
        )


def _said(count: int) -> str:
    # A float cannot hold the count of long texts.
    return f"{count:,}" if count < 10**9 else f"{Decimal(count):.1e}"


def grown_levels(core: GenerationCore, most_states: int, most_pairs: int) -> Iterator[Level]:
    """The levels of a game, from the empty prefixes on.

    Raises:
        ValueError: a level that makes the game larger than the limits, before it is allocated; a prefix that no token
            may follow; a reward that scores one text in two ways.
    """
    roots, _ = source_roots(core)
    tokens = np.full((len(roots), core.horizon), core.vocab_size, np.int64)
    sources, scores, first = roots, np.zeros(len(roots)), 0
    for length in range(core.horizon):
        allowed = _allowed(core, tokens, length)
        ends = np.zeros_like(allowed) | core.prefixes.ends(np.arange(core.vocab_size), length + 1)
        parents, written = (allowed & ~ends).nonzero()
        end = first + len(tokens)
        so_far = f" of up to {length + 1} tokens"
        _check_count(core, end + len(parents), so_far, most_states, most_pairs)
        following = np.full(allowed.shape, -1, np.int64)
        following[parents, written] = end + np.arange(len(parents))
        # The score of a prefix is asked for only where it is paid.
        dense = core.reward_mode == "dense"
        after = _scores(core, tokens, sources, length, allowed if dense else allowed & ends)
        rewards = np.where(allowed, after - scores[:, None], 0.0) if dense else after
        yield Level(tokens, sources, allowed, following, rewards)
        if not len(parents):
            return
        tokens, sources, scores, first = tokens[parents], sources[parents], after[parents, written], end
        tokens[:, length] = written


def _allowed(core: GenerationCore, tokens: IntArray, length: int) -> BoolArray:
    allowed = core.masks.allowed(tokens, np.full(len(tokens), length))
    if allowed is None:
        return np.ones((len(tokens), core.vocab_size), np.bool_)
    stuck = ~allowed.any(1)
    if stuck.any():
        raise ValueError(
            f"{core.game}: no token is allowed after {tokens[stuck.argmax(), :length].tolist()}; let one end the text"
        )
    return allowed


def _scores(core: GenerationCore, tokens: IntArray, sources: IntArray, length: int, asked: BoolArray) -> FloatArray:
    """(n, V): the scores of the prefixes (n, T) with one token more, where they are `asked` for; 0 elsewhere."""
    scores = np.zeros(asked.shape)
    rows, written = asked.nonzero()
    for begun in range(0, len(rows), TEXTS_AT_ONCE):
        at, last = rows[begun : begun + TEXTS_AT_ONCE], written[begun : begun + TEXTS_AT_ONCE]
        texts = tokens[at]
        texts[:, length] = last
        given = None if core.task.sources is None else sources[at]
        scores[at, last] = core.score(texts, np.full(len(at), length + 1), given)
        if begun == 0:
            _check_same(core, texts, length + 1, given, scores[at, last])
    return scores


def _check_same(
    core: GenerationCore, texts: IntArray, length: int, sources: IntArray | None, scores: FloatArray
) -> None:
    """Refuses a reward that draws its scores anew: the first texts of a call, asked for again."""
    few = slice(TEXTS_ASKED_AGAIN)
    again = core.score(texts[few], np.full(len(texts[few]), length), None if sources is None else sources[few])
    # A network's float32 sums differ a little from batch to batch.
    differ = ~np.isclose(again, scores[few], rtol=1e-4, atol=1e-4)
    if differ.any():
        row = int(differ.argmax())
        raise ValueError(
            f"reward {core.reward.name!r} scores the text {texts[row, :length].tolist()} {scores[row]} and then "
            f"{again[row]}: what is drawn anew each time has no table; give the reward a fixed seed for each text"
        )
