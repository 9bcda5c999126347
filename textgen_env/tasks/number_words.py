"""Number words: numbers spelt out in another language, a translation task with one right answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from textgen_env.checks import check_at_least
from textgen_env.tasks.base import BaseTask, SourceTable, pad
from textgen_env.vocabulary import IntArray, Texts, Vocabulary

END = "<eos>"
# Each is spelt: ten million take minutes.
MOST_NUMBER = 10**7
SPLITS = ("train", "validation", "test", "all")
PROBE = 1_000
"""Numbers that are spelt to find out whether a language separates its words."""


class NumberWordsTask(BaseTask):
    """Words of the number that is shown in digits.

    ## Description
    The source is a number, 0 to `max_number`, as digits; the text is the same number in words, as num2words (Taro
    Ogawa and others, https://github.com/savoirfairelinux/num2words) spells it. Each source has exactly one reference.
    French, the default, counts from 60 to 99 by sixty and four twenties, so that words depend on digits that lie
    apart: 4097 is "quatre mille quatre-vingt-dix-sept".

    A source is written with the ten digits, left aligned; the blank, 10, fills it up to the number of digits of
    `max_number`.

    Texts are cut before each space and each hyphen, and the pieces keep them: "quatre-vingt mille" is "quatre",
    "-vingt", " mille". Joined without a separator they give the text exactly, and decoding takes blanks off its ends.
    A language that hardly separates words (German, Italian, Dutch, Finnish, Japanese, Korean, Thai and others) is
    written character by character: it is taken for one if the numbers below 1,000 need more than 500 different
    pieces. With words apart they need some 20 to 210.

    The end token, id 0, ends a text; the other ids are the pieces of all numbers from 0 to `max_number`, sorted, so
    that they depend on neither split nor seed.

    ## Data
    The numbers, shuffled: 80% train, 10% validation, 10% test. With `train_size` the first so many of the first part
    are the training split, and the rest of it is in none; validation and test stay as they are. `split` says which of
    them `reset` draws from; row i of `sources` is the number i whatever the split. The first construction spells all
    numbers, 10 to 20 us each; within a process the result is kept for the next.

    Args:
        language: a key of `num2words.CONVERTER_CLASSES`.
        max_number: the largest number, at least 9.
        split: the sources that are played: "train", "validation", "test" or "all".
        seed: of the shuffle that makes the splits.
        max_length: the horizon T in tokens, the end token included; None for as many as the longest text has.
        train_size: numbers to learn from; None for all of the 80%.

    Raises:
        ImportError: num2words is not installed.
        TypeError: a number that is not whole.
        ValueError: an unknown language or split, numbers that are too small, a `train_size` beyond the 80%, numbers
            that num2words cannot spell in this language, or a `max_length` that is too short for the longest text.
    """

    sources: SourceTable

    def __init__(
        self,
        language: str = "fr",
        max_number: int = 9_999,
        split: str = "train",
        seed: int = 0,
        max_length: int | None = None,
        train_size: int | None = None,
    ) -> None:
        languages = _import_num2words().CONVERTER_CLASSES
        if language not in languages:
            raise ValueError(f"language={language!r} is unknown to num2words; choose one of {sorted(languages)}")
        if split not in SPLITS:
            raise ValueError(f"split={split!r} must be one of {SPLITS}")
        self.language = language
        self.max_number = check_at_least("max_number", max_number, 9, MOST_NUMBER)
        self.split = split
        self.seed = check_at_least("seed", seed, 0)
        spelt = _spelt_numbers(language, self.max_number)
        self.vocabulary = spelt.vocabulary
        longest = int(spelt.lengths.max())
        self.max_length = longest if max_length is None else check_at_least("max_length", max_length)
        if self.max_length < longest:
            raise ValueError(
                f"max_length={max_length} is too short: the longest of the numbers up to {max_number} has {longest} "
                f"tokens in language {language!r}, the end token included; max_length must be at least {longest}"
            )
        width = ((0, 0), (0, self.max_length - longest))
        self._tokens = np.pad(spelt.tokens, width, constant_values=self.vocabulary.blank_id)
        self._lengths = spelt.lengths.copy()
        self._rows = _split_rows(self.max_number + 1, self.seed)
        self.train_size = most = len(self._rows["train"])
        if train_size is not None:
            self.train_size = check_at_least("train_size", train_size, most=most)
            self._rows["train"] = self._rows["train"][: self.train_size]
        self.sources = _number_sources(self.max_number, self._rows[split])

    def training_sequences(self) -> Texts:
        """The texts of the training split, `sources` naming their numbers."""
        return self._texts("train")

    def validation_sequences(self) -> Texts:
        """The texts of the validation split, `sources` naming their numbers."""
        return self._texts("validation")

    def test_sequences(self) -> Texts:
        """The texts of the test split, `sources` naming their numbers."""
        return self._texts("test")

    def references(self) -> Texts:
        """The texts of all numbers from 0 to `max_number`, in order: row i is the text of source i."""
        return self._texts("all")

    def _texts(self, split: str) -> Texts:
        rows = self._rows[split]
        return Texts(self._tokens[rows], self._lengths[rows], rows.copy())


class SpeltNumbers(NamedTuple):
    """The numbers 0 .. M-1 in words: the vocabulary, (M, T) int64 tokens and (M,) int64 lengths."""

    vocabulary: Vocabulary
    tokens: IntArray
    lengths: IntArray


def in_pieces(text: str) -> list[str]:
    """`text`, cut before each space and each hyphen; "".join gives it back.

    >>> in_pieces("deux mille quatre-vingt")
    ['deux', ' mille', ' quatre', '-vingt']
    """
    return [piece for piece in re.split(r"(?=[ -])", text) if piece]


def _import_num2words() -> ModuleType:
    try:
        import num2words
    except ImportError:
        raise ImportError('NumberWords needs num2words; install it with: pip install "textgen-env[text]"') from None
    return num2words  # type: ignore[no-any-return]


@lru_cache(maxsize=8)
def _spelt_numbers(language: str, max_number: int) -> SpeltNumbers:
    numbers = range(max(max_number + 1, PROBE))
    converter = _converter(language, numbers[-1])
    texts = [_spell(number, language, converter) for number in numbers]
    separates = len({piece for text in texts[:PROBE] for piece in in_pieces(text)}) <= PROBE // 2
    cut: Callable[[str], list[str]] = in_pieces if separates else list
    rows = [cut(text) for text in texts[: max_number + 1]]
    vocabulary = Vocabulary([END, *sorted({piece for row in rows for piece in row})], eos=END, separator="")
    ids = [vocabulary.encode([*row, END]) for row in rows]
    tokens, lengths, _ = pad(ids, max(map(len, ids)), vocabulary.blank_id)
    return SpeltNumbers(vocabulary, tokens, lengths)


def _converter(language: str, largest: int) -> Any:
    """num2words' converter of a language, made fast for numbers up to `largest`.

    For each part of a number, most converters go through the names of all powers of ten up to 10^600; a copy that
    knows no more of them than it needs spells the same ten times as fast.
    """
    converter = copy(_import_num2words().CONVERTER_CLASSES[language])
    if hasattr(converter, "cards"):
        converter.cards = type(converter.cards)((n, name) for n, name in converter.cards.items() if n <= largest)
    return converter


def _spell(number: int, language: str, converter: Any) -> str:
    # What a converter raises for a number beyond its reach differs from language to language, TypeError among it.
    try:
        return str(converter.to_cardinal(number)).strip()
    except Exception as error:
        raise ValueError(
            f"num2words cannot spell {number} in language {language!r} ({type(error).__name__}: {error}); choose "
            f"max_number < {number} or another language"
        ) from error


def _split_rows(count: int, seed: int) -> dict[str, IntArray]:
    """Name of each split -> the rows in it."""
    order = np.random.default_rng(seed).permutation(count)
    tenth = count // 10
    return {
        "train": order[2 * tenth :],
        "validation": order[tenth : 2 * tenth],
        "test": order[:tenth],
        "all": np.arange(count),
    }


def _number_sources(max_number: int, pool: IntArray) -> SourceTable:
    digits = [[int(digit) for digit in str(number)] for number in range(max_number + 1)]
    vocabulary = Vocabulary("0123456789", separator="")
    tokens, _, _ = pad(digits, len(str(max_number)), vocabulary.blank_id)
    return SourceTable(vocabulary, tokens, pool)
