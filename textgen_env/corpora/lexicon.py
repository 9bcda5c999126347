"""Lexicon: the vocabulary that training texts give, and the ids of their pieces in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import MOST_TOKENS, check_at_least, check_choice
from textgen_env.corpora.ragged import Ragged
from textgen_env.tokenization.base import Pieces, Tokenization
from textgen_env.vocabulary import IntArray, Vocabulary

END, UNKNOWN = "<eos>", "<unk>"
Unknown = Literal["replace", "drop"]
UNCOVERED = -1


@dataclass(frozen=True)
class Limits:
    """Bounds on what a vocabulary takes in.

    Attributes:
        vocab_size: the most tokens, the end and the unknown among them; None for no limit.
        min_count: how often a piece must stand in the training texts.
        unknown: "replace" to write "<unk>" for a piece that is not taken in, "drop" to leave out its text.
        prefix: before the names of arguments in errors: "source_" for the sources of pairs.

    Raises:
        TypeError, ValueError: an attribute that is not allowed.
    """

    vocab_size: int | None
    min_count: int
    unknown: Unknown
    prefix: str = ""

    def __post_init__(self) -> None:
        check_choice("unknown", self.unknown, ("replace", "drop"))
        check_at_least(f"{self.prefix}min_count", self.min_count)
        if self.vocab_size is not None:
            check_at_least(f"{self.prefix}vocab_size", self.vocab_size, 3, MOST_TOKENS)

    @property
    def named(self) -> str:
        """The arguments with their values, for errors."""
        return f"{self.prefix}min_count={self.min_count}, {self.prefix}vocab_size={self.vocab_size}"


@dataclass(frozen=True)
class Lexicon:
    """A vocabulary and where pieces stand in it.

    Attributes:
        vocabulary: of V tokens; it knows its end.
        ids: (P,) int32 the id of each piece; -1 where a text that holds it is left out.
        unknown: (P,) bool which pieces are not in the vocabulary.
    """

    vocabulary: Vocabulary
    ids: NDArray[np.int32]
    unknown: NDArray[np.bool_]

    def covers(self, texts: Ragged) -> NDArray[np.bool_]:
        """(N,) bool which texts of pieces have no token for which they are left out."""
        left_out = self.ids == UNCOVERED
        if not left_out.any():
            return np.ones(len(texts), np.bool_)
        covered: NDArray[np.bool_] = texts.counted(left_out[texts.ids]) == 0
        return covered

    def unknown_in(self, texts: Ragged) -> int:
        """The number of tokens of texts of pieces that are not in the vocabulary."""
        return int(self.unknown[texts.ids].sum()) if self.unknown.any() else 0


def lexicon_of(
    tokenization: Tokenization, pieces: Sequence[str], counts: IntArray, limits: Limits, ends: bool = True
) -> Lexicon:
    """The lexicon of training texts.

    The vocabulary has "<eos>" as id 0, "<unk>" as id 1 where `limits.unknown` is "replace", and then the pieces, the
    most frequent first and equally frequent ones sorted; or, of a tokenization that has its pieces fixed, these.

    Args:
        tokenization: that the pieces are of.
        pieces: P different ones, of training and test texts.
        counts: (P,) int64 how often each stands in the training texts.
        limits: what is taken in.
        ends: whether there is an end token, as for texts that are written; sources have none, and id 0 is their first.

    Raises:
        ValueError: no piece is taken in, or limits for pieces that are fixed.
    """
    fixed = tokenization.pieces
    if fixed is not None:
        return _fixed(tokenization, fixed, pieces, limits)
    special = [END] * ends + [UNKNOWN] * (limits.unknown == "replace")
    order = sorted(range(len(pieces)), key=lambda i: (-counts[i], pieces[i]))
    taken = [i for i in order if counts[i] >= limits.min_count and pieces[i] not in (END, UNKNOWN)]
    if limits.vocab_size is not None:
        taken = taken[: max(limits.vocab_size - len(special), 0)]
    if not taken:
        most = int(counts.max(initial=0))
        raise ValueError(
            f"{limits.named}: no token is left in the vocabulary, every "
            f"text would be unknown; the most frequent of the {len(pieces)} different tokens stands in the training "
            f"texts {most} times: choose a smaller min_count, or a larger vocab_size"
        )
    check_at_least("vocab_size", len(special) + len(taken), 1, MOST_TOKENS)
    ids = np.full(len(pieces), special.index(UNKNOWN) if UNKNOWN in special else UNCOVERED, np.int32)
    unknown = np.ones(len(pieces), np.bool_)
    ids[taken] = np.arange(len(special), len(special) + len(taken))
    unknown[taken] = False
    tokens = [*special, *(pieces[i] for i in taken)]
    vocabulary = Vocabulary(
        tokens,
        END if ends else None,
        tokenization.separator,
        tokenization,
        UNKNOWN if UNKNOWN in special else None,
    )
    return Lexicon(vocabulary, ids, unknown)


def _fixed(tokenization: Tokenization, fixed: Pieces, pieces: Sequence[str], limits: Limits) -> Lexicon:
    if limits.min_count > 1 or limits.vocab_size is not None:
        raise ValueError(
            f"{limits.named}: this tokenization has its "
            f"{len(fixed.tokens)} pieces fixed; leave both at their defaults, and give the number of pieces to learn "
            'as {"name": "subword", "vocab_size": ...}'
        )
    vocabulary = Vocabulary(fixed.tokens, fixed.end, tokenization.separator, tokenization, fixed.unknown or None)
    known = {token: i for i, token in enumerate(fixed.tokens) if token not in (fixed.end, fixed.unknown)}
    replacement = UNCOVERED
    if limits.unknown == "replace" and fixed.unknown:
        replacement = fixed.tokens.index(fixed.unknown)
    ids = np.array([known.get(piece, replacement) for piece in pieces], np.int32)
    return Lexicon(vocabulary, ids, np.array([piece not in known for piece in pieces], np.bool_))
