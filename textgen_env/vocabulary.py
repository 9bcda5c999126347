"""Vocabulary: token ids and text.

A vocabulary of size V numbers its tokens 0 .. V-1; these are the actions of the game. The id V itself is
the *blank*: it fills what is not written yet, in observations and in arrays of texts of unequal length, and
can never be chosen.
"""

from __future__ import annotations

from collections import UserString
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

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


class Vocabulary:
    """The tokens of a task.

    Args:
        tokens: V distinct strings; the position is the id.
        eos: the string among them that ends a text, or None where every text has full length.
        separator: what stands between two decoded tokens: " " for words, "" for characters and pieces.

    Raises:
        TypeError: a token that is no string.
        ValueError: no tokens, a token twice, or an `eos` that is not among them.
    """

    def __init__(self, tokens: Sequence[str], eos: str | None = None, separator: str = " ") -> None:
        self.tokens: tuple[str, ...] = tuple(tokens)
        self.separator = separator
        if not self.tokens:
            raise ValueError("tokens: got an empty sequence; a vocabulary needs at least one token")
        other = next((token for token in self.tokens if not isinstance(token, str)), None)
        if other is not None:
            raise TypeError(f"tokens: {other!r} is a {type(other).__name__}; every token must be a string")
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            repeated = next(t for i, t in enumerate(self.tokens) if self._ids[t] != i)
            raise ValueError(f"tokens: {repeated!r} occurs twice; each token needs one id")
        if eos is not None and eos not in self._ids:
            raise ValueError(f"eos={eos!r} is not among the {len(self.tokens)} tokens; add it to them")
        self.eos_id: int | None = None if eos is None else self._ids[eos]

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
        same_form = self.eos_id == other.eos_id and self.separator == other.separator
        return same_form and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash((self.tokens, self.eos_id, self.separator))

    def encode(self, pieces: Iterable[str]) -> list[int]:
        """Ids of a text already cut into tokens.

        Raises:
            ValueError: a piece that is not in the vocabulary.
        """
        try:
            return [self._ids[piece] for piece in pieces]
        except KeyError as error:
            raise ValueError(f"token {error.args[0]!r} is not among the {len(self)} tokens of the vocabulary") from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, up to the first end token or blank, without it."""
        pieces = []
        for i in ids:
            if i == self.eos_id or i == self.blank_id:
                break
            pieces.append(self.tokens[i])
        return self.separator.join(pieces).strip()

    def decode_row(self, tokens: IntArray, row: int) -> str:
        """The text in `row` of `tokens` (N, T)."""
        return self.decode(tokens[row])

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


class LazyText(UserString):
    """A text that is decoded when it is first read; behaves as the string it decodes to.

    Args:
        text: the string, which is how `UserString` makes a slice or a sum; or what decodes it.
        row: with it, `text(row)` is the string.
    """

    # N of them are made whenever N texts end, and few are read: two attributes are all that one carries.
    def __init__(self, text: Any, row: int | None = None) -> None:
        self._text = text
        self._row = row

    @cached_property
    def data(self) -> str:  # type: ignore[override]
        """The string."""
        return str(self._text if self._row is None else self._text(self._row))

    # Infos are deep-copied at every step by some vector environments: a text never changes, so it is shared,
    # and across processes it travels as a plain string rather than with its vocabulary.
    def __copy__(self) -> LazyText:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> LazyText:
        return self

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (self.data,)
