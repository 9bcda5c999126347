"""Task whose texts are uniform: without a model, and without torch."""

from __future__ import annotations

import numpy as np

from textgen_env import BaseTask, Texts, Vocabulary
from textgen_env.vocabulary import IntArray


class UniformTask(BaseTask):
    """Task: texts of tokens drawn uniformly.

    Args:
        vocab_size, length, count: V, T and how many training texts.
    """

    def __init__(self, vocab_size: int, length: int, count: int) -> None:
        self.vocabulary = Vocabulary.numbered(vocab_size)
        self.max_length = length
        tokens = np.random.default_rng(0).integers(vocab_size, size=(count, length))
        self.texts = Texts(tokens, full_lengths(tokens))

    def training_sequences(self) -> Texts:
        """All of them."""
        return self.texts

    def near_references(self, count: int) -> IntArray:
        """(count, T) texts that share n-grams of every order with the references: these, a token in seven redrawn."""
        rng = np.random.default_rng(1)
        tokens = self.texts.tokens[rng.integers(len(self.texts.tokens), size=count)]
        drawn = rng.integers(len(self.vocabulary), size=tokens.shape)
        near: IntArray = np.where(rng.random(tokens.shape) < 1 / 7, drawn, tokens)
        return near


def full_lengths(tokens: IntArray) -> IntArray:
    """(N,) T."""
    return np.full(len(tokens), tokens.shape[1], np.int64)
