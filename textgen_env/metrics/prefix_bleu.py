"""BLEU of growing texts, one token at a time."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import check_room
from textgen_env.kernels import kernels
from textgen_env.metrics.bleu_scorer import BleuScorer
from textgen_env.metrics.ngrams import checked_texts, contiguous
from textgen_env.metrics.row_counters import RowCounters
from textgen_env.vocabulary import IntArray


class PrefixBleu:
    """BLEU of prefixes, extended by one token in `max_order` look-ups whatever their length. Compiled loops alone.

    A state is a dict of arrays over N prefixes:
        total: (N,) float64, BLEU, equal to `scorer.score` of the prefixes.
        group: (N,) int64, their groups, numbered from 0; -1 for an empty prefix in a group without references.
        slots: (N, K - 1) int64, where the n-grams of orders 1 .. K - 1 that end the prefix stand in the table, or -1.
        matches: (N, K) int64, the clipped matches of orders 1 .. K.
        counts: `RowCounters`, the occurrences of each n-gram that matched.

    Args:
        scorer: of whole texts.
        width: T, the longest prefix.
        end: the end token, which leaves a text's score as it is, or None.
        start: an id that stands before every prefix, a token of its n-grams that `tokens` and `lengths` do not have; or
            None. An empty prefix scores 0 all the same.
    """

    def __init__(self, scorer: BleuScorer, width: int, end: int | None = None, start: int | None = None) -> None:
        self.scorer = scorer
        self.width = width
        self.end = end
        self.start = start
        self._before = 0 if start is None else 1
        # Twice the n-grams that a text of `width` tokens can match.
        self._capacity = 2 ** (2 * scorer.max_order * (width + self._before)).bit_length()

    def begin(self, tokens: IntArray, lengths: IntArray, groups: NDArray[Any] | None = None) -> dict[str, Any]:
        """The state after prefixes (N, T), (N,), their end tokens left out, in groups (N,).

        Raises:
            TypeError, ValueError: see `BleuScorer.score`; prefixes wider than `width`.
        """
        references, order = self.scorer.references, self.scorer.max_order
        tokens, lengths = checked_texts(tokens, lengths)
        self._check_width(tokens)
        count, empty = len(tokens), lengths == 0
        if self.start is not None:
            tokens, lengths = with_start(tokens, lengths, self.start)
        named = references.checked_groups(groups, count)
        group = references.places(named, count)
        # An empty prefix may stand for one whose group is not known yet.
        if (~empty[group < 0]).any():
            references.group_indices(named, count)
        # Without a group there is nothing to compare with, not even the start.
        lengths = np.where(group < 0, 0, lengths)
        check_room(f"num_envs={count}, max_order={order}: dense BLEU", count, self._capacity)
        state: dict[str, Any] = {
            "total": np.empty(count),
            "group": group,
            "slots": np.empty((count, order - 1), np.int64),
            "matches": np.empty((count, order), np.int64),
            "counts": RowCounters(np.zeros((count, self._capacity), np.int64), references.ngrams.count_bits),
        }
        kernels("prefixes").begin(
            state["total"],
            state["slots"],
            state["matches"],
            state["counts"].entries,
            contiguous(references.numbered(tokens)),
            contiguous(lengths),
            state["group"],
            *self.scorer.table_arguments,
            *self.scorer.length_arguments,
            *self.scorer.formula_arguments,
        )
        state["total"][empty] = 0.0
        return state

    def extend(self, state: dict[str, Any], tokens: IntArray, lengths: IntArray) -> dict[str, Any]:
        """The state after one more token, the last of each prefix (N, T), (N,); `state` is not changed.

        Raises:
            ValueError: prefixes wider than `width`, or one that began in a group without references.
        """
        self._check_width(tokens)
        last = tokens[np.arange(len(tokens)), lengths - 1]
        numbered = contiguous(self.scorer.references.numbered(last))
        if self.end is not None:
            numbered = np.where(last == self.end, -1, numbered)
        counts: RowCounters = state["counts"]
        if counts.additions is not None:
            # A view whose entries were not taken over before the next token.
            counts = copy(counts)
        after: dict[str, Any] = {name: state[name].copy() for name in ("total", "group", "slots", "matches")}
        additions = np.empty_like(after["matches"])
        in_order = kernels("prefixes").extend(
            after["total"],
            after["slots"],
            after["matches"],
            additions,
            counts.entries,
            counts.rows,
            numbered,
            contiguous(lengths + self._before),
            after["group"],
            *self.scorer.table_arguments,
            *self.scorer.length_arguments,
            *self.scorer.formula_arguments,
        )
        if not in_order:
            row = int((after["group"] < 0).argmax())
            raise ValueError(
                f"text {row} began in a group that has no reference to compare it with; "
                f"give at least one reference of that group to BleuScorer"
            )
        return {**after, "counts": counts.extended(additions)}

    def check_state(self, state: dict[str, Any]) -> None:
        """Refuses what is no state of prefixes: the compiled loops go where it says.

        Raises:
            ValueError: naming the entry.
        """
        words, *_, groups = self.scorer.table_arguments
        counts: RowCounters = state["counts"]
        entries = np.asarray(counts)
        slots = entries >> counts.count_bits
        checks = {
            "group": ((state["group"] >= -1) & (state["group"] < groups)).all(),
            "slots": ((state["slots"] >= -1) & (state["slots"] < len(words))).all(),
            "matches": ((state["matches"] >= 0) & (state["matches"] <= self.width + self._before)).all(),
            # A table that is more than half full may have no empty place, at which a search ends.
            "counts": counts.count_bits == self.scorer.references.ngrams.count_bits
            and ((slots >= 0) & (slots < len(words))).all()
            and (2 * np.count_nonzero(entries, 1) <= self._capacity).all(),
        }
        for name, holds in checks.items():
            if not holds:
                raise ValueError(f"state: entry {name!r} is not that of prefixes; restore what snapshot() returned")

    def _check_width(self, tokens: IntArray) -> None:
        if tokens.shape[1] > self.width:
            raise ValueError(f"tokens has {tokens.shape[1]} columns; the prefixes may have {self.width} tokens at most")


def with_start(tokens: IntArray, lengths: IntArray, start: int) -> tuple[IntArray, IntArray]:
    """Texts (N, T), (N,) with `start` before them: (N, T + 1), (N,)."""
    return np.concatenate([np.full((len(tokens), 1), start, np.int64), tokens], 1), lengths + 1
