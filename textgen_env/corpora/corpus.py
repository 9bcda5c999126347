"""Corpus: texts read, cut into tokens and split into a training part and a test part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.checks import check_at_least, check_number, is_whole
from textgen_env.corpora.kept import keep, key_of, load_kept
from textgen_env.corpora.origin import Origin
from textgen_env.corpora.ragged import Ragged, encoded
from textgen_env.tokenization import Tokenization
from textgen_env.vocabulary import IntArray

ARRAYS = ("training_ids", "training_lengths", "test_ids", "test_lengths")
LEAST_KEPT = 200_000
"""Tokens of a corpus that is kept on disk: fewer are cut again in a second."""
EMPTY, REPEATED, IN_TRAINING = "empty", "repeated", "in the training part"


@dataclass(frozen=True)
class Part:
    """Texts of one part.

    Attributes:
        texts: N of them, in the order of the file, as ids of the corpus's pieces.
        read: texts that were there.
        dropped: why -> how many of them are left out.
    """

    texts: Ragged
    read: int
    dropped: Mapping[str, int]


@dataclass(frozen=True)
class Corpus:
    """Texts cut into tokens and split: all that costs time, before a vocabulary and a horizon are chosen.

    Attributes:
        training, test: the parts; no text stands twice.
        pieces: P different tokens, in the order of their ids.
        tokenization: that has cut them, with what it has learned.
        digest: of all that they depend on.
    """

    training: Part
    test: Part
    pieces: tuple[str, ...]
    tokenization: Tokenization
    digest: str


@dataclass(frozen=True)
class Split:
    """Choice of the test part.

    Attributes:
        test_size: a share of the texts, between 0 and 1, or their number.
        seed: of the choice.

    Raises:
        TypeError, ValueError: an attribute that is not allowed.
    """

    test_size: float
    seed: int

    def __post_init__(self) -> None:
        check_at_least("seed", self.seed, 0)
        if is_whole(self.test_size):
            check_at_least("test_size", int(self.test_size))
        else:
            check_number("test_size", self.test_size, above=0.0, most=1.0)
            if self.test_size == 1.0:
                raise ValueError("test_size=1.0 leaves no training texts; give a share below 1, or a whole number")

    def rows(self, count: int, named: str) -> IntArray:
        """(K,) int64 which of `count` texts are for testing, ascending.

        Raises:
            ValueError: none is left for training, or there are no two.
        """
        if count < 2:
            raise ValueError(
                f"{named} holds {'no text' if not count else 'one text alone'}; a training part and a test part need "
                "at least two different texts"
            )
        wanted = int(self.test_size) if is_whole(self.test_size) else max(1, round(self.test_size * count))
        if wanted >= count:
            raise ValueError(
                f"test_size={self.test_size} of the {count} different texts of {named} leaves none for training; make "
                "it smaller"
            )
        return np.sort(np.random.default_rng(self.seed).permutation(count)[:wanted])


def load_corpus(
    origin: Origin, test_origin: Origin | None, tokenization: Tokenization, split: Split, cache: bool
) -> Corpus:
    """The corpus of texts, from the user's cache folder if it was made before.

    Args:
        origin: of the texts, or of the training texts.
        test_origin: of the test texts; None to take them from the others by `split`.
        tokenization: cuts them; what it learns, it learns from the training texts.
        split: chooses the test texts.
        cache: whether it is looked for in the cache folder, and kept there if it is large.

    Raises:
        ValueError: too few texts, or what cannot be read.
    """
    settings: dict[str, Any] = {"texts": dict(origin.settings), "tokenization": dict(tokenization.settings)}
    if test_origin is None:
        settings |= {"test_size": split.test_size, "seed": split.seed}
    else:
        settings["test"] = dict(test_origin.settings)
    key = key_of(settings)
    found = load_kept(key, ARRAYS) if cache else None
    corpus = None if found is None else _read(*found, tokenization, key)
    if corpus is None:
        corpus = _made(origin, test_origin, tokenization, split, key)
        if cache and len(corpus.training.texts.ids) + len(corpus.test.texts.ids) >= LEAST_KEPT:
            _keep(corpus)
    return corpus


def _made(origin: Origin, test_origin: Origin | None, tokenization: Tokenization, split: Split, digest: str) -> Corpus:
    training, read, dropped = _different(origin.texts())
    if test_origin is None:
        chosen = set(split.rows(len(training), origin.named).tolist())
        test = [text for row, text in enumerate(training) if row in chosen]
        training = [text for row, text in enumerate(training) if row not in chosen]
        # Of what is one file it is not said which part a text that is left out would have come to.
        test_read, test_dropped = len(test), dict.fromkeys(dropped, 0)
        read -= test_read
    else:
        if not training:
            raise ValueError(f"{origin.named} holds no text; give a file of texts")
        test, test_read, test_dropped = _different(test_origin.texts())
        if not test:
            raise ValueError(f"{test_origin.named} holds no text; give a file of texts")
    tokenization = tokenization.fitted(training)
    known: dict[str, int] = {}
    first, second = encoded(training, tokenization, known), encoded(test, tokenization, known)
    first, dropped = _without_repeated(first, dropped)
    second, test_dropped = _without_repeated(second, test_dropped, first)
    training_part, test_part = Part(first, read, dropped), Part(second, test_read, test_dropped)
    return Corpus(training_part, test_part, tuple(known), tokenization, digest)


def _different(texts: Iterable[str]) -> tuple[list[str], int, dict[str, int]]:
    """The different texts that are not empty, how many there were, and how many are left out, by why."""
    read, empty = 0, 0
    found: dict[str, None] = {}
    for text in texts:
        read += 1
        stripped = text.strip()
        if stripped:
            found[stripped] = None
        else:
            empty += 1
    return list(found), read, {EMPTY: empty, REPEATED: read - empty - len(found)}


def _without_repeated(
    texts: Ragged, dropped: Mapping[str, int], training: Ragged | None = None
) -> tuple[Ragged, dict[str, int]]:
    """The texts of which a token is left, each once, and none of the training part."""
    empty = texts.lengths == 0
    texts = texts.taken(~empty)
    first = texts.distinct()
    kept = texts.taken(first)
    counts = {**dropped, EMPTY: dropped[EMPTY] + int(empty.sum()), REPEATED: dropped[REPEATED] + int((~first).sum())}
    if training is not None:
        new = kept.distinct(training)
        counts[IN_TRAINING] = int((~new).sum())
        kept = kept.taken(new)
    return kept, counts


def _keep(corpus: Corpus) -> None:
    arrays: dict[str, NDArray[Any]] = {
        "training_ids": corpus.training.texts.ids,
        "training_lengths": corpus.training.texts.lengths,
        "test_ids": corpus.test.texts.ids,
        "test_lengths": corpus.test.texts.lengths,
    }
    told = {
        "pieces": corpus.pieces,
        "learned": corpus.tokenization.learned,
        "read": [corpus.training.read, corpus.test.read],
        "dropped": [dict(corpus.training.dropped), dict(corpus.test.dropped)],
    }
    keep(corpus.digest, arrays, told)


def _read(
    arrays: Mapping[str, NDArray[Any]], told: Mapping[str, Any], tokenization: Tokenization, digest: str
) -> Corpus | None:
    """The corpus that was kept; None if it is not what `_keep` writes."""
    try:
        pieces = tuple(told["pieces"])
        learned = str(told["learned"])
        training, test = (
            Part(
                Ragged.checked(arrays[f"{name}_ids"], arrays[f"{name}_lengths"], len(pieces)),
                int(told["read"][which]),
                {str(why): int(count) for why, count in told["dropped"][which].items()},
            )
            for which, name in enumerate(("training", "test"))
        )
        made = tokenization.with_learned(learned) if learned else tokenization
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return None
    return Corpus(training, test, pieces, made, digest)
