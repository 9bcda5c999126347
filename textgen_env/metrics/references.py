"""References that texts are compared with, made ready once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.metrics.bleu import LengthTable
from textgen_env.metrics.ngrams import NgramTable, contiguous, end_to_end
from textgen_env.vocabulary import IntArray

# Larger token ids are numbered anew: the fewer bits a token has, the more are left for n-grams.
_LARGEST_ID = 2**24
NONE: IntArray = np.zeros(0, np.int64)
NONE.flags.writeable = False


@dataclass(frozen=True)
class References:
    """R references. The arrays are read-only.

    Attributes:
        ngrams: their n-grams.
        lengths: their lengths.
        groups: (G,) the groups' own numbers, ascending, or empty where there are none.
        token_ids: (U,) ascending, the tokens whose places among them stand in `ngrams`; empty where ids stand there.
    """

    ngrams: NgramTable
    lengths: LengthTable
    groups: IntArray
    token_ids: IntArray

    def __post_init__(self) -> None:
        for array in self.arrays().values():
            array.flags.writeable = False

    @classmethod
    def of(
        cls, tokens: IntArray, starts: IntArray, lengths: IntArray, groups: NDArray[Any] | None, max_order: int
    ) -> References:
        """The references `tokens[starts[r] : starts[r] + lengths[r]]` in groups (R,).

        Raises:
            TypeError: groups that are not integers.
            ValueError: no reference, groups of another shape, or more n-grams than int64 numbers.
        """
        if not len(lengths):
            raise ValueError("references: got none; BLEU compares with at least one text")
        names, group = NONE, np.zeros(len(lengths), np.int64)
        if groups is not None:
            names, group = np.unique(_checked_groups(groups, len(lengths), "reference"), return_inverse=True)
        token_ids = NONE
        if tokens.max(initial=0) >= _LARGEST_ID:
            token_ids, tokens = np.unique(end_to_end(tokens, starts, lengths), return_inverse=True)
            starts = lengths.cumsum() - lengths
        ngrams = NgramTable.of(tokens, starts, lengths, group, max_order)
        return cls(ngrams, LengthTable.of(lengths, group), names, token_ids)

    def arrays(self) -> dict[str, IntArray]:
        """All that it holds but a few numbers."""
        return {
            "words": self.ngrams.words,
            "length_keys": self.lengths.keys,
            "length_starts": self.lengths.starts,
            "groups": self.groups,
            "token_ids": self.token_ids,
        }

    def numbered(self, tokens: IntArray) -> IntArray:
        """Token ids >= 0 as they stand in `ngrams`; those that no reference has become one that it has not."""
        if not len(self.token_ids):
            return tokens
        places = np.minimum(self.token_ids.searchsorted(tokens), len(self.token_ids) - 1)
        return np.where(self.token_ids[places] == tokens, places, 2**self.ngrams.token_bits)

    def checked_groups(self, groups: NDArray[Any] | None, count: int) -> IntArray | None:
        """The groups (N,) that `count` texts name, if the references have groups; else None.

        Raises:
            TypeError: groups that are not integers.
            ValueError: groups missing or not expected, or of another shape.
        """
        if not len(self.groups):
            if groups is not None:
                raise ValueError(
                    "groups: the references have none; build BleuScorer with groups= or leave them out here"
                )
            return None
        if groups is None:
            raise ValueError(f"groups=None: the references have groups; give each of the {count} texts its own")
        return _checked_groups(groups, count, "text")

    def places(self, groups: IntArray | None, count: int) -> IntArray:
        """The places (N,) of the texts' groups among those of the references, -1 for one that is not among them; 0
        without groups."""
        if groups is None:
            return np.zeros(count, np.int64)
        places = np.minimum(self.groups.searchsorted(groups), len(self.groups) - 1)
        return np.where(self.groups[places] == groups, places, -1)

    def group_indices(self, groups: IntArray | None, count: int) -> IntArray:
        """`places` of groups that all have references.

        Raises:
            ValueError: a group without references.
        """
        places = self.places(groups, count)
        if groups is not None and (places < 0).any():
            row = int((places < 0).argmax())
            raise ValueError(
                f"groups[{row}]={groups[row]} has no reference to compare text {row} with; "
                f"give at least one reference of that group to BleuScorer"
            )
        return places


def checked_references(references: Sequence[Sequence[int]]) -> tuple[IntArray, IntArray]:
    """The references end to end (sum of lengths,) and their lengths (R,).

    Raises:
        TypeError: not sequences of integers.
        ValueError: a negative id.
    """
    try:
        lengths = np.fromiter(map(len, references), np.int64, len(references))
        tokens = np.array(list(chain.from_iterable(references)))
    except (TypeError, ValueError) as error:
        raise TypeError(f"references must be sequences of token ids, one a reference: {error}") from None
    if tokens.size and (tokens.ndim != 1 or tokens.dtype.kind not in "iu"):
        raise TypeError(
            f"references must hold integer token ids, got dtype {tokens.dtype} and {tokens.ndim} dimension(s)"
        )
    tokens = tokens.astype(np.int64)
    if tokens.min(initial=0) < 0:
        at = int((tokens < 0).argmax())
        row = int(lengths.cumsum().searchsorted(at, side="right"))
        raise ValueError(f"references[{row}] holds {tokens[at]}; token ids must be >= 0 and references without padding")
    return tokens, lengths


def _checked_groups(groups: NDArray[Any], count: int, what: str) -> IntArray:
    groups = np.asarray(groups)
    if groups.dtype.kind not in "iu":
        raise TypeError(f"groups must be an array of integers, got dtype {groups.dtype}")
    if groups.shape != (count,):
        raise ValueError(f"groups has shape {groups.shape}, expected ({count},): one for each {what}")
    return contiguous(groups)
