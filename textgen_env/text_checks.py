"""Checks of what a caller asks of the game: token ids, rows, seeds, prefixes, sources, whole texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import ArrayLike, NDArray

from textgen_env.checks import check_at_least
from textgen_env.tasks.base import Task
from textgen_env.vocabulary import IntArray

WHOLE_TYPES = frozenset({int, *(np.dtype(code).type for code in np.typecodes["AllInteger"])})


def one_for_each(actions: ArrayLike, rows: IntArray) -> NDArray[Any]:
    """`actions` as an array (K,), whatever it holds, for the K `rows`.

    Raises:
        InvalidAction: wrong shape.
    """
    try:
        chosen = np.asarray(actions)
    except ValueError:
        raise InvalidAction(f"action={actions!r} is ragged, expected shape {rows.shape}: one token id a row") from None
    # A tensor that takes part in differentiation, or lies on a device, refuses with an error of its own.
    except (TypeError, RuntimeError) as error:
        raise InvalidAction(
            f"action={actions!r} cannot be read as whole numbers: {error}; give token ids, of a tensor "
            "action.detach().cpu().numpy()"
        ) from None
    if chosen.shape != rows.shape:
        raise InvalidAction(
            f"action={actions!r} has shape {chosen.shape}, expected {rows.shape}: one token id for each row"
        )
    return chosen


def checked_token_ids(actions: ArrayLike, rows: IntArray, vocab_size: int) -> IntArray:
    """`actions` as (K,) token ids for the K `rows`.

    Raises:
        InvalidAction: wrong shape or type, or out of range.
    """
    chosen = one_for_each(actions, rows)
    if chosen.dtype.kind not in "iu":
        said = chosen.tolist()[0] if len(chosen) == 1 else actions
        raise InvalidAction(f"action={said!r} has type {chosen.dtype}, expected whole numbers: token ids")
    # One comparison: seen as unsigned, a negative id is larger than any other.
    ids = chosen if chosen.dtype == np.int64 else chosen.astype(np.int64)
    outside = ids.view(np.uint64) >= vocab_size
    if np.count_nonzero(outside):
        raise InvalidAction(
            f"action={int(chosen[outside][0])} in row {int(rows[outside][0])} is out of range; "
            f"token ids are 0 to {vocab_size - 1}"
        )
    return chosen


def token_id(action: Any, vocab_size: int) -> int:
    """`action` if it is one token id, of Python's or NumPy's own types of whole numbers; a number below 0 if not."""
    # No bool is among them, though it is a subclass of int.
    token = int(action) if type(action) in WHOLE_TYPES else -1
    return token if token < vocab_size else -1


def check_running(rows: IntArray, running: NDArray[np.bool_], lengths: IntArray) -> None:
    """Refuses a step of texts in `rows` (K,) of which one has not begun or has ended.

    Raises:
        ResetNeeded: naming the row.
    """
    if np.count_nonzero(running) < len(rows):
        at = int(np.flatnonzero(~running)[0])
        fate = "has ended" if lengths[at] else "has not begun"
        raise ResetNeeded(f"the text in row {rows[at]} {fate}; call reset() before step()")


def checked_rows(rows: ArrayLike, num_rows: int) -> IntArray:
    """`rows` as (K,) distinct row numbers, K >= 1.

    Raises:
        TypeError: not whole numbers.
        ValueError: none, not one-dimensional, out of range, or one of them twice.
    """
    numbers = _array("rows", rows)
    if numbers.size:
        _check_whole("rows", rows, numbers)
    allowed = np.arange(num_rows)
    if numbers.ndim != 1 or not numbers.size or not np.isin(numbers, allowed).all():
        raise ValueError(f"rows={rows!r} must be an array (K,) of row numbers, 0 to {num_rows - 1}")
    if len(np.unique(numbers)) < len(numbers):
        raise ValueError(f"rows={rows!r} names a row twice")
    return numbers.astype(np.int64)


def checked_seeds(seed: Any, num_rows: int) -> list[int | None]:
    """A seed for each row, `seed + i` where it is one number; None leaves a row's generator as it is.

    Raises:
        TypeError: not a whole number, nor a sequence of whole numbers and None.
        ValueError: negative, or another number of seeds.
    """
    if seed is None:
        return [None] * num_rows
    if isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, str | bytes) and np.ndim(seed) > 0:
        if len(seed) != num_rows:
            raise ValueError(f"seed={seed!r} has {len(seed)} entries, expected one number, or one for {num_rows} rows")
        return [None if s is None else check_at_least(f"seed[{i}]", s, least=0) for i, s in enumerate(seed)]
    first = check_at_least("seed", seed, least=0)
    return [first + row for row in range(num_rows)]


def checked_prefix(prefix: ArrayLike, count: int, task: Task) -> IntArray:
    """`prefix` as (count, P) int64 token ids, 0 < P < T, none of them the end token.

    Raises:
        ValueError: an empty or over-long prefix, another number of rows, or ids that are not allowed.
        TypeError: not whole numbers.
    """
    horizon, vocab_size = task.max_length, len(task.vocabulary)
    given = _array("prefix", prefix)
    if given.size:
        _check_whole("prefix", prefix, given)
    ids = np.broadcast_to(given, (count, len(given))) if given.ndim == 1 else given
    if ids.ndim != 2 or len(ids) != count or not 0 < ids.shape[1] < horizon:
        raise ValueError(
            f"prefix={prefix!r} has shape {given.shape}; expected (P,) or ({count}, P) token ids with 0 < P < "
            f"{horizon}: not empty, and with room for a token"
        )
    end = task.vocabulary.eos_id
    wrong = (ids < 0) | (ids >= vocab_size) | (ids == (-1 if end is None else end))
    if wrong.any():
        raise ValueError(
            f"prefix holds {int(ids[wrong][0])}; allowed are the token ids 0 to {vocab_size - 1}"
            + ("" if end is None else f" except the end token {end}")
        )
    return ids.astype(np.int64)


def checked_source_rows(source: ArrayLike, count: int, task: Task, argument: str = "source") -> IntArray:
    """`source` as (count,) int64 rows of the task's source table; a single row stands for all.

    Raises:
        ValueError: an unconditional task, a row that does not exist, or another number of rows.
        TypeError: not whole numbers.
    """
    if task.sources is None:
        raise ValueError(f"{argument}={source!r}: this task is unconditional; it has no sources")
    given = _array(argument, source)
    _check_whole(argument, source, given)
    indices = np.broadcast_to(given, (count,)) if given.ndim == 0 else given
    total = len(task.sources.tokens)
    if indices.shape != (count,) or ((indices < 0) | (indices >= total)).any():
        raise ValueError(
            f"{argument}={source!r} must be one row of the source table, 0 to {total - 1}, or {count} rows"
        )
    return indices.astype(np.int64)


def checked_texts(tokens: ArrayLike, lengths: ArrayLike | None, task: Task) -> tuple[IntArray, IntArray]:
    """Whole texts as tokens (N, T) int64, blank after the end, and lengths (N,) int64.

    Args:
        tokens: (N, T') with T' <= T; what follows a text's end is not read.
        lengths: (N,), or None: up to the first end token or blank.

    Raises:
        ValueError: wrong shapes, ids out of range, or a length that goes beyond the text's end.
        TypeError: not whole numbers.
    """
    horizon, vocab_size = task.max_length, len(task.vocabulary)
    ids = _array("tokens", tokens)
    if ids.ndim != 2 or ids.shape[1] > horizon:
        raise ValueError(f"tokens has shape {ids.shape}, expected (N, T) with T <= {horizon}; wrap one text as [text]")
    if ids.size:
        _check_whole("tokens", tokens, ids)
    outside = (ids < 0) | (ids > vocab_size)
    if outside.any():
        raise ValueError(
            f"tokens holds {int(ids[outside][0])}; allowed are the ids 0 to {vocab_size - 1}, "
            f"and {vocab_size} for a blank"
        )
    texts = np.full((len(ids), horizon), vocab_size, np.int64)
    texts[:, : ids.shape[1]] = ids
    found = task.vocabulary.lengths(texts)
    counts = found if lengths is None else _array("lengths", lengths)
    if counts.size:
        _check_whole("lengths", lengths, counts)
    if counts.shape != (len(ids),):
        raise ValueError(f"lengths has shape {counts.shape}, expected ({len(ids)},): one for each text")
    beyond = (counts < 0) | (counts > found)
    if beyond.any():
        row = int(np.flatnonzero(beyond)[0])
        raise ValueError(f"lengths[{row}]={counts[row]} must be 0 to {found[row]}, where text {row} ends")
    texts[np.arange(horizon) >= counts[:, None]] = vocab_size
    return texts, counts.astype(np.int64)


def _array(argument: str, value: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{argument}={value!r} is ragged; give rows of one length") from None


def _check_whole(argument: str, value: object, array: NDArray[Any]) -> None:
    if array.dtype.kind not in "iu":
        raise TypeError(f"{argument}={value!r} has type {array.dtype}, expected whole numbers")
