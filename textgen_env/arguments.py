"""What a caller may hand to the game, checked: token ids, prefixes, sources, whole texts."""

from __future__ import annotations

import numpy as np
from gymnasium.error import InvalidAction
from numpy.typing import ArrayLike

from textgen_env.tasks.base import Task
from textgen_env.vocabulary import IntArray


def checked_token_ids(actions: ArrayLike, rows: IntArray, vocab_size: int) -> IntArray:
    """`actions` as (K,) token ids for the K `rows`.

    Raises:
        InvalidAction: wrong shape or type, or out of range.
    """
    chosen = np.asarray(actions)
    if chosen.shape != rows.shape:
        raise InvalidAction(f"action has shape {chosen.shape}, expected {rows.shape}: one token id for each row")
    if chosen.dtype.kind not in "iu":
        raise InvalidAction(f"action={actions!r} has type {chosen.dtype}, expected whole numbers: token ids")
    outside = (chosen < 0) | (chosen >= vocab_size)
    if outside.any():
        raise InvalidAction(
            f"action={int(chosen[outside][0])} in row {int(rows[outside][0])} is out of range; "
            f"token ids are 0 to {vocab_size - 1}"
        )
    return chosen


def checked_prefix(prefix: ArrayLike, count: int, task: Task) -> IntArray:
    """`prefix` as (count, P) int64 token ids, 0 < P < T, none of them the end token.

    Raises:
        ValueError: an empty or over-long prefix, another number of rows, or ids that are not allowed.
        TypeError: not whole numbers.
    """
    horizon, vocab_size = task.max_length, len(task.vocabulary)
    try:
        ids = np.asarray(prefix)
    except ValueError:
        raise ValueError("prefix: rows of unequal length; reset each length in a call of its own") from None
    shape = ids.shape
    if ids.ndim == 1:
        ids = np.broadcast_to(ids, (count, len(ids)))
    if ids.ndim != 2 or len(ids) != count or not 0 < ids.shape[1] < horizon:
        raise ValueError(
            f"prefix has shape {shape}; expected (P,) or ({count}, P) token ids with 0 < P < {horizon}: "
            "not empty, and with room for a token"
        )
    if ids.dtype.kind not in "iu":
        raise TypeError(f"prefix={prefix!r} has type {ids.dtype}, expected whole numbers: token ids")
    end = task.vocabulary.eos_id
    wrong = (ids < 0) | (ids >= vocab_size) | (ids == (-1 if end is None else end))
    if wrong.any():
        raise ValueError(
            f"prefix holds {int(ids[wrong][0])}; allowed are the token ids 0 to {vocab_size - 1}"
            + ("" if end is None else f" except the end token {end}")
        )
    return ids.astype(np.int64)


def checked_source_rows(source: ArrayLike, count: int, task: Task) -> IntArray:
    """`source` as (count,) int64 rows of the task's source table; a single row stands for all.

    Raises:
        ValueError: an unconditional task, a row that does not exist, or another number of rows.
        TypeError: not whole numbers.
    """
    if task.sources is None:
        raise ValueError(f"source={source!r}: this task is unconditional; it has no sources")
    indices = np.asarray(source)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"source={source!r} has type {indices.dtype}, expected whole numbers")
    if indices.ndim == 0:
        indices = np.broadcast_to(indices, (count,))
    total = len(task.sources.tokens)
    if indices.shape != (count,) or ((indices < 0) | (indices >= total)).any():
        raise ValueError(f"source={source!r} must be one row of the source table, 0 to {total - 1}, or {count} rows")
    return indices.astype(np.int64)


def checked_texts(tokens: ArrayLike, lengths: ArrayLike | None, task: Task) -> tuple[IntArray, IntArray]:
    """Whole texts as tokens (N, T) int64, blank after the end, and lengths (N,) int64.

    Args:
        tokens: (N, T') with T' <= T.
        lengths: (N,), or None: up to the first end token or blank.

    Raises:
        ValueError: wrong shapes, ids out of range, or a text that goes on after its end.
        TypeError: not whole numbers.
    """
    horizon, vocab_size = task.max_length, len(task.vocabulary)
    ids = np.asarray(tokens)
    if ids.ndim != 2 or ids.shape[1] > horizon:
        raise ValueError(f"tokens has shape {ids.shape}, expected (N, T) with T <= {horizon}; wrap one text as [text]")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"tokens has type {ids.dtype}, expected whole numbers: token ids")
    if ((ids < 0) | (ids > vocab_size)).any():
        raise ValueError(f"tokens: allowed are the ids 0 to {vocab_size - 1}, and {vocab_size} for a blank")
    texts = np.full((len(ids), horizon), vocab_size, np.int64)
    texts[:, : ids.shape[1]] = ids
    found = task.vocabulary.lengths(texts)
    counts = found if lengths is None else np.asarray(lengths)
    if counts.shape != (len(ids),) or counts.dtype.kind not in "iu":
        raise ValueError(
            f"lengths has shape {counts.shape} and type {counts.dtype}, expected ({len(ids)},) whole numbers"
        )
    beyond = (counts < 0) | (counts > found)
    if beyond.any():
        row = int(np.flatnonzero(beyond)[0])
        raise ValueError(f"lengths[{row}]={counts[row]} must be 0 to {found[row]}, where text {row} ends")
    texts[np.arange(horizon) >= counts[:, None]] = vocab_size
    return texts, counts.astype(np.int64)
