"""Corpus: texts like those of the user's own file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from textgen_env.checks import check_bool
from textgen_env.corpora.corpus import Split, load_corpus
from textgen_env.corpora.lengths import Horizon, TooLong
from textgen_env.corpora.lexicon import Limits, Unknown
from textgen_env.corpora.origin import FileOrigin, GivenOrigin, Origin
from textgen_env.corpora.ready import ready
from textgen_env.tasks.base import BaseTask
from textgen_env.tokenization import make_tokenization
from textgen_env.vocabulary import Texts


class CorpusTask(BaseTask):
    """Texts like those of the user's own file.

    ## Description
    The texts of a file, or of any iterable of strings, are cut into tokens; those of the training part make the
    vocabulary: `<eos>`, which ends a text, is id 0, `<unk>`, which stands for what the vocabulary does not have, is
    id 1 where `unknown="replace"`, and the others follow, the most frequent first. A subword tokenization has its own
    pieces with their own ids. Decoded texts are readable: no blank stands before a full stop.

    `<unk>` is an action like others: BLEU counts it as a word that nothing matches, other rewards may pay for it, and
    with `unknown="drop"` there is none.

    `task.report` says what became of the texts: how many were read, kept, and left out and why, how many tokens are
    unknown, how long the texts are. `python -m textgen_env.data describe FILE` prints it.

    ## Data
    Texts that are empty, or stand in the file again, are left out. A test part is drawn from the others by `seed`, or
    is another file, of which texts that also stand in the training part are left out. What is cut once is kept in the
    user's cache folder ($TEXTGEN_CACHE, $XDG_CACHE_HOME/textgen-env or ~/.cache/textgen-env) under a digest of the
    content and of all that matters, if it is large; where nothing can be written there, it is cut again.

    Args:
        path: of the file. ".txt": a text a line; ".csv", ".tsv" with a first line of column names; ".jsonl": a JSON
            object a line; each also compressed, with ".gz". UTF-8.
        texts: the texts themselves, in place of a file: a list, a column of a data set.
        test_path: of a file of test texts, read as `path` is.
        test_size: without one, the share of the texts that is kept for testing, or their number.
        seed: of that choice.
        field: the column, or the JSON key, that holds the text.
        paragraphs: of a ".txt": texts are apart by an empty line.
        tokenization: "word", "character" or "subword", or a mapping with arguments, such as {"name": "word",
            "lowercase": True} or {"name": "subword", "model": "unigram", "vocab_size": 2000}; see
            `textgen_env.tokenization`.
        vocab_size: the most tokens of the vocabulary, the special ones among them; None for no limit.
        min_count: how often a token must stand in the training texts to be in the vocabulary.
        unknown: "replace" to write `<unk>` for other tokens, "drop" to leave out the texts that have them.
        max_length: the horizon T in tokens, the end token included; None for the least that fits `coverage`.
        coverage: the share of the training texts that is to fit.
        too_long: "drop" to leave longer texts out, "cut" to keep their first T tokens, without an end.
        cache: whether cut texts are looked for, and kept, in the user's cache folder.

    Attributes:
        report: what became of the texts.
        digest: SHA-256 of the content and of how it is read and cut.

    Raises:
        TypeError, ValueError: arguments that are not allowed, texts that cannot be read, or of which none are left.
        FileNotFoundError: no such file.
        textgen_env.files.UnreadableFile: a file that is no text, with the line.
        ImportError: a library that the tokenization needs is not installed.
    """

    def __init__(
        self,
        path: str | None = None,
        texts: Iterable[str] | None = None,
        test_path: str | None = None,
        test_size: float = 0.1,
        seed: int = 0,
        field: str | None = None,
        paragraphs: bool = False,
        tokenization: str | Mapping[str, Any] = "word",
        vocab_size: int | None = None,
        min_count: int = 1,
        unknown: Unknown = "replace",
        max_length: int | None = None,
        coverage: float = 0.95,
        too_long: TooLong = "drop",
        cache: bool = True,
    ) -> None:
        split, limits = Split(test_size, seed), Limits(vocab_size, min_count, unknown)
        horizon = Horizon(max_length, coverage, too_long)
        check_bool("cache", cache)
        check_bool("paragraphs", paragraphs)
        cut = make_tokenization(tokenization)
        origin = _origin(path, texts, field, paragraphs)
        test = None if test_path is None else FileOrigin.of(test_path, field, paragraphs, "test_path")
        corpus = load_corpus(origin, test, cut, split, cache)
        made = ready(corpus, limits, horizon, origin.named)
        self.vocabulary, self.max_length = made.vocabulary, made.max_length
        self.report, self.digest = made.report, corpus.digest
        self.seed, self.too_long, self.unknown = seed, too_long, unknown
        self._training, self._test = made.training, made.test

    def training_sequences(self) -> Texts:
        """The texts (N, T) of the training part, in the order of the file."""
        return self._training.copy()

    def test_sequences(self) -> Texts:
        """The texts (N, T) of the test part, in the order of the file."""
        return self._test.copy()


def _origin(path: str | PathLike[str] | None, texts: Iterable[str] | None, field: str | None, lines: bool) -> Origin:
    if (path is None) == (texts is None):
        given = "both" if texts is not None else "neither"
        raise ValueError(
            f"path and texts: got {given}; give one: path='reviews.txt', or texts=['a text', 'another', ...]"
        )
    if texts is None:
        assert path is not None
        return FileOrigin.of(path, field, lines)
    if field is not None or lines:
        raise ValueError(f"field={field!r}, paragraphs={lines}: texts are given as they are; leave out both")
    return GivenOrigin.of(texts)
