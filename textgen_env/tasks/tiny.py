"""Texts few enough to enumerate, so that agents can be held to exact answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from textgen_env.checks import MOST_TOKENS, check_at_least, check_room
from textgen_env.tasks.base import BaseTask, pad
from textgen_env.vocabulary import Texts, Vocabulary


def tiny_vocabulary(vocab_size: int) -> Vocabulary:
    """The vocabulary of an end token (id 0) and `vocab_size` - 1 letters."""
    letters = [chr(ord("a") + i) if vocab_size <= 27 else f"t{i + 1}" for i in range(vocab_size - 1)]
    return Vocabulary(["<eos>", *letters], eos="<eos>")


class TinyTask(BaseTask):
    """A few letters and an end token (id 0).

    Its data are texts of a random first-order Markov chain; with so few texts in all, training and test data
    are drawn independently, not disjoint.

    Args:
        vocab_size: V, the end token included.
        max_length: T.
        seed: of the Markov chain and the data.
        train_size, test_size: texts in the data.

    Raises:
        TypeError, ValueError: a size that is no whole number, or below 1.
    """

    def __init__(
        self,
        vocab_size: int = 4,
        max_length: int = 5,
        seed: int = 0,
        train_size: int = 1_000,
        test_size: int = 1_000,
    ) -> None:
        vocab_size = check_at_least("vocab_size", vocab_size, most=MOST_TOKENS)
        self.max_length = check_at_least("max_length", max_length)
        self.seed = check_at_least("seed", seed, least=0)
        self.train_size = check_at_least("train_size", train_size)
        self.test_size = check_at_least("test_size", test_size)
        check_room(f"train_size={self.train_size}, max_length={self.max_length}", self.train_size, self.max_length)
        check_room(f"test_size={self.test_size}, max_length={self.max_length}", self.test_size, self.max_length)
        self.vocabulary = tiny_vocabulary(vocab_size)

    def training_sequences(self) -> Texts:
        """`train_size` texts of the chain."""
        return self._data[0].copy()

    def test_sequences(self) -> Texts:
        """`test_size` further texts of the chain."""
        return self._data[1].copy()

    def all_texts(self) -> Texts:
        """Every text of the task: those that the end token closes and those of full length."""
        rows = list(self._grow([]))
        return pad(rows, self.max_length, self.vocabulary.blank_id)

    def _grow(self, prefix: list[int]) -> Iterator[list[int]]:
        if len(prefix) == self.max_length or prefix[-1:] == [0]:
            yield prefix
            return
        for token in range(len(self.vocabulary)):
            yield from self._grow([*prefix, token])

    @cached_property
    def _data(self) -> tuple[Texts, Texts]:
        rng = np.random.default_rng(self.seed)
        vocab_size = len(self.vocabulary)
        following = rng.dirichlet(np.full(vocab_size, 0.5), size=vocab_size).cumsum(1)  # (V, V)
        return self._drawn(rng, following, self.train_size), self._drawn(rng, following, self.test_size)

    def _drawn(self, rng: np.random.Generator, following: np.ndarray, count: int) -> Texts:
        rows: list[list[int]] = []
        for _ in range(count):
            text: list[int] = []
            # The end token's row of the chain, otherwise unused, is where a text starts.
            last = 0
            while len(text) < self.max_length and (not text or last != 0):
                last = min(int(np.searchsorted(following[last], rng.random(), side="right")), len(self.vocabulary) - 1)
                text.append(last)
            rows.append(text)
        return pad(rows, self.max_length, self.vocabulary.blank_id)
