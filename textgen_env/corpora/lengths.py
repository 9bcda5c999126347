"""Lengths of texts: the horizon that fits most of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from textgen_env.checks import check_at_least, check_choice, check_number
from textgen_env.vocabulary import IntArray

TooLong = Literal["drop", "cut"]
QUANTILES = (0, 5, 25, 50, 75, 95, 100)
"""Percent of the texts that are no longer."""


@dataclass(frozen=True)
class Horizon:
    """Bound on the length of texts.

    Attributes:
        max_length: tokens, the end token included; None for the least that fits `coverage` of the training texts.
        coverage: share of the training texts, above 0 and at most 1.
        too_long: "drop" to leave a longer text out, "cut" to keep its first `max_length` tokens, without an end.
        argument: the name of `max_length` in errors.
        least: that `max_length` must be.

    Raises:
        TypeError, ValueError: an attribute that is not allowed.
    """

    max_length: int | None
    coverage: float
    too_long: TooLong
    argument: str = "max_length"
    least: int = 2

    def __post_init__(self) -> None:
        check_choice("too_long", self.too_long, ("drop", "cut"))
        check_number("coverage", self.coverage, above=0.0, most=1.0)
        if self.max_length is not None:
            check_at_least(self.argument, self.max_length, self.least)

    def chosen(self, lengths: IntArray) -> int:
        """The horizon T for training texts of lengths (N,), N >= 1, end tokens included."""
        if self.max_length is not None:
            return self.max_length
        return int(np.quantile(lengths, self.coverage, method="inverted_cdf"))


def quantiles(lengths: IntArray) -> dict[int, int]:
    """Percent -> the length that so many of the texts (N,) do not exceed; nothing where there are none."""
    if not len(lengths):
        return {}
    return {percent: int(np.quantile(lengths, percent / 100, method="inverted_cdf")) for percent in QUANTILES}
