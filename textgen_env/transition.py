"""The transition that one step makes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgen_env.rewards.base import FloatArray, Terms
from textgen_env.vocabulary import IntArray

BoolArray = NDArray[np.bool_]
STOPS = ("length", "eos", "masked")
"""Reasons that a text ended: the horizon, the end token, a masked token that costs a penalty."""


class FinishedText(NamedTuple):
    """A text that has ended: one of `Finished`.

    Attributes:
        tokens: (T,) int64, of the text alone.
        length, stop, source: as there, of one.
        terms: name of each part of the reward -> its score.
    """

    tokens: IntArray
    length: int
    stop: int
    terms: dict[str, float]
    source: int | None


class Finished(NamedTuple):
    """The K texts that ended in one step.

    Attributes:
        rows: (K,) where they were written.
        tokens: (K, T) int64, lengths (K,) int64.
        stops: (K,) int64, what ended them: a place in `STOPS`.
        terms: name of each part of the reward -> (K,) float64.
        sources: (K,) int64 rows of the source table, or None.
    """

    rows: IntArray
    tokens: IntArray
    lengths: IntArray
    stops: IntArray
    terms: Terms
    sources: IntArray | None

    def text(self, which: int) -> FinishedText:
        """The `which`-th of the texts."""
        return FinishedText(
            self.tokens[which].copy(),
            int(self.lengths[which]),
            int(self.stops[which]),
            {name: float(values[which]) for name, values in self.terms.items()},
            None if self.sources is None else int(self.sources[which]),
        )


class Transition(NamedTuple):
    """Outcome of one step: rewards (N,) float64, terminated (N,) bool, and the texts that ended, if any."""

    rewards: FloatArray
    terminated: BoolArray
    finished: Finished | None
