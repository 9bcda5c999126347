"""Vocabulary: token ids and text.

A vocabulary of size V numbers its tokens 0 .. V-1; these are the actions of the game. The id V itself is
the *blank*: it fills what is not written yet, in observations and in arrays of texts of unequal length, and
can never be chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


class Texts(NamedTuple):
    """A batch of N texts over one vocabulary.

    Attributes:
        tokens: (N, T) int64, left aligned; what follows a text's end is filled with the blank V.
        lengths: (N,) int64, tokens written, the end token included where it was written.
        sources: (N,) int64 rows of the task's source table, or None for an unconditional task.
    """

    tokens: IntArray
    lengths: IntArray
    sources: IntArray | None = None

    def copy(self) -> Texts:
        """The same texts in arrays of their own."""
        return Texts(self.tokens.copy(), self.lengths.copy(), None if self.sources is None else self.sources.copy())


def checked_ids(ids: Iterable[int], vocab_size: int) -> IntArray:
    """`ids` as an array (L,) int64 of token ids, the blank among them.

    Raises:
        TypeError: no whole numbers.
        ValueError: not one row of ids, or an id below 0 or above the blank V.
    """
    try:
        given = np.asarray(ids if hasattr(ids, "__array__") else list(ids))
    except (TypeError, ValueError):
        raise TypeError(f"ids={ids!r} must be a row of token ids, whole numbers from 0 to {vocab_size}") from None
    if given.ndim != 1:
        raise ValueError(f"ids={ids!r} has shape {given.shape}, expected (L,): the ids of one text")
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(f"ids={ids!r} has type {given.dtype}, expected whole numbers: token ids")
    outside = (given < 0) | (given > vocab_size)
    if outside.any():
        raise ValueError(
            f"ids holds {given[outside][0]}; allowed are the token ids 0 to {vocab_size - 1}, and {vocab_size} for a "
            "blank"
        )
    return given.astype(np.int64)


class Joining(Protocol):
    """Joining: makes readable text of tokens. Equal, with equal hashes, where they join alike."""

    def join(self, pieces: list[str]) -> str:
        """The text of a row of tokens."""
        ...


class Vocabulary:
    """The tokens of a task.

    Args:
        tokens: V distinct strings, or one string of V characters; the position is the id.
        eos: the string among them that ends a text, or None where every text has full length.
        separator: what stands between two decoded tokens: " " for words, "" for characters and pieces.
        joining: joins decoded tokens where a separator is not all there is to it, such as a tokenization that puts no
            blank before a full stop; None for the separator alone.
        unknown: the string among them that stands for whatever the vocabulary lacks, or None.

    Raises:
        TypeError: a token or a separator that is no string.
        ValueError: no tokens, a token twice, or an `eos` or `unknown` that is not among them.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        eos: str | None = None,
        separator: str = " ",
        joining: Joining | None = None,
        unknown: str | None = None,
    ) -> None:
        if not isinstance(tokens, Iterable):
            raise TypeError(f"tokens={tokens!r} must be a sequence of strings, got {type(tokens).__name__}")
        if not isinstance(separator, str):
            raise TypeError(f"separator={separator!r} must be a string, got {type(separator).__name__}")
        self.tokens: tuple[str, ...] = tuple(tokens)
        self.separator = separator
        self.joining = joining
        if not self.tokens:
            raise ValueError("tokens: got an empty sequence; a vocabulary needs at least one token")
        for i, token in enumerate(self.tokens):
            if not isinstance(token, str):
                raise TypeError(f"tokens[{i}]={token!r} is a {type(token).__name__}; every token must be a string")
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            repeated = next(t for i, t in enumerate(self.tokens) if self._ids[t] != i)
            raise ValueError(f"tokens: {repeated!r} occurs twice; each token needs one id")
        for name, special in (("eos", eos), ("unknown", unknown)):
            if special is not None and special not in self._ids:
                raise ValueError(f"{name}={special!r} is not among the {len(self.tokens)} tokens; add it to them")
        self.eos_id: int | None = None if eos is None else self._ids[eos]
        self.unknown_id: int | None = None if unknown is None else self._ids[unknown]

    @classmethod
    def numbered(cls, size: int) -> Vocabulary:
        """The tokens "0" .. "size-1", without an end: for tasks whose tokens are bare symbols."""
        return cls([str(i) for i in range(size)])

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def blank_id(self) -> int:
        """V, the id of "nothing written here"."""
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        same_form = self.eos_id == other.eos_id and self.unknown_id == other.unknown_id
        same_form = same_form and self.separator == other.separator
        return same_form and self.joining == other.joining and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash((self.tokens, self.eos_id, self.unknown_id, self.separator, self.joining))

    def encode(self, pieces: Iterable[str]) -> list[int]:
        """Ids of a text already cut into tokens.

        Raises:
            TypeError: a text that is not cut, or a piece that is no string.
            ValueError: a piece that is not in the vocabulary.
        """
        if isinstance(pieces, str | bytes) or not isinstance(pieces, Iterable):
            raise TypeError(
                f"pieces={pieces!r} must be a sequence of tokens, got {type(pieces).__name__}; cut a text into tokens "
                "first, at the vocabulary's separator: text.split()"
            )
        return [self._id(piece) for piece in pieces]

    def _id(self, piece: object) -> int:
        if not isinstance(piece, str):
            raise TypeError(f"pieces holds {piece!r}, a {type(piece).__name__}; every token must be a string")
        found = self._ids.get(piece)
        if found is None:
            raise ValueError(f"token {piece!r} is not among the {len(self)} tokens of the vocabulary")
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` (L,), up to the first end token or blank, without it.

        Raises:
            TypeError: ids that are no whole numbers.
            ValueError: not one row of ids, or an id below 0 or above the blank V.
        """
        return self.text_of(checked_ids(ids, len(self)).tolist())

    def text_of(self, ids: list[int]) -> str:
        """The text of `ids`, each of 0 .. V, as `decode` gives it; they are not checked."""
        tokens, ends = self.tokens, (self.eos_id, self.blank_id)
        pieces = []
        for i in ids:
            if i in ends:
                break
            pieces.append(tokens[i])
        joined = self.separator.join(pieces) if self.joining is None else self.joining.join(pieces)
        return joined.strip()

    def lengths(self, tokens: IntArray) -> IntArray:
        """Written tokens of each row of `tokens` (N, T), the end token included: (N,) int64."""
        horizon = tokens.shape[1]
        blank = tokens == self.blank_id
        lengths: IntArray = np.where(blank.any(1), blank.argmax(1), horizon).astype(np.int64)
        if self.eos_id is not None:
            end = tokens == self.eos_id
            lengths = np.minimum(lengths, np.where(end.any(1), end.argmax(1) + 1, horizon))
        return lengths

    def content_lengths(self, tokens: IntArray, lengths: IntArray) -> IntArray:
        """`lengths` (N,) less one where the text closes with the end token: what a metric on words counts."""
        if self.eos_id is None:
            return lengths
        last = tokens[np.arange(len(tokens)), np.maximum(lengths - 1, 0)]
        closed: IntArray = ((lengths > 0) & (last == self.eos_id)).astype(np.int64)
        return lengths - closed
