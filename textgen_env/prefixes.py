"""Prefixes: the texts being written, and the rule by which they grow."""

from __future__ import annotations

from typing import Any

import numpy as np

from textgen_env.kernels import kernels
from textgen_env.vocabulary import IntArray, Vocabulary

COMPILED_FROM = 128
"""Rows from which on loading compiled code pays."""


class Prefixes:
    """N prefixes. A token is written behind each; the end token or the horizon ends a text.

    Args:
        num_rows: N.
        horizon: T.
        vocabulary: of V tokens.
        compiled: whether compiled code may be taken, which knows no masks.

    Attributes:
        tokens, lengths: (N, T) and (N,) int64; blanks are V.
        running: (N,) bool, texts begun and not ended.
        The arrays stay the same ones throughout.
    """

    def __init__(self, num_rows: int, horizon: int, vocabulary: Vocabulary, compiled: bool) -> None:
        self.horizon = horizon
        self.vocab_size = len(vocabulary)
        # No token id where there is no end token.
        self._eos = -1 if vocabulary.eos_id is None else vocabulary.eos_id
        self.tokens = np.full((num_rows, horizon), self.vocab_size, np.int64)
        self.lengths = np.zeros(num_rows, np.int64)
        self.running = np.zeros(num_rows, np.bool_)
        self._starts = np.arange(num_rows) * horizon
        self._compiled = compiled and num_rows >= COMPILED_FROM
        self._look_through()

    def _look_through(self) -> None:
        """Makes what is no state of its own: a view of the tokens, and code."""
        self._flat = self.tokens.reshape(-1)
        self._kernels: Any = kernels("steps") if self._compiled else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: part for name, part in vars(self).items() if name not in ("_flat", "_kernels")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        # A copy of the view would be an array of its own, in which tokens are written unseen.
        self._look_through()

    # One form for a token and for an array of them.
    def ends(self, chosen: Any, lengths: Any) -> Any:
        """Whether `chosen`, which makes texts `lengths` long, ends them."""
        return lengths == self.horizon if self._eos < 0 else (chosen == self._eos) | (lengths == self.horizon)

    def by_end_token(self, chosen: Any) -> Any:
        """Whether `chosen` are end tokens."""
        return chosen == self._eos

    def write(self, at: Any, chosen: IntArray, before: IntArray) -> None:
        """Puts `chosen` behind the `before` tokens of the texts `at`."""
        self._flat[self._starts[at] + before] = chosen
        self.lengths[at] = before + 1

    def write_one(self, row: int, token: int, before: int) -> None:
        """`write` in one row."""
        self.tokens[row, before] = token
        self.lengths[row] = before + 1

    def write_all_inside(self, actions: Any) -> bool:
        """Writes `actions` (N,), token ids none of which ends its text, by compiled code; others change nothing.

        Returns:
            Whether it did.
        """
        if self._kernels is None or not self._is_ready(actions, len(self.lengths)):
            return False
        wrote: bool = self._kernels.write_inside(
            self.tokens, self.lengths, self.running, actions, self.vocab_size, self._eos
        )
        return wrote

    def found_ends(self, actions: Any, rows: IntArray) -> IntArray | None:
        """Which (E,) of `actions` (K,) end the texts in `rows` (K,), by compiled code; None where there is none, one is
        no token id, or a text does not run."""
        if self._kernels is None or not (self._is_ready(actions, len(rows)) and rows.flags.carray):
            return None
        ended = np.empty(len(rows), np.int64)
        count = self._kernels.find_ends(
            self.lengths, self.running, actions, rows, self.vocab_size, self._eos, self.horizon, ended
        )
        return None if count < 0 else ended[:count]

    def write_found(self, chosen: IntArray, rows: IntArray) -> None:
        """`write` in `rows` (K,) of what `found_ends` has looked at."""
        self._kernels.write_rows(self.tokens, self.lengths, chosen, rows)

    @staticmethod
    def _is_ready(actions: Any, count: int) -> bool:
        """Whether compiled code reads `actions` (K,) as they are."""
        return (
            type(actions) is np.ndarray
            and actions.dtype == np.int64
            and actions.shape == (count,)
            and actions.flags.carray
        )


def put_last(tokens: IntArray, lengths: IntArray, last: IntArray) -> None:
    """Puts `last` (K,) at the end of the texts (K, T), contiguous, (K,)."""
    # One axis: an index for each of two takes four times as long.
    tokens.reshape(-1)[np.arange(len(tokens)) * tokens.shape[1] + (lengths - 1)] = last
