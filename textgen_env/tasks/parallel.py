"""Parallel: the target of the user's own source-target pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from textgen_env.checks import check_bool, check_choice
from textgen_env.corpora.corpus import Split
from textgen_env.corpora.lengths import Horizon, TooLong
from textgen_env.corpora.lexicon import Limits, Unknown
from textgen_env.corpora.pairs import FilePairs, GivenPairs, PairOrigin, TwoFilePairs
from textgen_env.corpora.parallel import load_parallel
from textgen_env.corpora.ready_parallel import Bounds, ready_parallel
from textgen_env.tasks.base import BaseTask, SourceTable
from textgen_env.tokenization import make_tokenization
from textgen_env.vocabulary import Texts

SPLITS = ("train", "test", "all")


class ParallelTask(BaseTask):
    """The target of a source, as the user's own pairs have it: a translation, a summary, an answer.

    ## Description
    A pair is a source and one or more references, each a text that is right for it. Sources and targets are cut into
    tokens, each side by its own tokenization, and have vocabularies of their own, as in the task `corpus`: that of the
    targets has `<eos>` as id 0 and `<unk>` as id 1, that of the sources no end.

    `task.report` says of both sides what became of the texts.

    ## Data
    Pairs with one source are one source with several references. Test sources are drawn by `seed`, or are those of
    another file, of which sources that also stand in the training part are left out; a source is in one part alone.
    `split` says which sources `reset` draws from. Large corpora are kept in the user's cache folder, as in `corpus`.

    Args:
        path: of a file of pairs: ".tsv" without names, its first column the source and its second the target; ".tsv" or
            ".csv" with a first line of names, if the fields are named; ".jsonl", its keys "source" and "target" or the
            fields named, the target a string or a list of references. Each also compressed, with ".gz". UTF-8.
        source_path, target_path: of two ".txt" files instead, line i of the one belonging to line i of the other.
        pairs: the pairs themselves, in place of files: (source, target) or (source, [target, ...]) each.
        test_path, test_source_path, test_target_path: of the test pairs, in the same form.
        test_size: without them, the share of the sources that is kept for testing, or their number.
        split: the sources that are played: "train", "test" or "all".
        seed: of the choice of test sources.
        source_field, target_field: the columns, or keys, that hold the texts.
        tokenization: of the targets, as in `corpus`.
        source_tokenization: of the sources; None for that of the targets.
        vocab_size, source_vocab_size: the most tokens of each vocabulary; None for no limit.
        min_count, source_min_count: how often a token must stand in the training part.
        unknown: "replace" to write `<unk>` for other tokens, "drop" to leave out the pairs that have them.
        max_length: the horizon T of the targets in tokens, the end token included; None for the least that fits
            `coverage`.
        max_source_length: the most tokens of a source; None likewise.
        coverage: the share of the training texts that is to fit.
        too_long: "drop" to leave longer texts out with their pairs, "cut" to keep their first tokens.
        cache: whether cut texts are looked for, and kept, in the user's cache folder.

    Attributes:
        report: what became of the texts of both sides.
        digest: SHA-256 of the content and of how it is read and cut.

    Raises:
        TypeError, ValueError: arguments that are not allowed, pairs that cannot be read, or of which none are left.
        FileNotFoundError: no such file.
        textgen_env.files.UnreadableFile: a file that is no text, or a pair that lacks one side, with the line.
        ImportError: a library that a tokenization needs is not installed.
    """

    sources: SourceTable

    def __init__(
        self,
        path: str | None = None,
        source_path: str | None = None,
        target_path: str | None = None,
        pairs: Iterable[Any] | None = None,
        test_path: str | None = None,
        test_source_path: str | None = None,
        test_target_path: str | None = None,
        test_size: float = 0.1,
        split: str = "train",
        seed: int = 0,
        source_field: str | None = None,
        target_field: str | None = None,
        tokenization: str | Mapping[str, Any] = "word",
        source_tokenization: str | Mapping[str, Any] | None = None,
        vocab_size: int | None = None,
        source_vocab_size: int | None = None,
        min_count: int = 1,
        source_min_count: int = 1,
        unknown: Unknown = "replace",
        max_length: int | None = None,
        max_source_length: int | None = None,
        coverage: float = 0.95,
        too_long: TooLong = "drop",
        cache: bool = True,
    ) -> None:
        check_choice("split", split, SPLITS)
        check_bool("cache", cache)
        chosen = Split(test_size, seed)
        bounds = [
            Bounds(_limits(side, size, count, unknown), _horizon(side, most, coverage, too_long), ends)
            for side, size, count, most, ends in (
                ("source_", source_vocab_size, source_min_count, max_source_length, False),
                ("", vocab_size, min_count, max_length, True),
            )
        ]
        cut = make_tokenization(tokenization)
        cut_sources = (
            cut if source_tokenization is None else make_tokenization(source_tokenization, "source_tokenization")
        )
        origin = _origin(path, source_path, target_path, pairs, source_field, target_field)
        test = _test_origin(test_path, test_source_path, test_target_path, source_field, target_field)
        corpus = load_parallel(origin, test, (cut_sources, cut), chosen, cache)
        made = ready_parallel(corpus, bounds[0], bounds[1], origin.named)
        self.vocabulary, self.max_length = made.vocabulary, made.max_length
        self.report, self.digest = made.report, corpus.digest
        self.seed, self.split, self.too_long, self.unknown = seed, split, too_long, unknown
        rows = {"train": ~made.for_test, "test": made.for_test, "all": np.ones_like(made.for_test)}
        self.sources = SourceTable(made.source_vocabulary, made.sources, np.flatnonzero(rows[split]))
        self._for_test, self._references = made.for_test, made.references

    def training_sequences(self) -> Texts:
        """The references (N, T) of the training sources, `sources` naming their rows."""
        return self._part(False)

    def test_sequences(self) -> Texts:
        """The references (N, T) of the test sources, `sources` naming their rows."""
        return self._part(True)

    def references(self) -> Texts:
        """The references (K, T) of all sources, `sources` naming their rows."""
        return self._references.copy()

    def _part(self, for_test: bool) -> Texts:
        tokens, lengths, sources = self._references
        assert sources is not None
        rows = self._for_test[sources] == for_test
        return Texts(tokens[rows], lengths[rows], sources[rows])


def _origin(
    path: str | None,
    source_path: str | None,
    target_path: str | None,
    pairs: Iterable[Any] | None,
    source_field: str | None,
    target_field: str | None,
) -> PairOrigin:
    two = source_path is not None or target_path is not None
    if (path is not None) + two + (pairs is not None) != 1:
        raise ValueError(
            "path, source_path with target_path, and pairs: give one of the three, as path='pairs.tsv', "
            "source_path='de.txt', target_path='en.txt', or pairs=[('ein Hund', 'a dog'), ...]"
        )
    if path is not None:
        return FilePairs.of(path, source_field, target_field)
    if source_field is not None or target_field is not None:
        raise ValueError(f"source_field={source_field!r}, target_field={target_field!r}: they name fields of path=...")
    if pairs is not None:
        return GivenPairs.of(pairs)
    return _two(source_path, target_path, "")


def _test_origin(
    path: str | None,
    source_path: str | None,
    target_path: str | None,
    source_field: str | None,
    target_field: str | None,
) -> PairOrigin | None:
    two = source_path is not None or target_path is not None
    if path is not None and two:
        raise ValueError("test_path, and test_source_path with test_target_path: give one of the two")
    if path is not None:
        return FilePairs.of(path, source_field, target_field, "test_path")
    return _two(source_path, target_path, "test_") if two else None


def _two(source_path: str | None, target_path: str | None, prefix: str) -> TwoFilePairs:
    if source_path is None or target_path is None:
        lacking = "source_path" if source_path is None else "target_path"
        raise ValueError(f"{prefix}{lacking} is missing; give {prefix}source_path and {prefix}target_path together")
    return TwoFilePairs.of(source_path, target_path, prefix)


def _limits(side: str, vocab_size: int | None, min_count: int, unknown: Unknown) -> Limits:
    return Limits(vocab_size, min_count, unknown, side)


def _horizon(side: str, max_length: int | None, coverage: float, too_long: TooLong) -> Horizon:
    return Horizon(max_length, coverage, too_long, f"max_{side}length", 1 if side else 2)
