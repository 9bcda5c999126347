"""Poems: Chinese quatrains of five characters a line, one of the SeqGAN paper's three real worlds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from textgen_env.checks import check_at_least
from textgen_env.data.folders import data_path
from textgen_env.tasks.base import BaseTask, pad
from textgen_env.vocabulary import Texts, Vocabulary

LENGTH = 20
MARKS = "，。"
LOST = "□"
"""Stands for a character that the sources have lost."""


class PoemsTask(BaseTask):
    """Quatrains of classical Chinese: four lines of five characters, 20 tokens, without an end token.

    ## Description
    "床前明月光疑是地上霜举头望明月低头思故乡": each character is a token, and the marks after the lines, which are the
    same in every poem, are left out. Words of one or two characters are what a model of the language has to learn, then
    the parallel of two lines, and rhyme. The ids are the characters in the order of their code points; there is no
    token for unknown ones. V is 3,116 by default.

    In this world Yu et al. (2017, "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", section 6)
    measure by BLEU-2, "since most words (dependency) in classical Chinese poems consist of one or two characters".

    ## Data
    The named data "poems" (`python -m textgen_env.data list`): 16,394 quatrains. Poems that stand there twice are taken
    once, which leaves 15,993. Poems with a character that is lost (written □), or that occurs less than `min_count`
    times among these, are dropped whole. Of the 13,416 that are left by default, shuffled by `seed`, the first
    `test_size` are the test data, and those after them the training data.

    Args:
        min_count: how often a character must occur in the distinct poems.
        train_size: poems to learn from; None for all that are not test data.
        test_size: poems kept for measuring.
        seed: of the shuffle that makes the split.

    Raises:
        textgen_env.data.MissingData: the data are not on this machine.
        textgen_env.files.UnreadableFile: they are, and differ from what they should be.
        TypeError: an argument that is not a whole number.
        ValueError: sizes < 1, a negative seed, or more than there are poems.
    """

    max_length = LENGTH

    def __init__(
        self, min_count: int = 5, train_size: int | None = None, test_size: int = 1_000, seed: int = 0
    ) -> None:
        check_at_least("min_count", min_count)
        check_at_least("test_size", test_size)
        rng = np.random.default_rng(check_at_least("seed", seed, 0))
        poems = frequent(distinct_poems(data_path("poems").read_text(encoding="utf-8").splitlines()), min_count)
        left = len(poems) - test_size
        size = left if train_size is None else check_at_least("train_size", train_size)
        if left < max(size, 1):
            raise ValueError(
                f"test_size={test_size!r} and train_size={train_size!r} are more than the {len(poems)} poems that "
                f"min_count={min_count!r} leaves; ask for fewer, or lower min_count"
            )
        self.vocabulary = Vocabulary(sorted(set(chain.from_iterable(poems))), separator="")
        order = rng.permutation(len(poems)).tolist()
        rows = [self.vocabulary.encode(poems[row]) for row in order[: test_size + size]]
        blank = self.vocabulary.blank_id
        self._test, self._training = (pad(each, LENGTH, blank) for each in (rows[:test_size], rows[test_size:]))

    def training_sequences(self) -> Texts:
        """(train_size, 20) poems to learn from."""
        return self._training.copy()

    def test_sequences(self) -> Texts:
        """(test_size, 20) poems that are not among the training data."""
        return self._test.copy()


def distinct_poems(lines: Iterable[str]) -> list[tuple[str, ...]]:
    """The poems of a file, each once, as their 20 characters: one a line, spaces between characters and marks.

    Raises:
        ValueError: a line with another number of characters.
    """
    found: dict[tuple[str, ...], None] = {}
    for number, line in enumerate(lines, 1):
        poem = tuple(piece for piece in line.split() if piece not in MARKS)
        if len(poem) != LENGTH or any(len(piece) != 1 for piece in poem):
            raise ValueError(f"line {number} of the poems is {line!r}; expected {LENGTH} characters parted by spaces")
        found[poem] = None
    return list(found)


def frequent(poems: Sequence[tuple[str, ...]], min_count: int) -> list[tuple[str, ...]]:
    """The poems all of whose characters occur `min_count` times among `poems`, and none of which is lost."""
    counts = Counter(chain.from_iterable(poems))
    counts[LOST] = 0
    return [poem for poem in poems if all(counts[character] >= min_count for character in poem)]
