"""Origins of the words of a text: copied from the training texts, repeated within it, or new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgen_env.vocabulary import IntArray, Texts, Vocabulary

Origin = Literal["copied", "repeated", "new"]
ORDER = 5
"""So many tokens in a row that stand in a training text are copied."""
REPEATED = 2
"""So many tokens in a row that stand in the text already are repeated."""


class Span(NamedTuple):
    """A piece of a text, with the blank before it, and where it comes from."""

    text: str
    origin: Origin


def origins(texts: Texts, training: Texts, vocabulary: Vocabulary) -> list[list[Origin]]:
    """Where each token of each text comes from, end tokens left out.

    A token is "repeated" if it ends two tokens in a row that stand earlier in the text already; else "copied" if it is
    one of five in a row that stand so in a training text, or of fewer if they are the whole of one; else "new".

    Args:
        texts: (N, T) that were written.
        training: (M, T) that were learned from.
        vocabulary: of both.
    """
    width = min(ORDER, training.tokens.shape[1], texts.tokens.shape[1])
    known = np.unique(_windows(training.tokens, width, vocabulary.blank_id))
    whole = {tuple(row[:length]) for row, length in _contents(training, vocabulary) if length < width}
    windows = _windows(texts.tokens, width, vocabulary.blank_id)
    found: list[list[Origin]] = []
    for at, (row, length) in enumerate(_contents(texts, vocabulary)):
        copied = np.zeros(length, np.bool_)
        for start in range(max(length - width + 1, 0)):
            if _is_in(known, windows[at, start]):
                copied[start : start + width] = True
        if length < width and tuple(row[:length]) in whole:
            copied[:] = True
        seen: set[tuple[int, ...]] = set()
        kinds: list[Origin] = []
        for i in range(length):
            pair = tuple(row[i + 1 - REPEATED : i + 1]) if i + 1 >= REPEATED else ()
            kinds.append("repeated" if pair and pair in seen else "copied" if copied[i] else "new")
            seen.add(pair)
        found.append(kinds)
    return found


def spans(ids: Sequence[int], kinds: Sequence[Origin], vocabulary: Vocabulary) -> tuple[Span, ...]:
    """The decoded text in pieces of one origin each: joined, they are the text.

    Args:
        ids: of the text's tokens.
        kinds: of each, as `origins` has them.
        vocabulary: decodes them. A token's piece is what it adds to the text before it; where a token changes what
            stands before it, the whole text is "new".
    """
    found: list[Span] = []
    text = ""
    for i, kind in enumerate(kinds):
        longer = vocabulary.text_of(list(ids[: i + 1]))
        if not longer.startswith(text):
            return (Span(vocabulary.text_of(list(ids)), "new"),)
        added = longer[len(text) :]
        if found and found[-1].origin == kind:
            found[-1] = Span(found[-1].text + added, kind)
        else:
            found.append(Span(added, kind))
        text = longer
    return tuple(found)


def _contents(texts: Texts, vocabulary: Vocabulary) -> list[tuple[list[int], int]]:
    lengths = vocabulary.content_lengths(texts.tokens, texts.lengths)
    return list(zip(texts.tokens.tolist(), lengths.tolist(), strict=True))


def _windows(tokens: IntArray, width: int, blank: int) -> NDArray[np.uint64]:
    """(N, T - width + 1) a number for each `width` tokens in a row: a hash of 64 bits, which two different rows share
    with a probability of about 2^-64."""
    base = np.uint64(0x9E3779B97F4A7C15)
    shown = np.where(tokens == blank, 0, tokens + 1).astype(np.uint64)
    total = np.zeros((len(tokens), tokens.shape[1] - width + 1), np.uint64)
    for offset in range(width):
        mixed = shown[:, offset : offset + total.shape[1]] * base
        total = (total ^ mixed) * np.uint64(0xBF58476D1CE4E5B9)
        total ^= total >> np.uint64(29)
    return total


def _is_in(known: NDArray[np.uint64], value: np.uint64) -> bool:
    place = int(np.searchsorted(known, value))
    return place < len(known) and bool(known[place] == value)
