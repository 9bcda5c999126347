"""Ready corpora: the texts of a corpus under a vocabulary and a horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textgen_env.corpora.corpus import Corpus, Part
from textgen_env.corpora.lengths import Horizon, quantiles
from textgen_env.corpora.lexicon import Lexicon, Limits, lexicon_of
from textgen_env.corpora.ragged import Ragged, as_rows
from textgen_env.corpora.report import CorpusReport, PartReport
from textgen_env.vocabulary import Texts, Vocabulary

TOO_LONG, UNKNOWN = "too long", "unknown tokens"


@dataclass(frozen=True)
class ReadyCorpus:
    """A corpus with its vocabulary and horizon.

    Attributes:
        vocabulary: of V tokens.
        max_length: T.
        training, test: (N, T) texts.
        report: what became of the texts.
    """

    vocabulary: Vocabulary
    max_length: int
    training: Texts
    test: Texts
    report: CorpusReport


def ready(corpus: Corpus, limits: Limits, horizon: Horizon, named: str) -> ReadyCorpus:
    """The corpus under limits.

    Args:
        corpus: its texts.
        limits: what the vocabulary takes in.
        horizon: how long a text may be.
        named: the corpus, for errors.

    Raises:
        ValueError: a part of which no text, or a vocabulary of which no token is left.
    """
    counts = np.bincount(corpus.training.texts.ids, minlength=len(corpus.pieces))
    lexicon = lexicon_of(corpus.tokenization, corpus.pieces, counts, limits)
    training, test = _covered(corpus.training, lexicon), _covered(corpus.test, lexicon)
    lengths = training.texts.lengths + 1
    max_length = horizon.chosen(lengths) if len(lengths) else 0
    first, of_first = _limited(training, lexicon, horizon, max_length)
    second, of_second = _limited(test, lexicon, horizon, max_length)
    for name, told in (("training", of_first), ("test", of_second)):
        if not told.kept:
            why = ", ".join(f"{count} {reason}" for reason, count in told.dropped.items() if count)
            raise ValueError(
                f"{named}: no {name} text is left of {told.read} (left out: {why}); loosen max_length={max_length}, "
                f"too_long={horizon.too_long!r}, min_count={limits.min_count}, vocab_size={limits.vocab_size} or "
                f"unknown={limits.unknown!r}"
            )
    chosen = horizon.max_length is None
    report = CorpusReport(of_first, of_second, len(lexicon.vocabulary), max_length, chosen, horizon.coverage)
    return ReadyCorpus(lexicon.vocabulary, max_length, first, second, report)


def _covered(part: Part, lexicon: Lexicon) -> Part:
    """The texts of a part that the lexicon takes in, still as ids of the corpus's pieces."""
    kept = lexicon.covers(part.texts)
    return Part(part.texts.taken(kept), part.read, {**part.dropped, UNKNOWN: int((~kept).sum())})


def _limited(part: Part, lexicon: Lexicon, horizon: Horizon, max_length: int) -> tuple[Texts, PartReport]:
    """The texts (N, T) of a part, as ids of the vocabulary, and what became of them."""
    longer = part.texts.lengths + 1 > max_length
    kept = np.ones(len(longer), np.bool_) if horizon.too_long == "cut" else ~longer
    texts = part.texts.taken(kept)
    rows = as_rows(
        Ragged(lexicon.ids[texts.ids], texts.lengths),
        max_length,
        lexicon.vocabulary.blank_id,
        lexicon.vocabulary.eos_id,
    )
    cut = texts.cut(max_length)
    told = PartReport(
        read=part.read,
        dropped={**part.dropped, TOO_LONG: int((~kept).sum())},
        cut=int(longer[kept].sum()),
        kept=len(texts),
        tokens=len(cut.ids),
        unknown_tokens=lexicon.unknown_in(cut),
        lengths=quantiles(part.texts.lengths + 1),
    )
    return rows, told
