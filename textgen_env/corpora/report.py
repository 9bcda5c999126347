"""Report: what became of the texts of a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PartReport:
    """Report of what became of the texts of one part.

    Attributes:
        read: texts that were there.
        dropped: why -> how many were left out: "empty", "repeated", "in the training part", "too long", "unknown
            tokens".
        cut: texts that were longer than T, of which T tokens are kept.
        kept: texts.
        tokens: of the texts that are kept, end tokens left out.
        unknown_tokens: of those, how many are not in the vocabulary.
        lengths: percent -> tokens, the end token included, that so many of the texts do not exceed, before any is
            dropped or cut for its length.
    """

    read: int
    dropped: Mapping[str, int]
    cut: int
    kept: int
    tokens: int
    unknown_tokens: int
    lengths: Mapping[int, int]


@dataclass(frozen=True)
class CorpusReport:
    """Report of what became of the texts of a corpus.

    Attributes:
        training, test: of each part.
        vocab_size: V.
        max_length: T.
        chosen: whether T was chosen to fit the lengths, rather than given.
        coverage: the share of the training texts that it was chosen to fit.
    """

    training: PartReport
    test: PartReport
    vocab_size: int
    max_length: int
    chosen: bool
    coverage: float

    def __str__(self) -> str:
        how = f"the least that fits {self.coverage:.0%} of the training texts" if self.chosen else "given"
        rows: list[tuple[str, ...]] = [("", "training", "test")]
        parts = (self.training, self.test)
        rows.append(("read", *(f"{part.read:,}" for part in parts)))
        for why in dict.fromkeys(why for part in parts for why in part.dropped):
            rows.append((f"dropped: {why}", *(f"{part.dropped.get(why, 0):,}" for part in parts)))
        rows.append(("kept", *(f"{part.kept:,}" for part in parts)))
        if any(part.cut for part in parts):
            rows.append((f"  of them cut to {self.max_length} tokens", *(f"{part.cut:,}" for part in parts)))
        rows.append(("tokens", *(f"{part.tokens:,}" for part in parts)))
        rows.append(("  unknown", *(_share(part.unknown_tokens, part.tokens) for part in parts)))
        for percent in dict.fromkeys(percent for part in parts for percent in part.lengths):
            rows.append((f"length, {percent}%", *(str(part.lengths.get(percent, "-")) for part in parts)))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}" for row in rows]
        return "\n".join([*lines, f"V = {self.vocab_size:,} tokens, T = {self.max_length} ({how})"])


@dataclass(frozen=True)
class ParallelReport:
    """Report of what became of the pairs of a parallel corpus.

    Attributes:
        sources, targets: of each side.
    """

    sources: CorpusReport
    targets: CorpusReport

    def __str__(self) -> str:
        return f"Sources\n{self.sources}\n\nTargets\n{self.targets}"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.2%})" if whole else f"{part:,}"
