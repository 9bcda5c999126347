"""Ready parallel corpora: sources and references under vocabularies and horizons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textgen_env.corpora.lengths import Horizon, quantiles
from textgen_env.corpora.lexicon import Lexicon, Limits, lexicon_of
from textgen_env.corpora.parallel import ParallelCorpus, Side
from textgen_env.corpora.ragged import Ragged, as_rows
from textgen_env.corpora.ready import TOO_LONG, UNKNOWN
from textgen_env.corpora.report import CorpusReport, ParallelReport, PartReport
from textgen_env.vocabulary import IntArray, Texts, Vocabulary

Kept = NDArray[np.bool_]
OTHER_SIDE = "other side left out"


@dataclass(frozen=True)
class ReadyParallel:
    """A parallel corpus with its vocabularies and horizons.

    Attributes:
        source_vocabulary: of the sources; it has no end.
        sources: (M, S) int64 the different sources, those of the training part first.
        for_test: (M,) bool which of them are kept for testing.
        vocabulary: of the targets, V tokens.
        max_length: T, of the targets.
        references: (K, T) the targets, `sources` naming the row of each.
        report: what became of them.
    """

    source_vocabulary: Vocabulary
    sources: IntArray
    for_test: Kept
    vocabulary: Vocabulary
    max_length: int
    references: Texts
    report: ParallelReport


@dataclass(frozen=True)
class Bounds:
    """Bounds on what one side takes in.

    Attributes:
        limits: of the vocabulary.
        horizon: of the texts.
        ends: whether a text has an end token.
    """

    limits: Limits
    horizon: Horizon
    ends: bool


def ready_parallel(corpus: ParallelCorpus, of_sources: Bounds, of_targets: Bounds, named: str) -> ReadyParallel:
    """The parallel corpus under bounds. A source is left out with its references, and with its last one.

    Args:
        corpus: its texts.
        of_sources, of_targets: what each side takes in.
        named: the corpus, for errors.

    Raises:
        ValueError: a part of which no pair, or a vocabulary of which no token is left.
    """
    for_test = corpus.for_test
    target_for_test = for_test[corpus.source_of]
    sources = _Fitting.of(corpus.sources, for_test, of_sources)
    targets = _Fitting.of(corpus.targets, target_for_test, of_targets)
    kept_targets = targets.kept & sources.kept[corpus.source_of]
    kept_sources = np.bincount(corpus.source_of[kept_targets], minlength=len(for_test)) > 0
    reports = [
        fitting.report(side, kept, part)
        for fitting, side, kept, part in (
            (sources, corpus.sources, kept_sources, for_test),
            (targets, corpus.targets, kept_targets, target_for_test),
        )
    ]
    report = ParallelReport(*reports)
    for name, part in (("training", report.targets.training), ("test", report.targets.test)):
        if not part.kept:
            sources_part = getattr(report.sources, name)
            why = ", ".join(
                f"{count} {what} {reason}"
                for what, told in (("targets", part), ("sources", sources_part))
                for reason, count in told.dropped.items()
                if count
            )
            raise ValueError(
                f"{named}: no {name} pair is left of {part.read} (left out: {why}); loosen max_length, "
                "max_source_length, min_count, source_min_count, vocab_size or unknown"
            )
    row_of = np.cumsum(kept_sources) - 1
    table = sources.rows(corpus.sources, kept_sources)
    references = targets.rows(corpus.targets, kept_targets)
    return ReadyParallel(
        sources.lexicon.vocabulary,
        table.tokens,
        for_test[kept_sources],
        targets.lexicon.vocabulary,
        targets.max_length,
        Texts(references.tokens, references.lengths, row_of[corpus.source_of[kept_targets]]),
        report,
    )


@dataclass(frozen=True)
class _Fitting:
    """Fit of one side to its bounds: its lexicon, its horizon, and which texts hold what is unknown, or are longer."""

    bounds: Bounds
    lexicon: Lexicon
    max_length: int
    empty: Kept
    uncovered: Kept
    longer: Kept

    @classmethod
    def of(cls, side: Side, for_test: Kept, bounds: Bounds) -> _Fitting:
        training = side.texts.taken(~for_test)
        counts = np.bincount(training.ids, minlength=len(side.pieces))
        lexicon = lexicon_of(side.tokenization, side.pieces, counts, bounds.limits, bounds.ends)
        empty = side.texts.lengths == 0
        uncovered = ~lexicon.covers(side.texts)
        lengths = side.texts.lengths + bounds.ends
        known = lengths[~for_test & ~uncovered & ~empty]
        max_length = bounds.horizon.chosen(known) if len(known) else 0
        return cls(bounds, lexicon, max_length, empty, uncovered, lengths > max_length)

    @property
    def kept(self) -> Kept:
        """(N,) bool which texts fit."""
        fits = ~self.empty & ~self.uncovered
        return fits if self.bounds.horizon.too_long == "cut" else fits & ~self.longer

    def rows(self, side: Side, kept: Kept) -> Texts:
        """The texts that are kept, (N, T)."""
        texts, vocabulary = side.texts.taken(kept), self.lexicon.vocabulary
        ids = Ragged(self.lexicon.ids[texts.ids], texts.lengths)
        return as_rows(ids, self.max_length, vocabulary.blank_id, vocabulary.eos_id if self.bounds.ends else None)

    def report(self, side: Side, kept: Kept, for_test: Kept) -> CorpusReport:
        """Report of what became of the texts of each part."""
        parts = [self._part(side, kept, part, name) for name, part in (("training", ~for_test), ("test", for_test))]
        horizon = self.bounds.horizon
        chosen = horizon.max_length is None
        return CorpusReport(parts[0], parts[1], len(self.lexicon.vocabulary), self.max_length, chosen, horizon.coverage)

    def _part(self, side: Side, kept: Kept, part: Kept, name: str) -> PartReport:
        of_part = side.texts.taken(part & kept).cut(self.max_length)
        dropped = dict(side.dropped[name])
        dropped["empty"] += int((part & self.empty).sum())
        dropped[UNKNOWN] = int((part & self.uncovered).sum())
        fits = part & ~self.empty & ~self.uncovered
        cut = self.bounds.horizon.too_long == "cut"
        dropped[TOO_LONG] = 0 if cut else int((fits & self.longer).sum())
        dropped[OTHER_SIDE] = int((part & self.kept & ~kept).sum())
        return PartReport(
            read=side.read[name],
            dropped=dropped,
            cut=int((part & kept & self.longer).sum()),
            kept=int((part & kept).sum()),
            tokens=len(of_part.ids),
            unknown_tokens=self.lexicon.unknown_in(of_part),
            lengths=quantiles(side.texts.lengths[fits] + self.bounds.ends),
        )
