"""Captions: English sentences drawn from a probabilistic grammar that ships with the package."""

from __future__ import annotations

from functools import cache, cached_property
from importlib.resources import files

import numpy as np

from textgen_env.checks import check_at_least, check_room
from textgen_env.tasks.base import BaseTask, pad
from textgen_env.tasks.grammar import Grammar
from textgen_env.tasks.sentences import distinct_sentences
from textgen_env.vocabulary import Texts, Vocabulary

END = "<eos>"


@cache
def captions_grammar() -> Grammar:
    """The grammar of the captions, `captions_grammar.json` beside this module."""
    return Grammar.from_file(files("textgen_env.tasks") / "captions_grammar.json")


class CaptionsTask(BaseTask):
    """Sentences such as one reads under photographs, of varying length.

    ## Description
    "a young man is riding a red bicycle down a busy street .": people, animals, vehicles, meals, rooms and views, in
    449 words. The sentences come from a context-free grammar with weights, made for this task, so that they can be
    drawn without end. Number agrees throughout (determiner and noun, subject and verb, "there is" and "there are",
    possessives), "a" and "an" are right, and who does what where is plausible. A model of the language therefore has
    short dependencies (articles) and long ones (a subject and its verb, a subject and its possessive) to learn.

    A sentence has 5 to about 20 words, 11 on average, all in lower case; the final "." is a word. The end token,
    id 0, follows it; the other ids are the words in alphabetical order.

    ## Data
    `train_size` and `test_size` sentences, all distinct, drawn from the grammar. Sentences longer than
    `max_length - 1` words are drawn again: 0.3% of them where `max_length` is 20, two in five where it is 12.

    Args:
        max_length: the horizon T in tokens, the end token included.
        train_size: sentences to learn from.
        test_size: sentences kept for measuring.
        seed: of the drawing.

    Attributes:
        grammar: where the sentences come from.

    Raises:
        TypeError: an argument that is not a whole number.
        ValueError: sizes < 1, a negative seed, or a `max_length` that too few sentences fit into. Sizes beyond what
            the grammar yields are found out when the sentences are first asked for.
    """

    def __init__(self, max_length: int = 20, train_size: int = 10_000, test_size: int = 1_000, seed: int = 0) -> None:
        self.grammar = captions_grammar()
        self.vocabulary = Vocabulary([END, *self.grammar.words], eos=END)
        self.max_length = check_at_least("max_length", max_length)
        self.train_size = check_at_least("train_size", train_size)
        self.test_size = check_at_least("test_size", test_size)
        check_room(f"train_size={self.train_size}, max_length={self.max_length}", self.train_size, self.max_length)
        check_room(f"test_size={self.test_size}, max_length={self.max_length}", self.test_size, self.max_length)
        self.seed = check_at_least("seed", seed, 0)
        # The default holds nearly all sentences; whether a shorter horizon holds enough shows only in drawing them,
        # and is to be told here rather than in the middle of a run.
        if self.max_length < 20:
            _ = self._split

    def training_sequences(self) -> Texts:
        """(train_size, T) sentences to learn from."""
        return self._split[0].copy()

    def test_sequences(self) -> Texts:
        """(test_size, T) sentences that are not among the training data."""
        return self._split[1].copy()

    @cached_property
    def _split(self) -> tuple[Texts, Texts]:
        rng = np.random.default_rng(self.seed)
        wanted = self.train_size + self.test_size
        sentences = distinct_sentences(
            lambda: tuple(self.grammar.sample(rng)), wanted, self.max_length, "train_size + test_size"
        )
        end = self.vocabulary.encode([END])
        rows = [self.vocabulary.encode(sentences[i]) + end for i in rng.permutation(len(sentences))]
        train, test = rows[: self.train_size], rows[self.train_size :]
        blank = self.vocabulary.blank_id
        return pad(train, self.max_length, blank), pad(test, self.max_length, blank)
