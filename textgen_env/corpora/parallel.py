"""Parallel corpus: sources and their references, read, cut into tokens and split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.corpora.corpus import EMPTY, IN_TRAINING, LEAST_KEPT, REPEATED, Split
from textgen_env.corpora.kept import keep, key_of, load_kept
from textgen_env.corpora.pairs import PairOrigin
from textgen_env.corpora.ragged import Ragged, encoded
from textgen_env.tokenization import Tokenization
from textgen_env.vocabulary import IntArray

ARRAYS = ("source_ids", "source_lengths", "target_ids", "target_lengths", "source_of", "for_test")


@dataclass(frozen=True)
class Side:
    """Sources or targets.

    Attributes:
        texts: of all parts, as ids of this side's pieces.
        pieces: P different tokens, in the order of their ids.
        tokenization: that has cut them, with what it has learned.
        read: training and test part -> texts that were there.
        dropped: training and test part -> why -> how many of them are left out.
    """

    texts: Ragged
    pieces: tuple[str, ...]
    tokenization: Tokenization
    read: Mapping[str, int]
    dropped: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class ParallelCorpus:
    """Sources and their references.

    Attributes:
        sources: M different ones.
        targets: K references.
        source_of: (K,) int64 the source of each reference.
        for_test: (M,) bool which sources are kept for testing.
        digest: of all that they depend on.
    """

    sources: Side
    targets: Side
    source_of: IntArray
    for_test: NDArray[np.bool_]
    digest: str


def load_parallel(
    origin: PairOrigin,
    test_origin: PairOrigin | None,
    tokenizations: tuple[Tokenization, Tokenization],
    split: Split,
    cache: bool,
) -> ParallelCorpus:
    """The parallel corpus of pairs, from the user's cache folder if it was made before.

    Args:
        origin: of the pairs, or of the training pairs.
        test_origin: of the test pairs; None to take them from the others by `split`.
        tokenizations: of sources and of targets; what they learn, they learn from the training part.
        split: chooses the test sources, each with all of its references.
        cache: whether it is looked for in the cache folder, and kept there if it is large.

    Raises:
        ValueError: too few pairs, or what cannot be read.
    """
    settings: dict[str, Any] = {
        "pairs": dict(origin.settings),
        "tokenizations": [dict(each.settings) for each in tokenizations],
    }
    if test_origin is None:
        settings |= {"test_size": split.test_size, "seed": split.seed}
    else:
        settings["test"] = dict(test_origin.settings)
    key = key_of(settings)
    found = load_kept(key, ARRAYS) if cache else None
    corpus = None if found is None else _read(*found, tokenizations, key)
    if corpus is None:
        corpus = _made(origin, test_origin, tokenizations, split, key)
        if cache and len(corpus.sources.texts.ids) + len(corpus.targets.texts.ids) >= LEAST_KEPT:
            _keep(corpus)
    return corpus


def _made(
    origin: PairOrigin,
    test_origin: PairOrigin | None,
    tokenizations: tuple[Tokenization, Tokenization],
    split: Split,
    digest: str,
) -> ParallelCorpus:
    training = _Pairs.of(origin.pairs())
    if not training.references:
        raise ValueError(f"{origin.named} holds no pair; give pairs of a source and a target")
    if test_origin is None:
        chosen = set(split.rows(len(training.references), origin.named).tolist())
        training, test = training.divided(chosen)
    else:
        test = _Pairs.of(test_origin.pairs())
        if not test.references:
            raise ValueError(f"{test_origin.named} holds no pair; give pairs of a source and a target")
        test = test.without(training)
    sources = [*training.references, *test.references]
    counts = [len(each) for part in (training, test) for each in part.references.values()]
    of_sources, of_targets = tokenizations
    first = _side(sources, of_sources.fitted(training.references), training.sources_told, test.sources_told)
    second = _side(
        [*training.targets(), *test.targets()],
        of_targets.fitted(training.targets()),
        training.targets_told,
        test.targets_told,
    )
    for_test = np.arange(len(sources)) >= len(training.references)
    return ParallelCorpus(first, second, np.repeat(np.arange(len(sources)), counts), for_test, digest)


@dataclass(frozen=True)
class _Told:
    """Counts of a side's texts: of all there were, and of those left out, by why."""

    read: int
    dropped: Mapping[str, int]


