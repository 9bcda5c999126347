"""Conditional tasks whose sources have several references, for rewards that compare with them."""

from __future__ import annotations

import numpy as np

from textgen_env.tasks.base import BaseTask, SourceTable, pad
from textgen_env.vocabulary import IntArray, Texts, Vocabulary

WORDS = Vocabulary(["<eos>", "a", "bat", "cat", "dog", "ate"], eos="<eos>")
# Blanks at the ends of a text, which decoding takes off, and inside it, which it keeps.
LETTERS = Vocabulary(["<eos>", "a", "b", " ", "é", "\t", " to"], eos="<eos>", separator="")


class Answers(BaseTask):
    """A few sources; source 1 has no reference and is not played, the others have one to three.

    Args:
        vocabulary: of the texts, with the end token 0.
        seed: of the references.
        max_length: T.
        num_sources: M >= 2.
    """

    def __init__(
        self, vocabulary: Vocabulary = WORDS, seed: int = 0, max_length: int = 7, num_sources: int = 5
    ) -> None:
        rng = np.random.default_rng(seed)
        self.vocabulary, self.max_length = vocabulary, max_length
        pool = np.array([source for source in range(num_sources) if source != 1])
        rows = rng.permutation(np.concatenate([pool, rng.choice(pool, size=rng.integers(num_sources))]))
        self.sources = SourceTable(Vocabulary.numbered(num_sources), np.arange(num_sources)[:, None], pool)
        tokens, lengths, _ = random_texts(rng, self, len(rows))
        self._references = Texts(tokens, lengths, rows)

    def references(self) -> Texts:
        """One to three texts a source."""
        return self._references.copy()

    def training_sequences(self) -> Texts:
        """The references."""
        return self.references()

    def of_source(self, source: int) -> list[list[int]]:
        """The references of a source, without the end token."""
        tokens, lengths, rows = self._references
        content = self.vocabulary.content_lengths(tokens, lengths)
        return [tokens[row, : content[row]].tolist() for row in np.flatnonzero(rows == source)]


def random_texts(rng: np.random.Generator, task: BaseTask, count: int) -> Texts:
    """Texts of random tokens, of every length, with the end token where they are shorter than the horizon; a third of
    them are a reference with a token changed, if the task has any yet."""
    rows = []
    known: list[IntArray] = []
    if hasattr(task, "_references"):
        known = [text[:length] for text, length in zip(*task.references()[:2], strict=True)]
    for _ in range(count):
        text = rng.integers(1, len(task.vocabulary), size=rng.integers(task.max_length + 1))
        if known and rng.random() < 0.34:
            text = known[rng.integers(len(known))].copy()
            text = text[text > 0]
            if len(text):
                text[rng.integers(len(text))] = rng.integers(1, len(task.vocabulary))
        rows.append([*text.tolist(), 0][: task.max_length])
    return pad(rows, task.max_length, task.vocabulary.blank_id)
