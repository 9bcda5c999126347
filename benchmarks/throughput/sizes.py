"""Sizes of the work."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np


@dataclass(frozen=True)
class Sizes:
    """Sizes of the cases; the defaults are those that the targets are stated for.

    Attributes:
        vocab_size: V.
        length: T, tokens of a text.
        rows: of vector environments, and texts scored or written at once.
        references: texts that BLEU compares with.
        texts: of a sample: Self-BLEU, edit distance, distinct-n.
        batch: texts of an update.
        wide_rows: of the widest vector environment.
        longest, largest_vocab, most_texts: where the curves of cost against size end.
        million: references of the case of that name.

    Raises:
        ValueError: a size below its least.
    """

    vocab_size: int = 5_000
    length: int = 20
    rows: int = 1_024
    references: int = 10_000
    texts: int = 10_000
    batch: int = 64
    wide_rows: int = 65_536
    longest: int = 500
    largest_vocab: int = 20_000
    most_texts: int = 300_000
    million: int = 1_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least = getattr(self, field.name), LEAST.get(field.name, 1)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"--{field.name.replace('_', '-')} {value!r} must be a whole number >= {least}")
        if self.batch % 2:
            raise ValueError(f"--batch {self.batch} must be even: half of a discriminator's texts are real")

    def with_options(self, options: dict[str, int | None]) -> Sizes:
        """With those of `options` that are not None."""
        return replace(self, **{name: value for name, value in options.items() if value is not None})


LEAST = {"vocab_size": 2, "length": 2, "texts": 2, "batch": 2, "longest": 2, "largest_vocab": 2, "most_texts": 2}
QUICK = Sizes(
    vocab_size=1_000,
    rows=256,
    references=1_000,
    texts=1_000,
    batch=16,
    wide_rows=8_192,
    longest=100,
    largest_vocab=4_000,
    most_texts=8_000,
    million=20_000,
)
"""For a look in half a minute."""


def grown(first: int, last: int, points: int = 5) -> list[int]:
    """About `points` whole numbers from `first` to `last`, equal factors apart; `last` alone if it is not larger."""
    if last <= first:
        return [last]
    return sorted({round(float(size)) for size in np.geomspace(first, last, points)})