@dataclass(frozen=True)
class _Pairs:
    """Source -> its different references."""

    references: Mapping[str, list[str]]
    sources_told: _Told
    targets_told: _Told

    @classmethod
    def of(cls, pairs: Iterator[tuple[str, list[str]]]) -> _Pairs:
        found: dict[str, dict[str, None]] = {}
        read = 0
        for source, targets in pairs:
            read += len(targets)
            found.setdefault(source.strip(), {}).update(dict.fromkeys(target.strip() for target in targets))
        references = {source: list(targets) for source, targets in found.items()}
        kept = sum(map(len, references.values()))
        return cls(references, _Told(len(references), {}), _Told(read, {REPEATED: read - kept}))

    def targets(self) -> list[str]:
        return [target for each in self.references.values() for target in each]

    def divided(self, chosen: set[int]) -> tuple[_Pairs, _Pairs]:
        """Without the sources at these places, and these alone. What was repeated is told of the first."""
        rows = list(self.references.items())
        parts = [dict(row for i, row in enumerate(rows) if (i in chosen) is wanted) for wanted in (False, True)]
        sizes = [(len(part), sum(map(len, part.values()))) for part in parts]
        read = self.targets_told.read - sizes[1][1]
        first = _Pairs(parts[0], _Told(sizes[0][0], {}), replace(self.targets_told, read=read))
        return first, _Pairs(parts[1], _Told(sizes[1][0], {}), _Told(sizes[1][1], {REPEATED: 0}))

    def without(self, training: _Pairs) -> _Pairs:
        """Without the sources of the training part."""
        left = {source: each for source, each in self.references.items() if source not in training.references}
        known = len(self.references) - len(left)
        targets = sum(len(each) for source, each in self.references.items() if source in training.references)
        return _Pairs(
            left,
            _Told(self.sources_told.read, {**self.sources_told.dropped, IN_TRAINING: known}),
            _Told(self.targets_told.read, {**self.targets_told.dropped, IN_TRAINING: targets}),
        )


def _side(texts: list[str], tokenization: Tokenization, training: _Told, test: _Told) -> Side:
    known: dict[str, int] = {}
    ragged = encoded(texts, tokenization, known)
    read = {"training": training.read, "test": test.read}
    dropped = {"training": {EMPTY: 0, **training.dropped}, "test": {EMPTY: 0, **test.dropped}}
    return Side(ragged, tuple(known), tokenization, read, dropped)


def _keep(corpus: ParallelCorpus) -> None:
    arrays: dict[str, NDArray[Any]] = {"source_of": corpus.source_of, "for_test": corpus.for_test}
    told: dict[str, Any] = {}
    for name, side in (("source", corpus.sources), ("target", corpus.targets)):
        arrays |= {f"{name}_ids": side.texts.ids, f"{name}_lengths": side.texts.lengths}
        told[name] = {
            "pieces": side.pieces,
            "learned": side.tokenization.learned,
            "read": dict(side.read),
            "dropped": {part: dict(each) for part, each in side.dropped.items()},
        }
    keep(corpus.digest, arrays, told)


def _read(
    arrays: Mapping[str, NDArray[Any]],
    told: Mapping[str, Any],
    tokenizations: tuple[Tokenization, Tokenization],
    digest: str,
) -> ParallelCorpus | None:
    """The corpus that was kept; None if it is not what `_keep` writes."""
    try:
        sides = []
        for name, tokenization in zip(("source", "target"), tokenizations, strict=True):
            of, pieces = told[name], tuple(told[name]["pieces"])
            texts = Ragged.checked(arrays[f"{name}_ids"], arrays[f"{name}_lengths"], len(pieces))
            made = tokenization.with_learned(of["learned"]) if of["learned"] else tokenization
            sides.append(Side(texts, pieces, made, of["read"], of["dropped"]))
        source_of, for_test = arrays["source_of"], arrays["for_test"]
        count = len(sides[0].texts)
        right = source_of.shape == (len(sides[1].texts),) and for_test.shape == (count,) and for_test.dtype == np.bool_
        if not right or not (source_of.min() >= 0 and source_of.max() < count):
            return None
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return None
    return ParallelCorpus(sides[0], sides[1], source_of, for_test, digest)
